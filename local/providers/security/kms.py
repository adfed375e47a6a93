"""KMS: keys and their aliases."""

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    ProviderContext,
    build_tag_list,
    pick_properties,
)


@creates("aws:kms/key:Key")
def create_key(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a key for encryption or for message authentication codes."""
    properties = declared.properties
    client = aws.client("kms")
    made = client.create_key(
        Tags=build_tag_list(properties, key="TagKey", value="TagValue"),
        **pick_properties(
            properties,
            Description="description",
            KeyUsage="keyUsage",
            KeySpec="customerMasterKeySpec",
            Policy="policy",
            MultiRegion="multiRegion",
        ),
    )["KeyMetadata"]
    _set_rotation(aws, declared, made["KeyId"])
    return CreatedResource(id=made["KeyId"], outputs={"arn": made["Arn"], "keyId": made["KeyId"]})


@updates("aws:kms/key:Key")
def update_key(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update description, policy and rotation."""
    properties = declared.properties
    client = aws.client("kms")
    client.update_key_description(KeyId=made.id, Description=properties.get("description", ""))
    if properties.get("policy"):
        client.put_key_policy(KeyId=made.id, PolicyName="default", Policy=properties["policy"])
    _set_rotation(aws, declared, made.id)
    return made


def _set_rotation(aws: ProviderContext, declared: DeclaredResource, key_id: str) -> None:
    if declared.properties.get("enableKeyRotation"):
        aws.client("kms").enable_key_rotation(
            KeyId=key_id, **pick_properties(declared.properties, RotationPeriodInDays="rotationPeriodInDays")
        )


@deletes("aws:kms/key:Key")
def delete_key(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Schedule the key's deletion, because KMS does not delete keys immediately."""
    aws.client("kms").schedule_key_deletion(
        KeyId=made.id, **pick_properties(declared.properties, PendingWindowInDays="deletionWindowInDays")
    )


@creates("aws:kms/alias:Alias")
def create_alias(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an alias of a key."""
    name = declared.physical_name()
    target = declared.properties["targetKeyId"]
    aws.client("kms").create_alias(AliasName=name, TargetKeyId=target)
    return CreatedResource(
        id=name,
        outputs={
            "arn": aws.build_arn("kms", name),
            "name": name,
            "targetKeyArn": aws.build_arn("kms", f"key/{str(target).rpartition('/')[2]}"),
        },
    )


@updates("aws:kms/alias:Alias")
def update_alias(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Let the alias refer to another key."""
    aws.client("kms").update_alias(AliasName=made.id, TargetKeyId=declared.properties["targetKeyId"])
    return made


@deletes("aws:kms/alias:Alias")
def delete_alias(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the alias. The key remains."""
    aws.client("kms").delete_alias(AliasName=made.id)
