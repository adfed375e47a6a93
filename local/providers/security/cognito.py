"""Cognito: user pools, their clients and their groups."""

from typing import Any

from attrs import evolve

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    find_removed_tags,
    parse_answer,
    pick_properties,
    read_single_block,
    read_tags,
)

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
POOL = {"AutoVerifiedAttributes": "autoVerifiedAttributes", "DeletionProtection": "deletionProtection"}
FIXED_POOL = {"UsernameAttributes": "usernameAttributes", "AliasAttributes": "aliasAttributes"}
PASSWORDS = {
    "MinimumLength": "minimumLength",
    "RequireLowercase": "requireLowercase",
    "RequireNumbers": "requireNumbers",
    "RequireSymbols": "requireSymbols",
    "RequireUppercase": "requireUppercase",
    "TemporaryPasswordValidityDays": "temporaryPasswordValidityDays",
}
CLIENT = {
    "AccessTokenValidity": "accessTokenValidity",
    "AllowedOAuthFlows": "allowedOauthFlows",
    "AllowedOAuthFlowsUserPoolClient": "allowedOauthFlowsUserPoolClient",
    "AllowedOAuthScopes": "allowedOauthScopes",
    "CallbackURLs": "callbackUrls",
    "EnableTokenRevocation": "enableTokenRevocation",
    "ExplicitAuthFlows": "explicitAuthFlows",
    "IdTokenValidity": "idTokenValidity",
    "LogoutURLs": "logoutUrls",
    "PreventUserExistenceErrors": "preventUserExistenceErrors",
    "ReadAttributes": "readAttributes",
    "RefreshTokenValidity": "refreshTokenValidity",
    "SupportedIdentityProviders": "supportedIdentityProviders",
    "WriteAttributes": "writeAttributes",
}
TOKEN_UNITS = {"AccessToken": "accessToken", "IdToken": "idToken", "RefreshToken": "refreshToken"}


