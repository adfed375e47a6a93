"""PlatformKeys: the two KMS keys of the platform."""

import attrs
import pulumi
import pulumi_aws as aws

from components.component import Component
from components.grant import Grant
from components.stage import StageConfig


@attrs.frozen(kw_only=True)
class PlatformKeysArgs:
    """What the keys are made of.

    Attributes:
        stage: The stage they belong to.
        account: The AWS account's id; its administrators manage the keys.
    """

    stage: StageConfig
    account: pulumi.Input[str]


class PlatformKeys(Component):
    """The signing key and the secrets key.

    The signing key (HMAC) makes webhook secrets and origin keys out of ids: nothing is stored that could
    leak.
    The secrets key encrypts the sites' secret variables in the parameter store.

    Attributes:
        signing_arn: The ARN of the signing key.
        secrets_arn: The ARN of the secrets key.
    """

    def __init__(self, name: str, args: PlatformKeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("keys", name, args.stage, opts)
        policy = _administered_by(args.account)
        signing = aws.kms.Key(
            "signing",
            description="Derives webhook secrets and origin keys from ids",
            key_usage="GENERATE_VERIFY_MAC",
            customer_master_key_spec="HMAC_256",
            deletion_window_in_days=self._deletion_window,
            policy=policy,
            opts=self.kept,
        )
        secrets = aws.kms.Key(
            "secrets",
            description="Encrypts the secret variables of sites",
            enable_key_rotation=True,
            deletion_window_in_days=self._deletion_window,
            policy=policy,
            opts=self.kept,
        )
        for key_name, key in (("signing", signing), ("secrets", secrets)):
            aws.kms.Alias(
                key_name,
                name=f"alias/{args.stage.prefix}-{key_name}",
                target_key_id=key.key_id,
                opts=self.inside,
            )
        self.signing_arn = signing.arn
        self.secrets_arn = secrets.arn
        self.register_outputs({"signingArn": signing.arn, "secretsArn": secrets.arn})

    @property
    def _deletion_window(self) -> int:
        """Days in which a key that was deleted by mistake can be had back."""
        return 30 if self.stage.keeps_data else 7

    def grant_sign(self) -> Grant:
        """Allow deriving secrets with the signing key."""
        return Grant(actions=("kms:GenerateMac",), resources=(self.signing_arn,))

    def grant_encrypt(self, parameters: pulumi.Input[str]) -> Grant:
        """Allow encrypting secrets, only by putting them into these parameters.

        Args:
            parameters: The ARN of the parameters, which the parameter store gives KMS as encryption context.
        """
        return self._through_parameter_store("kms:Encrypt", parameters)

    def grant_decrypt(self, parameters: pulumi.Input[str]) -> Grant:
        """Allow decrypting secrets, only by reading them from these parameters."""
        return self._through_parameter_store("kms:Decrypt", parameters)

    def _through_parameter_store(self, action: str, parameters: pulumi.Input[str]) -> Grant:
        return Grant(
            actions=(action,),
            resources=(self.secrets_arn,),
            conditions={
                "StringEquals": {"kms:ViaService": f"ssm.{self.stage.region}.amazonaws.com"},
                "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters},
            },
        )


def _administered_by(account: pulumi.Input[str]) -> pulumi.Output[str]:
    """The key policy AWS advises: the account's IAM policies decide. Without it nobody manages the key."""
    administrators = {
        "Effect": "Allow",
        "Principal": {"AWS": pulumi.Output.concat("arn:aws:iam::", account, ":root")},
        "Action": "kms:*",
        "Resource": "*",
    }
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [administrators]})
