"""The rules as policies of Pulumi.

Pulumi checks policies of one resource on its inputs before it makes the resource, and policies of the stack
when the program has ended. A preview knows less than an update: what is not known breaks no rule then, and is
checked by the update, before the resource is made.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, Rule, StackRule

NAME: Final = "anchor-deploy"


def policy(rule: Rule) -> Policy:
    """The policy that checks a rule. A resource that breaks it stops the deployment."""
    return _resource_policy(rule) if isinstance(rule, ResourceRule) else _stack_policy(rule)


def _resource_policy(rule: ResourceRule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if rule.types and args.resource_type not in rule.types:
            return
        resource = Resource(
            type=args.resource_type,
            name=args.name,
            urn=args.urn,
            props=_known(args.props),
            protect=args.opts.protect,
        )
        for problem in rule.check(resource):
            report(f"{args.name} {problem}", None)

    return ResourceValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
        severity=Severity(rule.severity),
    )


def _stack_policy(rule: StackRule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        graph = Graph(tuple(_resource(resource) for resource in args.resources))
        for resource, problem in rule.check(graph):
            report(f"{resource.name} {problem}", resource.urn)

    return StackValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
        severity=Severity(rule.severity),
    )


def _resource(resource: PolicyResource) -> Resource:
    return Resource(
        type=resource.resource_type,
        name=resource.name,
        urn=resource.urn,
        props=_known(resource.props),
        protect=resource.opts.protect,
        refers={
            name: frozenset(one.urn for one in needed)
            for name, needed in resource.property_dependencies.items()
        },
    )


def _known(value: Any) -> Any:  # noqa: ANN401 - whatever a resource takes
    """A plain copy of a value in which `UNKNOWN` stands for what Pulumi does not know yet.

    Pulumi's own containers raise when something unknown is read from them, which would end the whole check.
    """
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        return {key: _item(mapping, key) for key in mapping}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = cast("Sequence[Any]", value)
        return [_item(items, index) for index in range(len(items))]
    return value


def _item(container: Any, key: Any) -> Any:  # noqa: ANN401 - as above
    try:
        return _known(container[key])
    except UnknownValueError:
        return UNKNOWN
