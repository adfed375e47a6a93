"""Permissions: exact actions on exact resources, and one role for each function and build project."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from policies import wildcards
from policies.documents import DOCUMENTS, ROLE, read_statements
from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule

_FUNCTION: Final = "aws:lambda/function:Function"
_BUILD: Final = "aws:codebuild/project:Project"


def _check_actions(resource: Resource) -> Iterator[str]:
    for statement in read_statements(resource):
        if statement.allows:
            yield from (
                f"allows the action {action}: list the actions"
                for action in wildcards.find_unexplained_actions(statement, resource.type)
            )
            yield from (
                f"uses {key} in an Allow statement: list what is allowed" for key in statement.inverted_keys
            )


def _check_resources(resource: Resource) -> Iterator[str]:
    for statement in read_statements(resource):
        if statement.allows:
            yield from (
                f"allows {', '.join(statement.actions)} on {arn}: name the resource, or give the reason in "
                "policies/wildcards.py"
                for arn in wildcards.find_unexplained_resources(statement, resource.type)
            )


def _check_trust(resource: Resource) -> Iterator[str]:
    for statement in read_statements(resource):
        if statement.allows and any("*" in principal for principal in statement.principals):
            yield "can be assumed by everyone: name the service that assumes it"


def _check_attachment(resource: Resource) -> Iterator[str]:
    arn = resource.get("policyArn")
    if isinstance(arn, str) and arn.startswith("arn:aws:iam::aws:policy/"):
        yield f"attaches {arn}, which allows more than this role needs: grant only the actions that are used"


def _check_roles(graph: Graph) -> Iterator[tuple[Resource, str]]:
    users: defaultdict[frozenset[str], list[Resource]] = defaultdict(list)
    roles = {role.urn for role in graph.find_by_type(ROLE)}
    for type_token, prop in ((_FUNCTION, "role"), (_BUILD, "serviceRole")):
        for resource in graph.find_by_type(type_token):
            own_roles = roles.intersection(resource.references.get(prop, ()))
            if own_roles:
                users[frozenset(own_roles)].append(resource)
            elif resource.get(prop) is not UNKNOWN:
                yield resource, f"has a role that this stack does not declare ({prop}): declare a role for it"
    for sharing in users.values():
        for resource in sharing[1:]:
            yield resource, f"shares the role of {sharing[0].name}: declare a role for it"


RULES: Final = (
    ResourceRule(
        name="no-wildcard-action",
        description="Policies list the actions that they allow.",
        types=tuple(DOCUMENTS),
        check=_check_actions,
        severity="critical",
    ),
    ResourceRule(
        name="no-wildcard-resource",
        description="Policies list the resources that they allow access to.",
        types=tuple(DOCUMENTS),
        check=_check_resources,
        severity="critical",
    ),
    ResourceRule(
        name="no-role-for-everyone",
        description="Only a named AWS service can assume a role.",
        types=(ROLE,),
        check=_check_trust,
        severity="critical",
    ),
    ResourceRule(
        name="no-aws-managed-policy",
        description="Roles have no AWS managed policies.",
        types=("aws:iam/rolePolicyAttachment:RolePolicyAttachment",),
        check=_check_attachment,
    ),
    StackRule(
        name="one-role-per-function",
        description="Every function and every build project has its own role.",
        check=_check_roles,
    ),
)
