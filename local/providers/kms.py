"""KMS: keys and their aliases."""

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, given, tag_list


@creates("aws:kms/key:Key")
def key(aws: Aws, declared: Declared) -> Made:
    """A key for encryption, or for message authentication codes."""
    properties = declared.properties
    client = aws.client("kms")
    made = client.create_key(
        Tags=tag_list(properties, key="TagKey", value="TagValue"),
        **given(
            properties,
            Description="description",
            KeyUsage="keyUsage",
            KeySpec="customerMasterKeySpec",
            Policy="policy",
            MultiRegion="multiRegion",
        ),
    )["KeyMetadata"]
    _rotate(aws, declared, made["KeyId"])
    return Made(id=made["KeyId"], outputs={"arn": made["Arn"], "keyId": made["KeyId"]})


@updates("aws:kms/key:Key")
def update_key(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its description, policy and rotation."""
    properties = declared.properties
    client = aws.client("kms")
    client.update_key_description(KeyId=made.id, Description=properties.get("description", ""))
    if properties.get("policy"):
        client.put_key_policy(KeyId=made.id, PolicyName="default", Policy=properties["policy"])
    _rotate(aws, declared, made.id)
    return made


def _rotate(aws: Aws, declared: Declared, key_id: str) -> None:
    if declared.properties.get("enableKeyRotation"):
        aws.client("kms").enable_key_rotation(
            KeyId=key_id, **given(declared.properties, RotationPeriodInDays="rotationPeriodInDays")
        )


@deletes("aws:kms/key:Key")
def delete_key(aws: Aws, declared: Declared, made: Made) -> None:
    """It is only scheduled: keys are never gone at once."""
    aws.client("kms").schedule_key_deletion(
        KeyId=made.id, **given(declared.properties, PendingWindowInDays="deletionWindowInDays")
    )


@creates("aws:kms/alias:Alias")
def alias(aws: Aws, declared: Declared) -> Made:
    """A name for a key."""
    name = declared.named()
    target = declared.properties["targetKeyId"]
    aws.client("kms").create_alias(AliasName=name, TargetKeyId=target)
    return Made(
        id=name,
        outputs={
            "arn": aws.arn("kms", name),
            "name": name,
            "targetKeyArn": aws.arn("kms", f"key/{str(target).rpartition('/')[2]}"),
        },
    )


@updates("aws:kms/alias:Alias")
def update_alias(aws: Aws, declared: Declared, made: Made) -> Made:
    """The key it names."""
    aws.client("kms").update_alias(AliasName=made.id, TargetKeyId=declared.properties["targetKeyId"])
    return made


@deletes("aws:kms/alias:Alias")
def delete_alias(aws: Aws, _declared: Declared, made: Made) -> None:
    """The key stays."""
    aws.client("kms").delete_alias(AliasName=made.id)
