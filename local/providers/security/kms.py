"""KMS: keys and their aliases."""

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
    build_tag_list,
    find_removed_tags,
    parse_answer,
    parse_tag_list,
    pick_properties,
)


@register_creator("aws:kms/key:Key")
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


@register_updater("aws:kms/key:Key")
def update_key(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update description, policy, rotation and tags."""
    properties = declared.properties
    client = aws.client("kms")
    client.update_key_description(KeyId=made.id, Description=properties.get("description", ""))
    if properties.get("policy"):
        client.put_key_policy(KeyId=made.id, PolicyName="default", Policy=properties["policy"])
    _set_rotation(aws, declared, made.id)
    if removed := find_removed_tags(_read_tags(aws, made.id), properties):
        client.untag_resource(KeyId=made.id, TagKeys=removed)
    if wanted := build_tag_list(properties, key="TagKey", value="TagValue"):
        client.tag_resource(KeyId=made.id, Tags=wanted)
    return made


def _set_rotation(aws: ProviderContext, declared: DeclaredResource, key_id: str) -> None:
    client = aws.client("kms")
    if declared.properties.get("enableKeyRotation"):
        client.enable_key_rotation(
            KeyId=key_id, **pick_properties(declared.properties, RotationPeriodInDays="rotationPeriodInDays")
        )
    elif _read_rotation(aws, client.describe_key(KeyId=key_id)["KeyMetadata"])["enableKeyRotation"]:
        client.disable_key_rotation(KeyId=key_id)


@register_reader("aws:kms/key:Key", unreadable=("deletionWindowInDays",))
def read_key(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties | None:
    """Return the key, or None if its deletion is scheduled. pulumi-aws also treats such a key as missing."""
    client = aws.client("kms")
    key = client.describe_key(KeyId=made.id)["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        return None
    return {
        "policy": client.get_key_policy(KeyId=made.id, PolicyName="default")["Policy"],
        "tags": _read_tags(aws, made.id),
        **_read_rotation(aws, key),
        **parse_answer(
            key,
            Description="description",
            KeySpec="customerMasterKeySpec",
            KeyUsage="keyUsage",
            MultiRegion="multiRegion",
        ),
    }


def _read_rotation(aws: ProviderContext, key: Properties) -> Properties:
    """Return the rotation. KMS rotates only symmetric encryption keys."""
    if key["KeySpec"] != "SYMMETRIC_DEFAULT":
        return {"enableKeyRotation": False}
    status = aws.client("kms").get_key_rotation_status(KeyId=key["KeyId"])
    return parse_answer(
        status, KeyRotationEnabled="enableKeyRotation", RotationPeriodInDays="rotationPeriodInDays"
    )


def _read_tags(aws: ProviderContext, key_id: str) -> dict[str, str]:
    answer = aws.client("kms").list_resource_tags(KeyId=key_id)
    return parse_tag_list(answer["Tags"], key="TagKey", value="TagValue")


@register_deleter("aws:kms/key:Key")
def delete_key(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Schedule the key's deletion, because KMS does not delete keys immediately."""
    aws.client("kms").schedule_key_deletion(
        KeyId=made.id, **pick_properties(declared.properties, PendingWindowInDays="deletionWindowInDays")
    )


@register_creator("aws:kms/alias:Alias")
def create_alias(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an alias of a key."""
    name = declared.get_physical_name()
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


@register_updater("aws:kms/alias:Alias")
def update_alias(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Let the alias refer to another key."""
    aws.client("kms").update_alias(AliasName=made.id, TargetKeyId=declared.properties["targetKeyId"])
    return made


@register_reader("aws:kms/alias:Alias")
def read_alias(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> Properties | None:
    """Return the alias. Its key is given by ID or by ARN, as the program declares it."""
    for page in aws.client("kms").get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == made.id:
                target = str(declared.properties.get("targetKeyId", ""))
                prefix = aws.build_arn("kms", "key/") if target.startswith("arn:") else ""
                return {"name": made.id, "targetKeyId": prefix + alias["TargetKeyId"]}
    return None


@register_deleter("aws:kms/alias:Alias")
def delete_alias(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the alias. The key remains."""
    aws.client("kms").delete_alias(AliasName=made.id)
