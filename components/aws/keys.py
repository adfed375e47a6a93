"""EncryptionKey, one KMS key, and PlatformKeys, the two KMS keys of the platform."""

from typing import Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.grants import Grant
from components.core.outputs import JoinedText, Text, interpolate_json
from components.core.scope import ResourceScope


@attrs.frozen(kw_only=True)
class EncryptionKeyArgs:
    """Arguments of `EncryptionKey`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        purpose: Description of the key, one sentence.
        use: `encrypt`, or `sign` for an HMAC key.
    """

    scope: ResourceScope
    purpose: str
    use: Literal["encrypt", "sign"]


class EncryptionKey(Part):
    """A KMS key with an alias. KMS rotates an encryption key every year, but not an HMAC key.

    Attributes:
        arn: ARN.
    """

    def __init__(
        self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(args.scope, opts)
        signs = args.use == "sign"
        key = aws.kms.Key(
            name,
            description=args.purpose,
            key_usage="GENERATE_VERIFY_MAC" if signs else None,
            customer_master_key_spec="HMAC_256" if signs else None,
            # KMS does not rotate HMAC keys.
            enable_key_rotation=None if signs else True,
            # Number of days in which the deletion of a key can be canceled.
            deletion_window_in_days=30 if args.scope.retain else 7,
            policy=_build_key_policy(args.scope.account),
            opts=self.retained_child_opts,
        )
        aws.kms.Alias(
            name, name=f"alias/{args.scope.prefix}-{name}", target_key_id=key.key_id, opts=self.child_opts
        )
        self.arn = key.arn

    def grant_sign(self) -> Grant:
        """Allow computing HMACs with this key."""
        return Grant(actions=("kms:GenerateMac",), resources=(self.arn,))

    def grant(self, *actions: Literal["Decrypt", "Encrypt"], context: str) -> Grant:
        """Allow encryption or decryption, if `context` is the only name in the encryption context.

        KMS decrypts a ciphertext only with the context value that was used for its encryption. If somebody
        copies a ciphertext to a row with another value, KMS refuses to decrypt the copy.
        """
        return Grant(
            actions=tuple(f"kms:{action}" for action in actions),
            resources=(self.arn,),
            conditions={
                # `ForAllValues` also allows requests without a context. The condition `Null` excludes them.
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": context},
                "Null": {f"kms:EncryptionContext:{context}": "false"},
            },
        )


@attrs.frozen(kw_only=True)
class PlatformKeysArgs:
    """Arguments of `PlatformKeys`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
    """

    scope: ResourceScope


class PlatformKeys(Part):
    """The signing key and the secrets key.

    The platform derives webhook secrets, origin keys and the projects' keys for server actions from ids, with
    the signing key (HMAC). No table stores these secrets. The secrets key encrypts the sites' secret
    variables in Parameter Store, and the secrets of releases in the assets bucket.

    Attributes:
        signing_arn: ARN of the signing key.
        secrets_arn: ARN of the secrets key.
    """

    def __init__(self, args: PlatformKeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.scope, opts)
        self._signing = EncryptionKey(
            "signing",
            EncryptionKeyArgs(
                scope=args.scope,
                purpose="Derives webhook secrets and origin keys from ids",
                use="sign",
            ),
            self.child_opts,
        )
        secrets = EncryptionKey(
            "secrets",
            EncryptionKeyArgs(
                scope=args.scope,
                purpose="Encrypts the secret variables of sites",
                use="encrypt",
            ),
            self.child_opts,
        )
        self.signing_arn = self._signing.arn
        self.secrets_arn = secrets.arn

    def grant_sign(self) -> Grant:
        """Allow computing HMACs with the signing key, from which the platform derives secrets."""
        return self._signing.grant_sign()

    def grant_encrypt(self, parameters: Text) -> Grant:
        """Allow encryption with the secrets key, only through Parameter Store and for these parameters.

        Args:
            parameters: ARN pattern of the parameters. Parameter Store passes a parameter's ARN to KMS as
                encryption context.
        """
        return self._grant_through_parameter_store("kms:Encrypt", parameters)

    def grant_decrypt(self, parameters: Text) -> Grant:
        """Allow decryption with the secrets key, only through Parameter Store and for these parameters."""
        return self._grant_through_parameter_store("kms:Decrypt", parameters)

    def grant_encrypt_for_releases(self) -> Grant:
        """Allow encryption with the secrets key for the releases of all sites.

        The encryption context names the site and the project.
        """
        return Grant(
            actions=("kms:Encrypt",),
            resources=(self.secrets_arn,),
            conditions={
                "Null": {"kms:EncryptionContext:site": "false", "kms:EncryptionContext:project": "false"}
            },
        )

    def grant_decrypt_for_releases(self, site: str) -> Grant:
        """Allow decryption with the secrets key, only of what was encrypted for the releases of one site.

        The parameters in Parameter Store are encrypted with another context.
        """
        return Grant(
            actions=("kms:Decrypt",),
            resources=(self.secrets_arn,),
            conditions={"StringEquals": {"kms:EncryptionContext:site": site}},
        )

    def _grant_through_parameter_store(self, action: str, parameters: Text) -> Grant:
        return Grant(
            actions=(action,),
            resources=(self.secrets_arn,),
            conditions={
                "StringEquals": {"kms:ViaService": JoinedText("ssm.", self.scope.region, ".amazonaws.com")},
                "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters},
            },
        )


def _build_key_policy(account: pulumi.Input[str]) -> pulumi.Input[str]:
    """Return the key policy that AWS recommends: the IAM policies of the account grant access to the key.

    Without this policy, nobody could manage the key.
    """
    administrators = {
        "Effect": "Allow",
        "Principal": {"AWS": JoinedText("arn:aws:iam::", account, ":root")},
        "Action": "kms:*",
        "Resource": "*",
    }
    return interpolate_json({"Version": "2012-10-17", "Statement": [administrators]})
