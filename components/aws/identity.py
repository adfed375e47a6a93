"""UserIdentity: the Cognito user pool of the stage's APIs."""

from collections.abc import Iterable

import pulumi
import pulumi_aws as aws

from components.core.component import Component
from components.core.outputs import interpolate
from components.core.scope import ResourceScope


class UserIdentity(Component):
    """A user pool with its client and its groups. Only administrators can create users.

    The access token of a user names the groups of the user. The APIs refuse users who are in no group.

    Args:
        name: Name of the component.
        scope: Values that the resources share, such as the name prefix.
        groups: Names of the groups. Each API is for the members of one group: the API of the deploy platform
            for the members of `deploy`.
        opts: Pulumi options.

    Attributes:
        pool_id: Id of the user pool.
        client_id: Id of the client, which is the audience of its tokens.
        issuer: Issuer of the tokens.
    """

    def __init__(
        self,
        name: str,
        *,
        scope: ResourceScope,
        groups: Iterable[str] = ("deploy",),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("identity", name, scope, opts)
        pool = aws.cognito.UserPool(
            name,
            name=f"{scope.prefix}-{name}",
            username_attributes=["email"],
            username_configuration=aws.cognito.UserPoolUsernameConfigurationArgs(case_sensitive=False),
            auto_verified_attributes=["email"],
            # A user can run builds, so self-registration is disabled.
            admin_create_user_config=aws.cognito.UserPoolAdminCreateUserConfigArgs(
                allow_admin_create_user_only=True
            ),
            password_policy=aws.cognito.UserPoolPasswordPolicyArgs(
                minimum_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_numbers=True,
                require_symbols=False,
                temporary_password_validity_days=7,
            ),
            mfa_configuration="OPTIONAL",
            software_token_mfa_configuration=aws.cognito.UserPoolSoftwareTokenMfaConfigurationArgs(
                enabled=True
            ),
            account_recovery_setting=aws.cognito.UserPoolAccountRecoverySettingArgs(
                recovery_mechanisms=[
                    aws.cognito.UserPoolAccountRecoverySettingRecoveryMechanismArgs(
                        name="verified_email", priority=1
                    )
                ]
            ),
            deletion_protection="ACTIVE" if scope.retain else "INACTIVE",
            opts=self.retained_child_opts,
        )
        client = aws.cognito.UserPoolClient(
            name,
            name=f"{scope.prefix}-{name}",
            user_pool_id=pool.id,
            explicit_auth_flows=[
                "ALLOW_USER_PASSWORD_AUTH",
                "ALLOW_USER_SRP_AUTH",
                "ALLOW_REFRESH_TOKEN_AUTH",
            ],
            # A client in a browser or a terminal cannot keep a secret.
            generate_secret=False,
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            access_token_validity=1,
            id_token_validity=1,
            refresh_token_validity=30,
            token_validity_units=aws.cognito.UserPoolClientTokenValidityUnitsArgs(
                access_token="hours",  # noqa: S106 - a unit
                id_token="hours",  # noqa: S106 - a unit
                refresh_token="days",  # noqa: S106 - a unit
            ),
            opts=self.child_opts,
        )
        for group in groups:
            aws.cognito.UserGroup(f"{name}-{group}", name=group, user_pool_id=pool.id, opts=self.child_opts)
        self.pool_id = pool.id
        self.client_id = client.id
        self.issuer = interpolate("https://cognito-idp.", scope.region, ".amazonaws.com/", pool.id)
        self.register_outputs({"poolId": pool.id, "clientId": client.id})
