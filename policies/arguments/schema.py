"""The schema of resource types, read from Pulumi's SDK: arguments, required arguments and types.

The SDK is generated from the provider's schema. A resource's Python constructor fails if an argument
is not declared, or if a required one is missing. But Python does not check blocks in plain dictionaries.
"""

import inspect
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

import pulumi
import pulumi_aws
from attrs import frozen
from pulumi import _types  # pyright: ignore[reportPrivateUsage] - the SDK's only access to its own schema

from policies.graph import UNKNOWN

_PLAIN: Final[Mapping[type, tuple[type, ...]]] = {
    str: (str,),
    bool: (bool,),
    int: (int, float),  # numbers are floats in Pulumi's protocol
    float: (int, float),
}
# The provider adds this property: a resource's tags together with the default tags. Policy packs receive it.
_ADDED_BY_THE_PROVIDER: Final = {"tagsAll"}


@frozen
class Schema:
    """The arguments of a resource type or of a block.

    Attributes:
        types: The type of each argument, as the SDK declares it.
        required: The required arguments. If one is missing, Pulumi refuses the resource.
    """

    types: Mapping[str, Any]
    required: frozenset[str]


def find_schema_violations(token: str, props: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for each missing argument, undeclared argument and value of a wrong type."""
    yield from _check_block(_load_arguments(token), props, "")


@cache
def _load_arguments(token: str) -> type:
    """Return the SDK's class with the arguments of a resource type, such as `pulumi_aws.sqs.QueueArgs`.

    Its name ends in `Args`. If a block's class already has this name, its name ends in `InitArgs`.
    """
    _, module, kind = token.split(":")
    name = module.split("/")[0]
    resource: type = getattr(getattr(pulumi_aws, {"lambda": "lambda_"}.get(name, name)), kind)
    classes = vars(sys.modules[resource.__module__])
    return classes.get(f"{kind}InitArgs") or classes[f"{kind}Args"]


@cache
def _load_schema(arguments: type) -> Schema:
    names = cast("Mapping[str, str]", _types.input_type_py_to_pulumi_names(arguments))
    parameters = inspect.signature(arguments.__init__).parameters
    return Schema(
        types=cast("Mapping[str, Any]", _types.input_type_types(arguments)),
        required=frozenset(
            names[name] for name in names if parameters[name].default is inspect.Parameter.empty
        ),
    )


def _check_block(arguments: type, props: Mapping[str, Any], path: str) -> Iterator[str]:
    schema = _load_schema(arguments)
    for name in sorted(schema.required):
        if props.get(name) is None:
            yield f"{_join_path(path, name)} is required"
    for name, value in props.items():
        if name in schema.types:
            yield from _check_value(schema.types[name], value, _join_path(path, name))
        elif not (name.startswith("__") or name in _ADDED_BY_THE_PROVIDER):
            yield f"{_join_path(path, name)} is not an argument"


def _check_value(expected: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any type and value
    """Check a value against a type of the SDK."""
    if value is UNKNOWN or value is None:
        return
    kind = _strip_output(expected)
    origin = typing.get_origin(kind)
    if origin in (Sequence, list):
        yield from _check_list(kind, value, path)
    elif origin in (Mapping, dict):
        yield from _check_mapping(kind, value, path)
    elif isinstance(kind, type) and _types.is_input_type(kind):
        if isinstance(value, Mapping):
            yield from _check_block(kind, cast("Mapping[str, Any]", value), path)
        else:
            yield f"{path} is not a block"
    elif kind in _PLAIN and (
        not isinstance(value, _PLAIN[kind]) or (kind is not bool and isinstance(value, bool))
    ):
        yield f"{path} has a value of the type {type(value).__name__} instead of {kind.__name__}"


def _check_list(expected: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any type and value
    if isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from _check_value(typing.get_args(expected)[0], item, f"{path}[{number}]")
    else:
        yield f"{path} is not a list"


def _check_mapping(expected: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any type and value
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            if not key.startswith("__"):
                yield from _check_value(typing.get_args(expected)[1], item, f"{path}[{key}]")
    else:
        yield f"{path} is not a mapping"


def _strip_output(expected: Any) -> Any:  # noqa: ANN401 - any type
    """Return the plain type of `pulumi.Input[T]`, which is a union of `T` with outputs of `T`."""
    if typing.get_origin(expected) is not typing.Union:
        return expected
    for each in typing.get_args(expected):
        if (
            each is not type(None)
            and typing.get_origin(each) is not pulumi.Output
            and not _is_awaitable(each)
        ):
            return each
    return expected


def _is_awaitable(annotation: Any) -> bool:  # noqa: ANN401 - any type
    return getattr(typing.get_origin(annotation), "__name__", "") == "Awaitable"


def _join_path(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
