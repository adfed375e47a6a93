"""EncryptionKey, one KMS key, and PlatformKeys, the two KMS keys of the platform."""

from typing import Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.grants import Grant
from components.core.outputs import JoinedText, Text, interpolate_json
from components.core.stage import StageConfig


@attrs.frozen(kw_only=True)
class EncryptionKeyArgs:
    """Arguments of `EncryptionKey`.

    Attributes:
        stage: Stage settings.
        account: AWS account id. The account's administrators manage the key.
        purpose: Description of the key, one sentence.
        use: `encrypt`, or `sign` for an HMAC key.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    purpose: str
    use: Literal["encrypt", "sign"]


class EncryptionKey(Part):
    """A KMS key with an alias. An encryption key rotates every year.

    Attributes:
        arn: ARN.
    """

    def __init__(
        self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(args.stage, opts)
        signs = args.use == "sign"
        key = aws.kms.Key(
            name,
            description=args.purpose,
            key_usage="GENERATE_VERIFY_MAC" if signs else None,
            customer_master_key_spec="HMAC_256" if signs else None,
            # KMS does not rotate HMAC keys.
            enable_key_rotation=None if signs else True,
            # Number of days in which the deletion of a key can be canceled.
            deletion_window_in_days=30 if args.stage.retains_data else 7,
            policy=_key_policy(args.account),
            opts=self.retained_child_opts,
        )
        aws.kms.Alias(
            name, name=f"alias/{args.stage.prefix}-{name}", target_key_id=key.key_id, opts=self.child_opts
        )
        self.arn = key.arn

    def grant_sign(self) -> Grant:
        """Allow computing HMACs with this key."""
        return Grant(actions=("kms:GenerateMac",), resources=(self.arn,))

    def grant(self, *actions: Literal["Decrypt", "Encrypt"], context: str) -> Grant:
        """Allow actions of an encryption key, if the encryption context has only the key `context`.

        Decryption needs the same context value as encryption. A ciphertext that is copied to another row
        cannot be decrypted there.
        """
        return Grant(
            actions=tuple(f"kms:{action}" for action in actions),
            resources=(self.arn,),
            conditions={
                # `ForAllValues` also allows requests without a context. The second condition excludes them.
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": context},
                "Null": {f"kms:EncryptionContext:{context}": "false"},
            },
        )


@attrs.frozen(kw_only=True)
class PlatformKeysArgs:
    """Arguments of `PlatformKeys`.

    Attributes:
        stage: Stage settings.
        account: AWS account id. The account's administrators manage the keys.
    """

    stage: StageConfig
    account: pulumi.Input[str]


class PlatformKeys(Part):
    """The signing key and the secrets key.

    The signing key (HMAC) derives webhook secrets and origin keys from ids, so these are not stored.
    The secrets key encrypts the sites' secret variables in Parameter Store.

    Attributes:
        signing_arn: ARN of the signing key.
        secrets_arn: ARN of the secrets key.
    """

    def __init__(self, args: PlatformKeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.stage, opts)
        self._signing = EncryptionKey(
            "signing",
            EncryptionKeyArgs(
                stage=args.stage,
                account=args.account,
                purpose="Derives webhook secrets and origin keys from ids",
                use="sign",
            ),
            self.child_opts,
        )
        secrets = EncryptionKey(
            "secrets",
            EncryptionKeyArgs(
                stage=args.stage,
                account=args.account,
                purpose="Encrypts the secret variables of sites",
                use="encrypt",
            ),
            self.child_opts,
        )
        self.signing_arn = self._signing.arn
        self.secrets_arn = secrets.arn

    def grant_sign(self) -> Grant:
        """Allow deriving secrets with the signing key."""
        return self._signing.grant_sign()

    def grant_encrypt(self, parameters: Text) -> Grant:
        """Allow encrypting secrets, only by writing these parameters.

        Args:
            parameters: ARN pattern of the parameters. Parameter Store passes a parameter's ARN to KMS as
                encryption context.
        """
        return self._grant_through_parameter_store("kms:Encrypt", parameters)

    def grant_decrypt(self, parameters: Text) -> Grant:
        """Allow decrypting secrets, only by reading these parameters."""
        return self._grant_through_parameter_store("kms:Decrypt", parameters)

    def _grant_through_parameter_store(self, action: str, parameters: Text) -> Grant:
        return Grant(
            actions=(action,),
            resources=(self.secrets_arn,),
            conditions={
                "StringEquals": {"kms:ViaService": f"ssm.{self.stage.region}.amazonaws.com"},
                "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters},
            },
        )


def _key_policy(account: pulumi.Input[str]) -> pulumi.Input[str]:
    """Return the key policy that AWS recommends: IAM policies of the account decide about access.

    Without this policy nobody could manage the key.
    """
    administrators = {
        "Effect": "Allow",
        "Principal": {"AWS": JoinedText("arn:aws:iam::", account, ":root")},
        "Action": "kms:*",
        "Resource": "*",
    }
    return interpolate_json({"Version": "2012-10-17", "Statement": [administrators]})
