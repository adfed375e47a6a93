"""Permissions: exact actions on exact resources, and a role of its own for everything that runs code."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from policies import wildcards
from policies.documents import DOCUMENTS, ROLE, statements
from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule

_FUNCTION: Final = "aws:lambda/function:Function"
_BUILD: Final = "aws:codebuild/project:Project"


def _wildcard_actions(resource: Resource) -> Iterator[str]:
    for statement in statements(resource):
        if statement.allows:
            yield from (
                f"allows the action {action}: name the actions"
                for action in wildcards.unexplained_actions(statement, resource.type)
            )
            yield from (f"allows by {key}: name what is allowed" for key in statement.inverted)


def _wildcard_resources(resource: Resource) -> Iterator[str]:
    for statement in statements(resource):
        if statement.allows:
            yield from (
                f"allows {', '.join(statement.actions)} on {arn}: name the resource, or give the reason in "
                "policies/wildcards.py"
                for arn in wildcards.unexplained_resources(statement, resource.type)
            )


def _trusts_everyone(resource: Resource) -> Iterator[str]:
    for statement in statements(resource):
        if statement.allows and any("*" in principal for principal in statement.principals):
            yield "may be taken by everyone: name the service that takes it"


def _attaches_a_policy_of_aws(resource: Resource) -> Iterator[str]:
    arn = resource.get("policyArn")
    if isinstance(arn, str) and arn.startswith("arn:aws:iam::aws:policy/"):
        yield f"attaches {arn}, which is wider than any one role needs: grant what is called"


def _shared_roles(graph: Graph) -> Iterator[tuple[Resource, str]]:
    users: defaultdict[frozenset[str], list[Resource]] = defaultdict(list)
    roles = {role.urn for role in graph.of(ROLE)}
    for kind, by in ((_FUNCTION, "role"), (_BUILD, "serviceRole")):
        for resource in graph.of(kind):
            own = roles.intersection(resource.refers.get(by, ()))
            if own:
                users[frozenset(own)].append(resource)
            elif resource.get(by) is not UNKNOWN:
                yield resource, f"has a role that this stack does not declare ({by}): give it one of its own"
    for sharing in users.values():
        for resource in sharing[1:]:
            yield resource, f"shares the role of {sharing[0].name}: give it one of its own"


RULES: Final = (
    ResourceRule(
        name="no-wildcard-action",
        description="Policies name the actions that they allow.",
        types=tuple(DOCUMENTS),
        check=_wildcard_actions,
        severity="critical",
    ),
    ResourceRule(
        name="no-wildcard-resource",
        description="Policies name the resources on which they allow something.",
        types=tuple(DOCUMENTS),
        check=_wildcard_resources,
        severity="critical",
    ),
    ResourceRule(
        name="no-role-for-everyone",
        description="A role is taken by the service that it was made for.",
        types=(ROLE,),
        check=_trusts_everyone,
        severity="critical",
    ),
    ResourceRule(
        name="no-policy-of-aws",
        description="Roles have rights made for them, not the ready-made ones of AWS.",
        types=("aws:iam/rolePolicyAttachment:RolePolicyAttachment",),
        check=_attaches_a_policy_of_aws,
    ),
    StackRule(
        name="own-role",
        description="Every function and every build has a role of its own.",
        check=_shared_roles,
    ),
)
