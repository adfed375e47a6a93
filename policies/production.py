"""Production: Pulumi and AWS protect all resources that hold data."""

from collections.abc import Iterator
from typing import Final

from policies.documents import KEY
from policies.encryption import TABLE
from policies.graph import Resource, ResourceRule
from policies.public_access import BUCKET
from policies.transport import DISTRIBUTION

_USER_POOL: Final = "aws:cognito/userPool:UserPool"
# Types of resources whose data or address cannot be recreated.
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
_MINIMUM_DAYS: Final = 30


def _check_protection(resource: Resource) -> Iterator[str]:
    if resource.is_in_production and not resource.protect:
        yield "can be deleted by `pulumi up`: set the option protect"


def _check_table(resource: Resource) -> Iterator[str]:
    if not resource.is_in_production:
        return
    if not resource.is_one_of("deletionProtectionEnabled", True):
        yield "can be deleted: set deletionProtectionEnabled"
    if not resource.is_one_of("pointInTimeRecovery.enabled", True):
        yield "cannot be restored: set pointInTimeRecovery.enabled"


def _check_bucket(resource: Resource) -> Iterator[str]:
    if resource.is_in_production and not resource.is_one_of("forceDestroy", None, False):
        yield "is emptied when it is deleted: remove forceDestroy"


def _check_user_pool(resource: Resource) -> Iterator[str]:
    if resource.is_in_production and not resource.is_one_of("deletionProtection", "ACTIVE"):
        yield "can be deleted with its users: set deletionProtection to ACTIVE"


def _check_key(resource: Resource) -> Iterator[str]:
    if resource.is_in_production and not resource.is_one_of("deletionWindowInDays", None, _MINIMUM_DAYS):
        yield f"has a short deletion window: set deletionWindowInDays to {_MINIMUM_DAYS}"


RULES: Final = (
    ResourceRule(
        name="production-is-protected",
        description="Resources that hold data are protected in production.",
        types=_PROTECTED,
        check=_check_protection,
        severity="critical",
    ),
    ResourceRule(
        name="production-tables-are-kept",
        description="Tables of production have deletion protection and point-in-time recovery.",
        types=(TABLE,),
        check=_check_table,
        severity="critical",
    ),
    ResourceRule(
        name="production-buckets-are-kept",
        description="Pulumi never empties buckets of production.",
        types=(BUCKET,),
        check=_check_bucket,
        severity="critical",
    ),
    ResourceRule(
        name="production-users-are-kept",
        description="User pools of production have deletion protection.",
        types=(_USER_POOL,),
        check=_check_user_pool,
        severity="critical",
    ),
    ResourceRule(
        name="production-keys-are-kept",
        description="The deletion of keys of production can be canceled for 30 days.",
        types=(KEY,),
        check=_check_key,
        severity="critical",
    ),
)
