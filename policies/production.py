"""Production: what holds data is protected by Pulumi and by AWS (G3)."""

from collections.abc import Iterator
from typing import Final

from policies.documents import KEY
from policies.encryption import TABLE
from policies.graph import Resource, ResourceRule
from policies.public_access import BUCKET
from policies.transport import DISTRIBUTION

_USER_POOL: Final = "aws:cognito/userPool:UserPool"
# What holds something that cannot be made again.
_PROTECTED: Final = (
    TABLE,
    BUCKET,
    KEY,
    _USER_POOL,
    DISTRIBUTION,
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudfront/keyValueStore:KeyValueStore",
    "aws:apigatewayv2/api:Api",
)
_LEAST_DAYS: Final = 30


def _in_production(resource: Resource) -> bool:
    return resource.stage == "production"


def _protected(resource: Resource) -> Iterator[str]:
    if _in_production(resource) and not resource.protect:
        yield "can be deleted by `pulumi up`: protect it"


def _table(resource: Resource) -> Iterator[str]:
    if not _in_production(resource):
        return
    if not resource.is_one_of("deletionProtectionEnabled", True):
        yield "can be deleted: set deletionProtectionEnabled"
    if not resource.is_one_of("pointInTimeRecovery.enabled", True):
        yield "cannot be restored: set pointInTimeRecovery.enabled"


def _bucket(resource: Resource) -> Iterator[str]:
    if _in_production(resource) and not resource.is_one_of("forceDestroy", None, False):
        yield "is emptied when it is deleted: take forceDestroy away"


def _user_pool(resource: Resource) -> Iterator[str]:
    if _in_production(resource) and not resource.is_one_of("deletionProtection", "ACTIVE"):
        yield "can be deleted with its users: set deletionProtection to ACTIVE"


def _key(resource: Resource) -> Iterator[str]:
    if _in_production(resource) and not resource.is_one_of("deletionWindowInDays", None, _LEAST_DAYS):
        yield f"is gone too soon after it was deleted: set deletionWindowInDays to {_LEAST_DAYS}"


RULES: Final = (
    ResourceRule(
        name="production-is-protected",
        description="What cannot be made again is protected in production.",
        types=_PROTECTED,
        check=_protected,
        severity="critical",
    ),
    ResourceRule(
        name="production-tables-are-kept",
        description="Tables of production have deletion protection and point-in-time recovery.",
        types=(TABLE,),
        check=_table,
        severity="critical",
    ),
    ResourceRule(
        name="production-buckets-are-kept",
        description="Buckets of production are never emptied by Pulumi.",
        types=(BUCKET,),
        check=_bucket,
        severity="critical",
    ),
    ResourceRule(
        name="production-users-are-kept",
        description="User pools of production have deletion protection.",
        types=(_USER_POOL,),
        check=_user_pool,
        severity="critical",
    ),
    ResourceRule(
        name="production-keys-are-kept",
        description="Keys of production can be had back for 30 days.",
        types=(KEY,),
        check=_key,
        severity="critical",
    ),
)
