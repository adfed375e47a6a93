"""Cognito: user pools and their clients."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one, tags


@creates("aws:cognito/userPool:UserPool")
def user_pool(aws: Aws, declared: Declared) -> Made:
    """A user pool whose tokens are really signed."""
    properties = declared.properties
    name = declared.named()
    client = aws.client("cognito-idp")
    usernames = one(properties.get("usernameConfiguration"))
    made = client.create_user_pool(
        PoolName=name,
        UserPoolTags=tags(properties),
        **given(properties, UsernameAttributes="usernameAttributes", AliasAttributes="aliasAttributes"),
        **({"UsernameConfiguration": given(usernames, CaseSensitive="caseSensitive")} if usernames else {}),
        **_pool(properties),
    )["UserPool"]
    _second_factor(aws, properties, made["Id"])
    endpoint = f"cognito-idp.{aws.region}.amazonaws.com/{made['Id']}"
    return Made(id=made["Id"], outputs={"arn": made["Arn"], "endpoint": endpoint, "name": name})


@updates("aws:cognito/userPool:UserPool")
def update_user_pool(aws: Aws, declared: Declared, made: Made) -> Made:
    """What a pool can change while it has users."""
    aws.client("cognito-idp").update_user_pool(UserPoolId=made.id, **_pool(declared.properties))
    _second_factor(aws, declared.properties, made.id)
    return made


def _pool(properties: Properties) -> dict[str, Any]:
    arguments: dict[str, Any] = given(
        properties, AutoVerifiedAttributes="autoVerifiedAttributes", DeletionProtection="deletionProtection"
    )
    passwords = one(properties.get("passwordPolicy"))
    if passwords:
        arguments["Policies"] = {
            "PasswordPolicy": given(
                passwords,
                MinimumLength="minimumLength",
                RequireLowercase="requireLowercase",
                RequireNumbers="requireNumbers",
                RequireSymbols="requireSymbols",
                RequireUppercase="requireUppercase",
                TemporaryPasswordValidityDays="temporaryPasswordValidityDays",
            )
        }
    creation = one(properties.get("adminCreateUserConfig"))
    if creation:
        arguments["AdminCreateUserConfig"] = given(
            creation, AllowAdminCreateUserOnly="allowAdminCreateUserOnly"
        )
    recovery = one(properties.get("accountRecoverySetting")).get("recoveryMechanisms")
    if recovery:
        mechanisms = [given(entry, Name="name", Priority="priority") for entry in recovery]
        arguments["AccountRecoverySetting"] = {"RecoveryMechanisms": mechanisms}
    return arguments


def _second_factor(aws: Aws, properties: Properties, pool_id: str) -> None:
    wanted = properties.get("mfaConfiguration", "OFF")
    if wanted == "OFF":
        return
    token = one(properties.get("softwareTokenMfaConfiguration"))
    aws.client("cognito-idp").set_user_pool_mfa_config(
        UserPoolId=pool_id,
        MfaConfiguration=wanted,
        SoftwareTokenMfaConfiguration={"Enabled": bool(token.get("enabled"))},
    )


@deletes("aws:cognito/userPool:UserPool")
def delete_user_pool(aws: Aws, _declared: Declared, made: Made) -> None:
    """With its users."""
    aws.client("cognito-idp").delete_user_pool(UserPoolId=made.id)


@creates("aws:cognito/userPoolClient:UserPoolClient")
def user_pool_client(aws: Aws, declared: Declared) -> Made:
    """With what users sign in."""
    properties = declared.properties
    name = declared.named()
    made = aws.client("cognito-idp").create_user_pool_client(
        UserPoolId=properties["userPoolId"],
        ClientName=name,
        GenerateSecret=bool(properties.get("generateSecret")),
        **_client(properties),
    )["UserPoolClient"]
    outputs: Properties = {"name": name}
    if "ClientSecret" in made:
        outputs["clientSecret"] = made["ClientSecret"]
    return Made(id=made["ClientId"], outputs=outputs)


@updates("aws:cognito/userPoolClient:UserPoolClient")
def update_user_pool_client(aws: Aws, declared: Declared, made: Made) -> Made:
    """Everything but its secret."""
    properties = declared.properties
    aws.client("cognito-idp").update_user_pool_client(
        UserPoolId=properties["userPoolId"],
        ClientId=made.id,
        ClientName=declared.named(),
        **_client(properties),
    )
    return made


def _client(properties: Properties) -> dict[str, Any]:
    arguments = given(
        properties,
        AccessTokenValidity="accessTokenValidity",
        AllowedOAuthFlows="allowedOauthFlows",
        AllowedOAuthFlowsUserPoolClient="allowedOauthFlowsUserPoolClient",
        AllowedOAuthScopes="allowedOauthScopes",
        CallbackURLs="callbackUrls",
        EnableTokenRevocation="enableTokenRevocation",
        ExplicitAuthFlows="explicitAuthFlows",
        IdTokenValidity="idTokenValidity",
        LogoutURLs="logoutUrls",
        PreventUserExistenceErrors="preventUserExistenceErrors",
        ReadAttributes="readAttributes",
        RefreshTokenValidity="refreshTokenValidity",
        SupportedIdentityProviders="supportedIdentityProviders",
        WriteAttributes="writeAttributes",
    )
    units = one(properties.get("tokenValidityUnits"))
    if units:
        arguments["TokenValidityUnits"] = given(
            units, AccessToken="accessToken", IdToken="idToken", RefreshToken="refreshToken"
        )
    return arguments


@deletes("aws:cognito/userPoolClient:UserPoolClient")
def delete_user_pool_client(aws: Aws, declared: Declared, made: Made) -> None:
    """The pool stays."""
    aws.client("cognito-idp").delete_user_pool_client(
        UserPoolId=declared.properties["userPoolId"], ClientId=made.id
    )
