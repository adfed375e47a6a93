"""Permissions: exact actions on exact resources, and one role for each function and build project."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from policies import wildcards
from policies.documents import DOCUMENTS, ROLE, Statement, read_statements
from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule

_FUNCTION: Final = "aws:lambda/function:Function"
_BUILD: Final = "aws:codebuild/project:Project"
_ACCOUNT: Final = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:\d{12}:")
_CALLER: Final = "aws:lambda/permission:Permission"
# Services that assume a role without telling for which resource, each with the reason why the role is safe.
ROLES_WITHOUT_SOURCE: Final = {
    "lambda.amazonaws.com": "Lambda documents no key for execution roles. A role can only be passed to a "
    "function in its own account (docs/decisions/0105-services-act-for-named-sources.md)",
}


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


def _check_sources(resource: Resource) -> Iterator[str]:
    if resource.type == _CALLER:
        arn, account = resource.get("sourceArn"), resource.get("sourceAccount")
        if isinstance(arn, str) and account is None and not _has_account(arn):
            yield f"accepts {arn} in every account: set the account as sourceAccount"
        return
    for statement in read_statements(resource):
        if not statement.allows or not statement.services:
            continue
        if resource.type == ROLE and ROLES_WITHOUT_SOURCE.keys() >= set(statement.services):
            continue
        if not _names_account(statement):
            yield (
                f"lets {', '.join(statement.services)} act for every account: require aws:SourceArn with the "
                "account, or aws:SourceAccount"
            )


def _names_account(statement: Statement) -> bool:
    """Return whether the conditions of a statement accept only resources of listed accounts."""
    sources = statement.required_sources
    accounts = sources.get("aws:sourceaccount", [])
    arns = sources.get("aws:sourcearn", [])
    return any(
        values and all(accepts(value) for value in values)
        for values, accepts in ((accounts, str.isdigit), (arns, _has_account))
    )


def _has_account(arn: str) -> bool:
    return _ACCOUNT.match(arn) is not None


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
        name="services-act-for-named-sources",
        description="An AWS service uses a role or a resource only for resources of named accounts.",
        types=(*DOCUMENTS, _CALLER),
        check=_check_sources,
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
