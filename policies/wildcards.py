"""The wildcards that are allowed in policies, each with its reason."""

import re
from typing import Final

from attrs import frozen

from policies.documents import BUCKET_POLICY, GRANTING, KEY, Statement


@frozen(kw_only=True)
class Wildcard:
    """An action or a resource in which a wildcard is allowed.

    Attributes:
        pattern: Regular expression that matches the complete action or ARN.
        reason: Why an exact value is not possible.
        types: Type tokens of the resources in whose documents the wildcard is allowed.
        actions: If not empty, a statement with the resource must not allow any other action.
    """

    pattern: str
    reason: str
    types: tuple[str, ...] = GRANTING
    actions: frozenset[str] = frozenset()


ACTIONS: Final = (
    Wildcard(
        pattern=r"kms:\*",
        reason="the account's administrators in a key policy; without them nobody could manage the key",
        types=(KEY,),
    ),
)
_ARN: Final = r"arn:aws:{}:[a-z0-9-]*:\d*:{}"
_STAGE: Final = r"[a-z][a-z0-9-]*"
_SITE: Final = rf"anchor-{_STAGE}-site-\*"
_SITES_PARAMETERS: Final = rf"parameter/anchor/{_STAGE}/sites"
RESOURCES: Final = (
    Wildcard(pattern=r"\*", reason="in a key policy this is the key itself", types=(KEY,)),
    Wildcard(
        pattern=r"\*",
        reason="X-Ray supports no resource-level permissions",
        actions=frozenset({"xray:PutTelemetryRecords", "xray:PutTraceSegments"}),
    ),
    Wildcard(
        pattern=_ARN.format("logs", r"log-group:/aws/(lambda|codebuild)/anchor-[a-z0-9-]+:\*"),
        reason="the streams of its own log group, whose names Lambda and CodeBuild choose",
    ),
    Wildcard(
        pattern=r"arn:aws:s3:::anchor-[a-z0-9-]+/[a-z-]+/([a-z0-9-]+/)*\*",
        reason="the objects under a prefix",
        types=(*GRANTING, BUCKET_POLICY),
    ),
    Wildcard(
        pattern=r"arn:aws:s3:::anchor-[a-z0-9-]+/artifacts/\*/functions/\*",
        reason="the function archives of all deployments",
    ),
    Wildcard(pattern=_ARN.format("lambda", f"function:{_SITE}"), reason="the platform releases all sites"),
    Wildcard(
        pattern=_ARN.format("codebuild", rf"project/{_SITE}-build"), reason="the platform builds all sites"
    ),
    Wildcard(
        pattern=_ARN.format("logs", rf"log-group:/aws/codebuild/{_SITE}-build:log-stream:\*"),
        reason="the platform reads the build logs of all sites",
    ),
    Wildcard(
        pattern=_ARN.format("logs", rf"log-group:/aws/lambda/{_SITE}"),
        reason="the platform reads the run-time logs of all sites",
    ),
    Wildcard(
        pattern=_ARN.format("dynamodb", rf"table/{_SITE}-tags"),
        reason="the platform writes the cache tags of all sites",
    ),
    Wildcard(
        pattern=_ARN.format("sqs", rf"{_SITE}-revalidate\*\.fifo"),
        reason="the collection empties the queues and dead-letter queues of sites of deleted projects",
        actions=frozenset({"sqs:PurgeQueue"}),
    ),
    Wildcard(
        pattern=_ARN.format("ssm", rf"{_SITES_PARAMETERS}/\*"),
        reason="the collection deletes what is left of the secrets on sites of deleted projects",
        actions=frozenset({"ssm:DeleteParameters", "ssm:GetParametersByPath"}),
    ),
    Wildcard(
        pattern=_ARN.format("ssm", rf"{_SITES_PARAMETERS}/\*/\*"),
        reason="the platform stores the secrets of all sites",
    ),
    Wildcard(
        pattern=_ARN.format("ssm", rf"{_SITES_PARAMETERS}/\*/\*/NEXT_SERVER_ACTIONS_ENCRYPTION_KEY"),
        reason="the orchestrator creates the server actions key of any site",
    ),
    Wildcard(
        pattern=_ARN.format("ssm", rf"parameter/anchor/{_STAGE}/deploy-keys/\*"),
        reason="the platform stores the deploy keys of all projects, and hands them over to builds",
    ),
    Wildcard(
        pattern=_ARN.format("ssm", rf"{_SITES_PARAMETERS}/[a-z0-9-]+/\*"),
        reason="a build reads the secrets of its own site",
    ),
)


def find_unexplained_actions(statement: Statement, type_token: str) -> list[str]:
    """Return the statement's actions that contain a wildcard, and that `ACTIONS` does not allow.

    Args:
        statement: Statement to check.
        type_token: Type token of the resource that contains the statement.
    """
    return [
        action
        for action in statement.actions
        if _has_wildcard(action) and not _is_allowed(action, type_token, ACTIONS)
    ]


def find_unexplained_resources(statement: Statement, type_token: str) -> list[str]:
    """Return the statement's resources that contain a wildcard, and that `RESOURCES` does not allow.

    Args:
        statement: Statement to check.
        type_token: Type token of the resource that contains the statement.
    """
    allowed = tuple(one for one in RESOURCES if not one.actions or one.actions.issuperset(statement.actions))
    return [
        arn for arn in statement.resources if _has_wildcard(arn) and not _is_allowed(arn, type_token, allowed)
    ]


def _has_wildcard(value: str) -> bool:
    return "*" in value or "?" in value


def _is_allowed(value: str, type_token: str, wildcards: tuple[Wildcard, ...]) -> bool:
    return any(type_token in one.types and re.fullmatch(one.pattern, value) for one in wildcards)
