"""The wildcards that policies may have, each with its reason."""

import re
from typing import Final

from attrs import frozen

from policies.documents import BUCKET_POLICY, GRANTING, KEY, Statement


@frozen(kw_only=True)
class Wildcard:
    """An action or a resource that may end in a wildcard.

    Attributes:
        pattern: Matches the whole action or ARN.
        reason: Why it cannot be said more exactly.
        types: The type tokens of the resources whose documents may have it.
        actions: The actions that may be allowed with it; every action, when there are none.
    """

    pattern: str
    reason: str
    types: tuple[str, ...] = GRANTING
    actions: frozenset[str] = frozenset()


ACTIONS: Final = (
    Wildcard(
        pattern=r"kms:\*",
        reason="the account's administrators, in a key policy: without them nobody manages the key",
        types=(KEY,),
    ),
)
_ARN: Final = r"arn:aws:{}:[a-z0-9-]*:\d*:{}"
_SITE: Final = r"anchor-[a-z]+-site-\*"
_SITES_PARAMETERS: Final = r"parameter/anchor/[a-z]+/sites"
RESOURCES: Final = (
    Wildcard(pattern=r"\*", reason="in a key policy it means the key itself", types=(KEY,)),
    Wildcard(
        pattern=r"\*",
        reason="X-Ray knows no resources to name",
        actions=frozenset({"xray:PutTelemetryRecords", "xray:PutTraceSegments"}),
    ),
    Wildcard(
        pattern=_ARN.format("logs", r"log-group:/aws/(lambda|codebuild)/anchor-[a-z0-9-]+:\*"),
        reason="the streams of one's own log, which Lambda and CodeBuild name",
    ),
    Wildcard(
        pattern=r"arn:aws:s3:::anchor-[a-z0-9-]+/[a-z-]+/([a-z0-9-]+/)*\*",
        reason="the objects under a prefix",
        types=(*GRANTING, BUCKET_POLICY),
    ),
    Wildcard(
        pattern=r"arn:aws:s3:::anchor-[a-z0-9-]+/artifacts/\*/functions/\*",
        reason="the functions' zips of every deployment",
    ),
    Wildcard(pattern=_ARN.format("lambda", f"function:{_SITE}"), reason="the platform releases every site"),
    Wildcard(
        pattern=_ARN.format("codebuild", rf"project/{_SITE}-build"), reason="the platform builds every site"
    ),
    Wildcard(
        pattern=_ARN.format("logs", rf"log-group:/aws/codebuild/{_SITE}-build:log-stream:\*"),
        reason="the platform tells why a build failed, of every site",
    ),
    Wildcard(
        pattern=_ARN.format("dynamodb", rf"table/{_SITE}-tags"), reason="the platform seeds every site's tags"
    ),
    Wildcard(
        pattern=_ARN.format("ssm", rf"{_SITES_PARAMETERS}/\*/\*"),
        reason="the platform keeps every site's secrets",
    ),
    Wildcard(
        pattern=_ARN.format("ssm", rf"{_SITES_PARAMETERS}/\*/\*/NEXT_SERVER_ACTIONS_ENCRYPTION_KEY"),
        reason="the orchestrator hands each build its project's key, of any site",
    ),
    Wildcard(
        pattern=_ARN.format("ssm", rf"{_SITES_PARAMETERS}/[a-z0-9-]+/\*"),
        reason="a build's own site's secrets",
    ),
)


def unexplained_actions(statement: Statement, kind: str) -> list[str]:
    """The actions with a wildcard without a reason, in the document of a resource of type `kind`."""
    return [
        action for action in statement.actions if _is_wild(action) and not _has_reason(action, kind, ACTIONS)
    ]


def unexplained_resources(statement: Statement, kind: str) -> list[str]:
    """The resources with a wildcard without a reason, likewise."""
    reasons = tuple(one for one in RESOURCES if not one.actions or one.actions.issuperset(statement.actions))
    return [arn for arn in statement.resources if _is_wild(arn) and not _has_reason(arn, kind, reasons)]


def _is_wild(value: str) -> bool:
    return "*" in value or "?" in value


def _has_reason(value: str, kind: str, reasons: tuple[Wildcard, ...]) -> bool:
    return any(kind in one.types and re.fullmatch(one.pattern, value) for one in reasons)
