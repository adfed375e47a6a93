"""IAM: roles and their policies, which the emulator enforces."""

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    ProviderContext,
    build_tag_list,
    pick_properties,
)


@creates("aws:iam/role:Role")
def create_role(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a role. Its policies are separate resources."""
    properties = declared.properties
    name = declared.physical_name()
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


@updates("aws:iam/role:Role")
def update_role(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the trust policy."""
    aws.client("iam").update_assume_role_policy(
        RoleName=made.id, PolicyDocument=declared.properties["assumeRolePolicy"]
    )
    return made


@deletes("aws:iam/role:Role")
def delete_role(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the role. The engine has already deleted its policies."""
    aws.client("iam").delete_role(RoleName=made.id)


@creates("aws:iam/rolePolicy:RolePolicy", repeatable=True)
def create_role_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Put an inline policy into a role."""
    properties = declared.properties
    name = declared.physical_name()
    aws.client("iam").put_role_policy(
        RoleName=properties["role"], PolicyName=name, PolicyDocument=properties["policy"]
    )
    return CreatedResource(id=f"{properties['role']}:{name}", outputs={"name": name})


@deletes("aws:iam/rolePolicy:RolePolicy")
def delete_role_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the inline policy."""
    role_name, _, name = made.id.partition(":")
    aws.client("iam").delete_role_policy(RoleName=role_name, PolicyName=name)


@creates("aws:iam/policy:Policy")
def create_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a managed policy."""
    properties = declared.properties
    name = declared.physical_name()
    made = aws.client("iam").create_policy(
        PolicyName=name,
        PolicyDocument=properties["policy"],
        Tags=build_tag_list(properties),
        **pick_properties(properties, Description="description", Path="path"),
    )["Policy"]
    return CreatedResource(
        id=made["Arn"], outputs={"arn": made["Arn"], "name": name, "policyId": made["PolicyId"]}
    )


@updates("aws:iam/policy:Policy")
def update_policy(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Add a version with the new document. Delete the old versions, because IAM allows at most five."""
    client = aws.client("iam")
    client.create_policy_version(
        PolicyArn=made.id, PolicyDocument=declared.properties["policy"], SetAsDefault=True
    )
    _delete_old_versions(aws, made.id)
    return made


@deletes("aws:iam/policy:Policy")
def delete_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the policy with its versions."""
    _delete_old_versions(aws, made.id)
    aws.client("iam").delete_policy(PolicyArn=made.id)


def _delete_old_versions(aws: ProviderContext, arn: str) -> None:
    client = aws.client("iam")
    for version in client.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])


@creates("aws:iam/rolePolicyAttachment:RolePolicyAttachment", repeatable=True)
def create_role_policy_attachment(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Attach a managed policy to a role."""
    properties = declared.properties
    aws.client("iam").attach_role_policy(RoleName=properties["role"], PolicyArn=properties["policyArn"])
    return CreatedResource(id=f"{properties['role']}/{properties['policyArn']}")


@deletes("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def delete_role_policy_attachment(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> None:
    """Detach the policy from the role."""
    properties = declared.properties
    aws.client("iam").detach_role_policy(RoleName=properties["role"], PolicyArn=properties["policyArn"])
