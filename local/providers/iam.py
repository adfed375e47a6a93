"""IAM: roles and their policies, which the emulator enforces."""

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, given, tag_list


@creates("aws:iam/role:Role")
def role(aws: Aws, declared: Declared) -> Made:
    """A role; what it may do comes with its policies."""
    properties = declared.properties
    name = declared.named()
    made = aws.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=properties["assumeRolePolicy"],
        Tags=tag_list(properties),
        **given(
            properties,
            Description="description",
            Path="path",
            MaxSessionDuration="maxSessionDuration",
            PermissionsBoundary="permissionsBoundary",
        ),
    )["Role"]
    return Made(id=name, outputs={"arn": made["Arn"], "name": name, "uniqueId": made["RoleId"]})


@updates("aws:iam/role:Role")
def update_role(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its trust policy: the rest of a role is its name."""
    aws.client("iam").update_assume_role_policy(
        RoleName=made.id, PolicyDocument=declared.properties["assumeRolePolicy"]
    )
    return made


@deletes("aws:iam/role:Role")
def delete_role(aws: Aws, _declared: Declared, made: Made) -> None:
    """Its policies are gone by then."""
    aws.client("iam").delete_role(RoleName=made.id)


@creates("aws:iam/rolePolicy:RolePolicy", repeatable=True)
def role_policy(aws: Aws, declared: Declared) -> Made:
    """A policy that is part of its role."""
    properties = declared.properties
    name = declared.named()
    aws.client("iam").put_role_policy(
        RoleName=properties["role"], PolicyName=name, PolicyDocument=properties["policy"]
    )
    return Made(id=f"{properties['role']}:{name}", outputs={"name": name})


@deletes("aws:iam/rolePolicy:RolePolicy")
def delete_role_policy(aws: Aws, _declared: Declared, made: Made) -> None:
    """The policy alone."""
    role_name, _, name = made.id.partition(":")
    aws.client("iam").delete_role_policy(RoleName=role_name, PolicyName=name)


@creates("aws:iam/policy:Policy")
def policy(aws: Aws, declared: Declared) -> Made:
    """A managed policy, for roles that are not the program's too."""
    properties = declared.properties
    name = declared.named()
    made = aws.client("iam").create_policy(
        PolicyName=name,
        PolicyDocument=properties["policy"],
        Tags=tag_list(properties),
        **given(properties, Description="description", Path="path"),
    )["Policy"]
    return Made(id=made["Arn"], outputs={"arn": made["Arn"], "name": name, "policyId": made["PolicyId"]})


@updates("aws:iam/policy:Policy")
def update_policy(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its document, as a new version in place of the last one: IAM keeps five at most."""
    client = aws.client("iam")
    client.create_policy_version(
        PolicyArn=made.id, PolicyDocument=declared.properties["policy"], SetAsDefault=True
    )
    _delete_old_versions(aws, made.id)
    return made


@deletes("aws:iam/policy:Policy")
def delete_policy(aws: Aws, _declared: Declared, made: Made) -> None:
    """With its versions."""
    _delete_old_versions(aws, made.id)
    aws.client("iam").delete_policy(PolicyArn=made.id)


def _delete_old_versions(aws: Aws, arn: str) -> None:
    client = aws.client("iam")
    for version in client.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])


@creates("aws:iam/rolePolicyAttachment:RolePolicyAttachment", repeatable=True)
def role_policy_attachment(aws: Aws, declared: Declared) -> Made:
    """A managed policy for a role."""
    properties = declared.properties
    aws.client("iam").attach_role_policy(RoleName=properties["role"], PolicyArn=properties["policyArn"])
    return Made(id=f"{properties['role']}/{properties['policyArn']}")


@deletes("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def delete_role_policy_attachment(aws: Aws, declared: Declared, _made: Made) -> None:
    """The policy itself stays."""
    properties = declared.properties
    aws.client("iam").detach_role_policy(RoleName=properties["role"], PolicyArn=properties["policyArn"])
