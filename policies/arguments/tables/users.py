"""Cognito."""

from collections.abc import Iterator
from typing import Final

from policies.arguments.checks import (
    follows_model,
    has_item_count,
    has_length,
    has_tags,
    is_between,
    is_in_enum,
)
from policies.arguments.relations import Block, allow_at_most_one, define_relation
from policies.arguments.resource_type import ResourceType

_SECONDS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
# https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
_VALIDITIES: Final = {
    "accessToken": ("hours", 300, 86_400),
    "idToken": ("hours", 300, 86_400),
    "refreshToken": ("days", 3600, 315_360_000),
}


@define_relation("accessTokenValidity", "idTokenValidity", "refreshTokenValidity", "tokenValidityUnits")
def _check_token_validities(block: Block) -> Iterator[str]:
    """Check that each token's validity is within its limits. Each token has a unit, such as hours."""
    units = block.get("tokenValidityUnits")
    for token, (default, lowest, highest) in _VALIDITIES.items():
        value = block.get(f"{token}Validity")
        unit = units.get(token, default) if isinstance(units, dict) else default
        if isinstance(value, int | float) and unit in _SECONDS and value:
            seconds = value * _SECONDS[unit]
            if not lowest <= seconds <= highest:
                yield f"{token}Validity is {seconds} seconds, allowed are {lowest} to {highest}"


_MECHANISMS: Final = "accountRecoverySetting.recoveryMechanisms"

TYPES: Final = (
    ResourceType(
        type="aws:cognito/userGroup:UserGroup",
        source="cognitoidp/user_group.go",
        arguments={
            "name": (has_length(1, 128), follows_model("cognito-idp.GroupNameType")),
            "userPoolId": (follows_model("cognito-idp.UserPoolIdType"),),
        },
    ),
    ResourceType(
        type="aws:cognito/userPool:UserPool",
        source="cognitoidp/user_pool.go",
        arguments={
            _MECHANISMS: (has_item_count(1, 2),),
            f"{_MECHANISMS}[].name": (is_in_enum("cognito-idp.RecoveryOptionNameType"),),
            f"{_MECHANISMS}[].priority": (follows_model("cognito-idp.PriorityType"),),
            "adminCreateUserConfig.allowAdminCreateUserOnly": (),
            "autoVerifiedAttributes[]": (is_in_enum("cognito-idp.VerifiedAttributeType"),),
            "deletionProtection": (is_in_enum("cognito-idp.DeletionProtectionType"),),
            "mfaConfiguration": (is_in_enum("cognito-idp.UserPoolMfaType"),),
            "name": (has_length(1, 128), follows_model("cognito-idp.UserPoolNameType")),
            "passwordPolicy.minimumLength": (is_between(6, 99),),
            "passwordPolicy.requireLowercase": (),
            "passwordPolicy.requireNumbers": (),
            "passwordPolicy.requireSymbols": (),
            "passwordPolicy.requireUppercase": (),
            "passwordPolicy.temporaryPasswordValidityDays": (is_between(0, 365),),
            "softwareTokenMfaConfiguration.enabled": (),
            "tags": has_tags("cognito-idp.TagKeysType", "cognito-idp.TagValueType"),
            "usernameAttributes[]": (is_in_enum("cognito-idp.UsernameAttributeType"),),
            "usernameConfiguration.caseSensitive": (),
        },
        relations=(allow_at_most_one("usernameAttributes", "aliasAttributes"),),
    ),
    ResourceType(
        type="aws:cognito/userPoolClient:UserPoolClient",
        source="cognitoidp/user_pool_client.go",
        arguments={
            "accessTokenValidity": (follows_model("cognito-idp.AccessTokenValidityType"),),
            "enableTokenRevocation": (),
            "explicitAuthFlows[]": (is_in_enum("cognito-idp.ExplicitAuthFlowsType"),),
            "generateSecret": (),
            "idTokenValidity": (follows_model("cognito-idp.IdTokenValidityType"),),
            "name": (has_length(1, 128), follows_model("cognito-idp.ClientNameType")),
            "preventUserExistenceErrors": (is_in_enum("cognito-idp.PreventUserExistenceErrorTypes"),),
            "refreshTokenValidity": (follows_model("cognito-idp.RefreshTokenValidityType"),),
            "tokenValidityUnits.accessToken": (is_in_enum("cognito-idp.TimeUnitsType"),),
            "tokenValidityUnits.idToken": (is_in_enum("cognito-idp.TimeUnitsType"),),
            "tokenValidityUnits.refreshToken": (is_in_enum("cognito-idp.TimeUnitsType"),),
            "userPoolId": (follows_model("cognito-idp.UserPoolIdType"),),
        },
        relations=(_check_token_validities,),
    ),
)