@register_creator("aws:cognito/userPool:UserPool")
def create_user_pool(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a user pool. The emulator signs the tokens of its users."""
    properties = declared.properties
    name = declared.get_physical_name()
    client = aws.client("cognito-idp")
    usernames = read_single_block(properties.get("usernameConfiguration"))
    made = client.create_user_pool(
        PoolName=name,
        UserPoolTags=read_tags(properties),
        **pick_properties(properties, **FIXED_POOL),
        **(
            {"UsernameConfiguration": pick_properties(usernames, CaseSensitive="caseSensitive")}
            if usernames
            else {}
        ),
        **_build_pool(properties),
    )["UserPool"]
    if properties.get("mfaConfiguration", "OFF") != "OFF":
        _set_mfa(aws, properties, made["Id"])
    endpoint = f"cognito-idp.{aws.region}.amazonaws.com/{made['Id']}"
    return CreatedResource(id=made["Id"], outputs={"arn": made["Arn"], "endpoint": endpoint, "name": name})


@register_updater("aws:cognito/userPool:UserPool")
def update_user_pool(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the settings that can change while a pool has users."""
    client, properties = aws.client("cognito-idp"), declared.properties
    name = declared.get_physical_name()
    client.update_user_pool(UserPoolId=made.id, PoolName=name, **_build_pool(properties))
    _set_mfa(aws, properties, made.id)
    arn = made.outputs["arn"]
    tags = client.list_tags_for_resource(ResourceArn=arn)["Tags"]
    if removed := find_removed_tags(tags, properties):
        client.untag_resource(ResourceArn=arn, TagKeys=removed)
    if wanted := read_tags(properties):
        client.tag_resource(ResourceArn=arn, Tags=wanted)
    return evolve(made, outputs={**made.outputs, "name": name})


@register_reader("aws:cognito/userPool:UserPool")
def read_user_pool(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the pool without its users."""
    client = aws.client("cognito-idp")
    pool = client.describe_user_pool(UserPoolId=made.id)["UserPool"]
    mfa = client.get_user_pool_mfa_config(UserPoolId=made.id)
    mechanisms = pool.get("AccountRecoverySetting", {}).get("RecoveryMechanisms", [])
    return {
        "accountRecoverySetting": {
            "recoveryMechanisms": [
                parse_answer(entry, Name="name", Priority="priority") for entry in mechanisms
            ]
        },
        "adminCreateUserConfig": parse_answer(
            pool.get("AdminCreateUserConfig", {}), AllowAdminCreateUserOnly="allowAdminCreateUserOnly"
        ),
        "mfaConfiguration": mfa.get("MfaConfiguration", "OFF"),
        "passwordPolicy": parse_answer(pool.get("Policies", {}).get("PasswordPolicy", {}), **PASSWORDS),
        "softwareTokenMfaConfiguration": parse_answer(
            mfa.get("SoftwareTokenMfaConfiguration", {}), Enabled="enabled"
        ),
        "tags": pool.get("UserPoolTags", {}),
        "usernameConfiguration": parse_answer(
            pool.get("UsernameConfiguration", {}), CaseSensitive="caseSensitive"
        ),
        **parse_answer(pool, Name="name", **POOL, **FIXED_POOL),
    }


def _build_pool(properties: Properties) -> dict[str, Any]:
    arguments: dict[str, Any] = pick_properties(properties, **POOL)
    passwords = read_single_block(properties.get("passwordPolicy"))
    if passwords:
        arguments["Policies"] = {"PasswordPolicy": pick_properties(passwords, **PASSWORDS)}
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
        aws.client("cognito-idp").set_user_pool_mfa_config(UserPoolId=pool_id, MfaConfiguration="OFF")
        return
    token = read_single_block(properties.get("softwareTokenMfaConfiguration"))
    aws.client("cognito-idp").set_user_pool_mfa_config(
        UserPoolId=pool_id,
        MfaConfiguration=wanted,
        SoftwareTokenMfaConfiguration={"Enabled": bool(token.get("enabled"))},
    )


@register_deleter("aws:cognito/userPool:UserPool")
def delete_user_pool(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the pool with its users."""
    aws.client("cognito-idp").delete_user_pool(UserPoolId=made.id)


@register_creator("aws:cognito/userPoolClient:UserPoolClient")
def create_user_pool_client(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an app client for sign-in."""
    properties = declared.properties
    name = declared.get_physical_name()
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


@register_updater("aws:cognito/userPoolClient:UserPoolClient")
def update_user_pool_client(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the app client's settings. The client secret does not change."""
    properties = declared.properties
    aws.client("cognito-idp").update_user_pool_client(
        UserPoolId=properties["userPoolId"],
        ClientId=made.id,
        ClientName=declared.get_physical_name(),
        **_build_client(properties),
    )
    return made


def _build_client(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(properties, **CLIENT)
    units = read_single_block(properties.get("tokenValidityUnits"))
    if units:
        arguments["TokenValidityUnits"] = pick_properties(units, **TOKEN_UNITS)
    return arguments


@register_reader("aws:cognito/userPoolClient:UserPoolClient")
def read_user_pool_client(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the client's settings."""
    pool_id = declared.properties["userPoolId"]
    answer = aws.client("cognito-idp").describe_user_pool_client(UserPoolId=pool_id, ClientId=made.id)
    client = answer["UserPoolClient"]
    return {
        "generateSecret": "ClientSecret" in client,
        "tokenValidityUnits": parse_answer(client.get("TokenValidityUnits", {}), **TOKEN_UNITS),
        **parse_answer(client, ClientName="name", UserPoolId="userPoolId", **CLIENT),
    }


@register_deleter("aws:cognito/userPoolClient:UserPoolClient")
def delete_user_pool_client(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the app client. The user pool remains."""
    aws.client("cognito-idp").delete_user_pool_client(
        UserPoolId=declared.properties["userPoolId"], ClientId=made.id
    )


@register_creator("aws:cognito/userGroup:UserGroup")
def create_user_group(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a group of a user pool. The access tokens of its members contain its name."""
    pool_id, name = declared.properties["userPoolId"], declared.properties["name"]
    aws.client("cognito-idp").create_group(UserPoolId=pool_id, GroupName=name)
    return CreatedResource(id=f"{pool_id}/{name}", outputs={"name": name})


@register_reader("aws:cognito/userGroup:UserGroup")
def read_user_group(aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource) -> Properties:
    """Return the group without its members."""
    pool_id, name = declared.properties["userPoolId"], declared.properties["name"]
    group = aws.client("cognito-idp").get_group(UserPoolId=pool_id, GroupName=name)["Group"]
    return parse_answer(group, GroupName="name", UserPoolId="userPoolId")


@register_deleter("aws:cognito/userGroup:UserGroup")
def delete_user_group(aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource) -> None:
    """Delete the group. Its members remain in the pool."""
    pool_id, name = declared.properties["userPoolId"], declared.properties["name"]
    aws.client("cognito-idp").delete_group(UserPoolId=pool_id, GroupName=name)
