"""The rules as Pulumi policies.

Before Pulumi creates a resource, it checks the resource's inputs against the policies for single resources.
After the program has ended, Pulumi checks the whole stack against the policies for stacks. In a preview, an
unknown value violates no rule. The update checks the value before it creates the resource.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import pulumi
import yaml
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


def create_policy(rule: Rule) -> Policy:
    """Return the Pulumi policy that checks a rule. A violation stops the deployment."""
    if isinstance(rule, ResourceRule):
        return _create_resource_policy(rule)
    return _create_stack_policy(rule)


def _create_resource_policy(rule: ResourceRule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if rule.types and args.resource_type not in rule.types:
            return
        resource = Resource(
            type=args.resource_type,
            name=args.name,
            urn=args.urn,
            props=_replace_unknown(args.props),
            protect=args.opts.protect,
            stage_kind=_read_stage_kind(args.urn),
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


def _create_stack_policy(rule: StackRule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        graph = Graph(tuple(_read_resource(resource) for resource in args.resources))
        for resource, problem in rule.check(graph):
            report(f"{resource.name} {problem}", resource.urn)

    return StackValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
        severity=Severity(rule.severity),
    )


def _read_resource(resource: PolicyResource) -> Resource:
    return Resource(
        type=resource.resource_type,
        name=resource.name,
        urn=resource.urn,
        props=_replace_unknown(resource.props),
        protect=resource.opts.protect,
        stage_kind=_read_stage_kind(resource.urn),
        references={
            name: frozenset(dependency.urn for dependency in dependencies)
            for name, dependencies in resource.property_dependencies.items()
        },
    )


def _read_stage_kind(urn: str) -> str:
    """Return the kind in the settings of a resource's stage, or an empty text.

    Some versions of Pulumi pass the settings to the pack. Others do not, so the stage's file is read, too.
    """
    stack = urn.split("::", maxsplit=1)[0].removeprefix("urn:pulumi:")
    settings = pulumi.Config(NAME).get_object("stage") or _read_stage_file(stack)
    if not isinstance(settings, Mapping):
        return ""
    return str(cast("Mapping[str, object]", settings).get("kind", ""))


@cache
def _read_stage_file(stack: str) -> object:
    """Return the value of `anchor-deploy:stage` in the file of a stage, or None if there is no such file."""
    file = Path(__file__).parents[1] / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        return None
    return cast("object", yaml.safe_load(file.read_text(encoding="utf-8"))["config"].get(f"{NAME}:stage"))


def _replace_unknown(value: Any) -> Any:  # noqa: ANN401 - any input of a resource
    """Return a plain copy of a value in which unknown values are replaced by `UNKNOWN`.

    Pulumi's containers raise an error when an unknown value is read. That error would end the whole check.
    """
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        return {key: _read_item(mapping, key) for key in mapping}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = cast("Sequence[Any]", value)
        return [_read_item(items, index) for index in range(len(items))]
    return value


def _read_item(container: Any, key: Any) -> Any:  # noqa: ANN401 - as in `_replace_unknown`
    try:
        return _replace_unknown(container[key])
    except UnknownValueError:
        return UNKNOWN
