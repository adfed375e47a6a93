"""Reads facts about arguments from the classes of Pulumi's SDK and from their documentation."""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pulumi_aws
from pulumi import _types

_PARAMETER = re.compile(r":param [^\n]*?(\w+): (.*?)(?=\n\s*:param |\Z)", re.DOTALL)
_CONFLICTS = re.compile(r"Conflicts? with ((?:`\w+`(?:,| and| or| &)? ?)+)")
_VALUES = re.compile(r"Valid values(?: are)?:? ((?:`[\w.*-]+`(?:,| and| or|, and|, or)? ?)+)")
_QUOTED = re.compile(r"`([^`]+)`")


@cache
def _load_class(type_token: str) -> type:
    _, module, kind = type_token.split(":")
    service = module.split("/")[0]
    resource = getattr(getattr(pulumi_aws, {"lambda": "lambda_"}.get(service, service)), kind)
    classes = vars(sys.modules[resource.__module__])
    return classes.get(f"{kind}InitArgs") or classes[f"{kind}Args"]


@cache
def _read_names(type_token: str) -> Mapping[str, str]:
    """Return the names of a type's arguments in Pulumi's protocol, by their names in Python."""
    return _types.input_type_py_to_pulumi_names(_load_class(type_token))


def _list_documentation(type_token: str) -> Iterator[tuple[str, str]]:
    for name, text in _PARAMETER.findall(_load_class(type_token).__init__.__doc__ or ""):
        if name in _read_names(type_token):
            yield _read_names(type_token)[name], text


@cache
def find_required_arguments(type_token: str) -> frozenset[str]:
    """Return the arguments of a type that have no default value."""
    parameters = inspect.signature(_load_class(type_token).__init__).parameters
    names = _read_names(type_token)
    return frozenset(
        names[name]
        for name, parameter in parameters.items()
        if name in names and parameter.default is inspect.Parameter.empty
    )


@cache
def find_conflicts(type_token: str) -> Mapping[str, Mapping[str, Any]]:
    """Return, for each argument, the arguments that exclude it, each with an example value."""
    names = _read_names(type_token)
    found: dict[str, dict[str, Any]] = {}
    for name, text in _list_documentation(type_token):
        for listed in _CONFLICTS.findall(text):
            for quoted in _QUOTED.findall(listed):
                # The documentation is written for Terraform. Its argument `filename` is `code` in Pulumi.
                other = names.get({"filename": "code"}.get(quoted, quoted))
                if other:
                    found.setdefault(name, {})[other] = _make_example(type_token, other)
                    found.setdefault(other, {})[name] = _make_example(type_token, name)
    return found


@cache
def find_documented_values(type_token: str) -> Mapping[str, frozenset[str]]:
    """Return the values that the documentation allows, by argument."""
    return {
        name: frozenset(_QUOTED.findall(listed))
        for name, text in _list_documentation(type_token)
        for listed in _VALUES.findall(text)
    }


def _make_example(type_token: str, name: str) -> Any:  # noqa: ANN401 - any argument
    """Return a value of the argument's type."""
    declared = str(_types.input_type_types(_load_class(type_token))[name])
    for part, example in (("Sequence", ["a"]), ("Mapping", {"a": "a"}), ("bool", True), ("int", 60)):
        if part in declared:
            return example
    return "a"
