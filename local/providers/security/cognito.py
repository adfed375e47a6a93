"""Cognito: user pools and their clients."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    pick_properties,
    read_single_block,
    read_tags,
)


@creates("aws:cognito/userPool:UserPool")
def create_user_pool(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a user pool. The emulator signs the tokens of its users."""
    properties = declared.properties
    name = declared.physical_name()
    client = aws.client("cognito-idp")
    usernames = read_single_block(properties.get("usernameConfiguration"))
    made = client.create_user_pool(
        PoolName=name,
        UserPoolTags=read_tags(properties),
        **pick_properties(
            properties, UsernameAttributes="usernameAttributes", AliasAttributes="aliasAttributes"
        ),
        **(
            {"UsernameConfiguration": pick_properties(usernames, CaseSensitive="caseSensitive")}
            if usernames
            else {}
        ),
        **_build_pool(properties),
    )["UserPool"]
    _set_mfa(aws, properties, made["Id"])
    endpoint = f"cognito-idp.{aws.region}.amazonaws.com/{made['Id']}"
    return CreatedResource(id=made["Id"], outputs={"arn": made["Arn"], "endpoint": endpoint, "name": name})


@updates("aws:cognito/userPool:UserPool")
def update_user_pool(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the settings that can change while a pool has users."""
    aws.client("cognito-idp").update_user_pool(UserPoolId=made.id, **_build_pool(declared.properties))
    _set_mfa(aws, declared.properties, made.id)
    return made


def _build_pool(properties: Properties) -> dict[str, Any]:
    arguments: dict[str, Any] = pick_properties(
        properties, AutoVerifiedAttributes="autoVerifiedAttributes", DeletionProtection="deletionProtection"
    )
    passwords = read_single_block(properties.get("passwordPolicy"))
    if passwords:
        arguments["Policies"] = {
            "PasswordPolicy": pick_properties(
                passwords,
                MinimumLength="minimumLength",
                RequireLowercase="requireLowercase",
                RequireNumbers="requireNumbers",
                RequireSymbols="requireSymbols",
                RequireUppercase="requireUppercase",
                TemporaryPasswordValidityDays="temporaryPasswordValidityDays",
            )
        }
    creation = read_single_block(properties.get("adminCreateUserConfig"))
    if creation:
        arguments["AdminCreateUserConfig"] = pick_properties(
            creation, AllowAdminCreateUserOnly="allowAdminCreateUserOnly"
        )
    recovery = read_single_block(properties.get("accountRecoverySetting")).get("recoveryMechanisms")
    if recovery:
        mechanisms = [pick_properties(entry, Name="name", Priority="priority") for entry in recovery]
        arguments["AccountRecoverySetting"] = {"RecoveryMechanisms": mechanisms}
    return arguments


def _set_mfa(aws: ProviderContext, properties: Properties, pool_id: str) -> None:
    wanted = properties.get("mfaConfiguration", "OFF")
    if wanted == "OFF":
        return
    token = read_single_block(properties.get("softwareTokenMfaConfiguration"))
    aws.client("cognito-idp").set_user_pool_mfa_config(
        UserPoolId=pool_id,
        MfaConfiguration=wanted,
        SoftwareTokenMfaConfiguration={"Enabled": bool(token.get("enabled"))},
    )


@deletes("aws:cognito/userPool:UserPool")
def delete_user_pool(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the pool with its users."""
    aws.client("cognito-idp").delete_user_pool(UserPoolId=made.id)


@creates("aws:cognito/userPoolClient:UserPoolClient")
def create_user_pool_client(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an app client for sign-in."""
    properties = declared.properties
    name = declared.physical_name()
    made = aws.client("cognito-idp").create_user_pool_client(
        UserPoolId=properties["userPoolId"],
        ClientName=name,
        GenerateSecret=bool(properties.get("generateSecret")),
        **_build_client(properties),
    )["UserPoolClient"]
    outputs: Properties = {"name": name}
    if "ClientSecret" in made:
        outputs["clientSecret"] = made["ClientSecret"]
    return CreatedResource(id=made["ClientId"], outputs=outputs)


@updates("aws:cognito/userPoolClient:UserPoolClient")
def update_user_pool_client(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the app client's settings. The client secret does not change."""
    properties = declared.properties
    aws.client("cognito-idp").update_user_pool_client(
        UserPoolId=properties["userPoolId"],
        ClientId=made.id,
        ClientName=declared.physical_name(),
        **_build_client(properties),
    )
    return made


def _build_client(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(
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
    units = read_single_block(properties.get("tokenValidityUnits"))
    if units:
        arguments["TokenValidityUnits"] = pick_properties(
            units, AccessToken="accessToken", IdToken="idToken", RefreshToken="refreshToken"
        )
    return arguments


@deletes("aws:cognito/userPoolClient:UserPoolClient")
def delete_user_pool_client(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the app client. The user pool remains."""
    aws.client("cognito-idp").delete_user_pool_client(
        UserPoolId=declared.properties["userPoolId"], ClientId=made.id
    )
