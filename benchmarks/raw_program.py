"""The resources of the program, registered without components: what the program is compared with."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
import pulumi_aws as aws
from attrs import frozen


@frozen(kw_only=True)
class RawResource:
    """A resource as somebody would write it by hand.

    Attributes:
        cls: The class of pulumi_aws.
        name: The resource's name.
        arguments: Keyword arguments.
        wired: Keyword arguments that are outputs of other resources: the other's position, and the attribute.
    """

    cls: type[pulumi.CustomResource]
    name: str
    arguments: Mapping[str, Any]
    wired: Mapping[str, tuple[int, str]]


def raw_resources(
    graph: Sequence[tuple[str, str, Mapping[str, Any], Mapping[str, str]]],
) -> list[RawResource]:
    """Translate what a program registered, in its order.

    An argument that is another resource's ARN or id is wired to it, as a person would do. What stands inside
    other values, as an ARN in a policy, stays a plain string: that costs the SDK less than an output, so the
    comparison is harder on the program than one with a program written by hand.
    """
    known: dict[str, tuple[int, str]] = {}
    resources: list[RawResource] = []
    for position, (token, name, inputs, made) in enumerate(graph):
        arguments = {_snake_case(key): value for key, value in inputs.items()}
        wired = {
            key: known[value]
            for key, value in arguments.items()
            if key != "name" and isinstance(value, str) and value in known
        }
        plain = {key: value for key, value in arguments.items() if key not in wired}
        resources.append(RawResource(cls=class_of(token), name=name, arguments=plain, wired=wired))
        for attribute, value in made.items():
            known.setdefault(value, (position, attribute))
    return resources


def register(resources: Sequence[RawResource]) -> None:
    """Register them, one after the other, below nothing."""
    made: list[pulumi.CustomResource] = []
    for resource in resources:
        wired = {key: getattr(made[position], name) for key, (position, name) in resource.wired.items()}
        made.append(resource.cls(resource.name, **resource.arguments, **wired))


def class_of(token: str) -> type[pulumi.CustomResource]:
    """The class of pulumi_aws by its type token, as `aws:dynamodb/table:Table`."""
    module = token.split(":")[1].split("/", maxsplit=1)[0]
    found = getattr(getattr(aws, "lambda_" if module == "lambda" else module), token.rpartition(":")[2])
    return cast("type[pulumi.CustomResource]", found)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
