"""Keys of KMS, and the two that the platform has."""

from typing import Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.grants import Grant
from components.core.outputs import Joined, Text, composed_json
from components.core.stage import StageConfig


@attrs.frozen(kw_only=True)
class EncryptionKeyArgs:
    """What a key is made of.

    Attributes:
        stage: The stage it belongs to.
        account: The AWS account's id; its administrators manage the key.
        purpose: What it is for, in a sentence.
        use: Whether it encrypts, or signs (HMAC): a key does one of them.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    purpose: str
    use: Literal["encrypt", "sign"]


class EncryptionKey(Part):
    """A key that never leaves KMS, under an alias. One that encrypts gets new material every year.

    Attributes:
        arn: Its ARN.
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
            # Days in which a key that was deleted by mistake can be had back.
            deletion_window_in_days=30 if args.stage.keeps_data else 7,
            policy=_administered_by(args.account),
            opts=self.kept,
        )
        aws.kms.Alias(
            name, name=f"alias/{args.stage.prefix}-{name}", target_key_id=key.key_id, opts=self.inside
        )
        self.arn = key.arn

    def grant_sign(self) -> Grant:
        """Allow deriving secrets with a key that signs."""
        return Grant(actions=("kms:GenerateMac",), resources=(self.arn,))

    def grant(self, *actions: Literal["Decrypt", "Encrypt"], context: str) -> Grant:
        """Allow `actions` of a key that encrypts, with an encryption context of this one name.

        Whoever decrypts must say the same value as whoever encrypted: a row's ciphertext is of no use in
        another row.
        """
        return Grant(
            actions=tuple(f"kms:{action}" for action in actions),
            resources=(self.arn,),
            conditions={
                # Of no names at all, too, all are allowed: hence the second condition.
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": context},
                "Null": {f"kms:EncryptionContext:{context}": "false"},
            },
        )


@attrs.frozen(kw_only=True)
class PlatformKeysArgs:
    """What the keys are made of.

    Attributes:
        stage: The stage they belong to.
        account: The AWS account's id; its administrators manage the keys.
    """

    stage: StageConfig
    account: pulumi.Input[str]


class PlatformKeys(Part):
    """The signing key and the secrets key.

    The signing key (HMAC) makes webhook secrets and origin keys out of ids: nothing is stored that could
    leak.
    The secrets key encrypts the sites' secret variables in the parameter store.

    Attributes:
        signing_arn: The ARN of the signing key.
        secrets_arn: The ARN of the secrets key.
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
            self.inside,
        )
        secrets = EncryptionKey(
            "secrets",
            EncryptionKeyArgs(
                stage=args.stage,
                account=args.account,
                purpose="Encrypts the secret variables of sites",
                use="encrypt",
            ),
            self.inside,
        )
        self.signing_arn = self._signing.arn
        self.secrets_arn = secrets.arn

    def grant_sign(self) -> Grant:
        """Allow deriving secrets with the signing key."""
        return self._signing.grant_sign()

    def grant_encrypt(self, parameters: Text) -> Grant:
        """Allow encrypting secrets, only by putting them into these parameters.

        Args:
            parameters: The ARN of the parameters, which the parameter store gives KMS as encryption context.
        """
        return self._through_parameter_store("kms:Encrypt", parameters)

    def grant_decrypt(self, parameters: Text) -> Grant:
        """Allow decrypting secrets, only by reading them from these parameters."""
        return self._through_parameter_store("kms:Decrypt", parameters)

    def _through_parameter_store(self, action: str, parameters: Text) -> Grant:
        return Grant(
            actions=(action,),
            resources=(self.secrets_arn,),
            conditions={
                "StringEquals": {"kms:ViaService": f"ssm.{self.stage.region}.amazonaws.com"},
                "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters},
            },
        )


def _administered_by(account: pulumi.Input[str]) -> pulumi.Input[str]:
    """The key policy AWS advises: the account's IAM policies decide. Without it nobody manages the key."""
    administrators = {
        "Effect": "Allow",
        "Principal": {"AWS": Joined("arn:aws:iam::", account, ":root")},
        "Action": "kms:*",
        "Resource": "*",
    }
    return composed_json({"Version": "2012-10-17", "Statement": [administrators]})
