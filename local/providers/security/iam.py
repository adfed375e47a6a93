"""IAM: roles and their policies, which the emulator enforces."""

import json
from typing import Any

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

DEFAULT_SESSION_SECONDS = 3600


@register_creator("aws:iam/role:Role")
def create_role(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a role. Its policies are separate resources."""
    properties = declared.properties
    name = declared.get_physical_name()
    made = aws.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=properties["assumeRolePolicy"],
        Tags=build_tag_list(properties),
        **pick_properties(
            properties,
            Description="description",
            Path="path",
            MaxSessionDuration="maxSessionDuration",
            PermissionsBoundary="permissionsBoundary",
        ),
    )["Role"]
    return CreatedResource(id=name, outputs={"arn": made["Arn"], "name": name, "uniqueId": made["RoleId"]})


@register_updater("aws:iam/role:Role")
def update_role(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update trust policy, description, session length, permissions boundary and tags."""
    client, properties = aws.client("iam"), declared.properties
    client.update_assume_role_policy(RoleName=made.id, PolicyDocument=properties["assumeRolePolicy"])
    client.update_role(
        RoleName=made.id,
        Description=properties.get("description", ""),
        MaxSessionDuration=properties.get("maxSessionDuration", DEFAULT_SESSION_SECONDS),
    )
    role = client.get_role(RoleName=made.id)["Role"]
    if boundary := properties.get("permissionsBoundary"):
        client.put_role_permissions_boundary(RoleName=made.id, PermissionsBoundary=boundary)
    elif "PermissionsBoundary" in role:
        client.delete_role_permissions_boundary(RoleName=made.id)
    if removed := find_removed_tags(parse_tag_list(role.get("Tags", [])), properties):
        client.untag_role(RoleName=made.id, TagKeys=removed)
    if wanted := build_tag_list(properties):
        client.tag_role(RoleName=made.id, Tags=wanted)
    return made


@register_reader("aws:iam/role:Role")
def read_role(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the role without its policies, which are separate resources."""
    role = aws.client("iam").get_role(RoleName=made.id)["Role"]
    return {
        "assumeRolePolicy": _format_document(role["AssumeRolePolicyDocument"]),
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": parse_tag_list(role.get("Tags", [])),
        **parse_answer(
            role,
            RoleName="name",
            Path="path",
            Description="description",
            MaxSessionDuration="maxSessionDuration",
        ),
    }


def _format_document(document: Any) -> str:  # noqa: ANN401 - boto3 decodes documents
    return document if isinstance(document, str) else json.dumps(document)


@register_deleter("aws:iam/role:Role")
def delete_role(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the role. The engine has already deleted its policies."""
    aws.client("iam").delete_role(RoleName=made.id)


@register_creator("aws:iam/rolePolicy:RolePolicy", repeatable=True)
def create_role_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Put an inline policy into a role."""
    properties = declared.properties
    name = declared.get_physical_name()
    aws.client("iam").put_role_policy(
        RoleName=properties["role"], PolicyName=name, PolicyDocument=properties["policy"]
    )
    return CreatedResource(id=f"{properties['role']}:{name}", outputs={"name": name})


@register_deleter("aws:iam/rolePolicy:RolePolicy")
def delete_role_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the inline policy."""
    role_name, _, name = made.id.partition(":")
    aws.client("iam").delete_role_policy(RoleName=role_name, PolicyName=name)


@register_reader("aws:iam/rolePolicy:RolePolicy")
def read_role_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the inline policy."""
    role_name, _, name = made.id.partition(":")
    answer = aws.client("iam").get_role_policy(RoleName=role_name, PolicyName=name)
    return {"name": name, "role": role_name, "policy": _format_document(answer["PolicyDocument"])}


@register_creator("aws:iam/policy:Policy")
def create_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a managed policy."""
    properties = declared.properties
    name = declared.get_physical_name()
    made = aws.client("iam").create_policy(
        PolicyName=name,
        PolicyDocument=properties["policy"],
        Tags=build_tag_list(properties),
        **pick_properties(properties, Description="description", Path="path"),
    )["Policy"]
    return CreatedResource(
        id=made["Arn"], outputs={"arn": made["Arn"], "name": name, "policyId": made["PolicyId"]}
    )


@register_updater("aws:iam/policy:Policy")
def update_policy(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Add a version with the new document. Delete the old versions, because IAM allows at most five."""
    client, properties = aws.client("iam"), declared.properties
    client.create_policy_version(PolicyArn=made.id, PolicyDocument=properties["policy"], SetAsDefault=True)
    _delete_old_versions(aws, made.id)
    tags = parse_tag_list(client.list_policy_tags(PolicyArn=made.id)["Tags"])
    if removed := find_removed_tags(tags, properties):
        client.untag_policy(PolicyArn=made.id, TagKeys=removed)
    if wanted := build_tag_list(properties):
        client.tag_policy(PolicyArn=made.id, Tags=wanted)
    return made


@register_reader("aws:iam/policy:Policy")
def read_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the policy with its current document."""
    client = aws.client("iam")
    policy = client.get_policy(PolicyArn=made.id)["Policy"]
    version = client.get_policy_version(PolicyArn=made.id, VersionId=policy["DefaultVersionId"])
    return {
        "policy": _format_document(version["PolicyVersion"]["Document"]),
        "tags": parse_tag_list(client.list_policy_tags(PolicyArn=made.id)["Tags"]),
        **parse_answer(policy, PolicyName="name", Description="description", Path="path"),
    }


@register_deleter("aws:iam/policy:Policy")
def delete_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the policy with its versions."""
    _delete_old_versions(aws, made.id)
    aws.client("iam").delete_policy(PolicyArn=made.id)


def _delete_old_versions(aws: ProviderContext, arn: str) -> None:
    client = aws.client("iam")
    for version in client.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])


@register_creator("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def create_role_policy_attachment(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Attach a managed policy to a role."""
    properties = declared.properties
    aws.client("iam").attach_role_policy(RoleName=properties["role"], PolicyArn=properties["policyArn"])
    return CreatedResource(id=f"{properties['role']}/{properties['policyArn']}")


@register_reader("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def read_role_policy_attachment(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> Properties | None:
    """Return the attachment, if the policy is still attached."""
    properties = declared.properties
    pages = aws.client("iam").get_paginator("list_attached_role_policies")
    attached = {
        policy["PolicyArn"]
        for page in pages.paginate(RoleName=properties["role"])
        for policy in page["AttachedPolicies"]
    }
    if properties["policyArn"] not in attached:
        return None
    return {"role": properties["role"], "policyArn": properties["policyArn"]}


@register_deleter("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def delete_role_policy_attachment(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> None:
    """Detach the policy from the role."""
    properties = declared.properties
    aws.client("iam").detach_role_policy(RoleName=properties["role"], PolicyArn=properties["policyArn"])
