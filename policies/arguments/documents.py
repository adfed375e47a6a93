"""Checks of policy documents and event patterns, which are JSON texts in arguments.

The provider checks only that a document is JSON. The grammar is in the IAM User Guide:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from policies.arguments.checks import check_json, to_list

_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_ELEMENTS: Final = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_ACTION: Final = re.compile(r"\*|[a-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE: Final = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", re.DOTALL)
_PRINCIPALS: Final = {"AWS", "CanonicalUser", "Federated", "Service"}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_OPERATOR: Final = re.compile(
    r"(ForAllValues:|ForAnyValue:)?"
    r"(String(Not)?Equals(IgnoreCase)?|String(Not)?Like|Numeric(Not)?Equals|Numeric(Less|Greater)Than(Equals)?"
    r"|Date(Not)?Equals|Date(Less|Greater)Than(Equals)?|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like))"
    r"(IfExists)?|Null"
)


def check_iam_json(value: object, path: str) -> Iterator[str]:
    """Check that a text is a JSON object without leading spaces (`verify.ValidIAMPolicyJSON`)."""
    if isinstance(value, str) and not value.startswith("{"):
        yield f"{path} does not begin with {{"
    yield from check_json(value, path)


def check_identity_policy(value: object, path: str) -> Iterator[str]:
    """Check the policy of a role: its statements have resources and no principals."""
    yield from _check_policy(value, path, required=("Resource",), forbidden=("Principal",))


def check_trust_policy(value: object, path: str) -> Iterator[str]:
    """Check the trust policy of a role: its statements have principals and no resources."""
    yield from _check_policy(value, path, required=("Principal",), forbidden=("Resource",))


def check_access_policy(value: object, path: str) -> Iterator[str]:
    """Check the policy of a bucket, key or topic: its statements have principals and resources."""
    yield from _check_policy(value, path, required=("Principal", "Resource"), forbidden=())


def check_event_pattern(value: object, path: str) -> Iterator[str]:
    """Check an event pattern: an object whose values are lists or objects.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
    """
    if not isinstance(value, Mapping) or not value:
        yield f"{path} is not an object with fields"
        return
    for name, item in cast("Mapping[str, object]", value).items():
        if isinstance(item, Mapping):
            yield from check_event_pattern(item, f"{path}.{name}")
        elif not isinstance(item, list) or not item:
            yield f"{path}.{name} is not a list of values"


def _check_policy(
    value: object, path: str, *, required: tuple[str, ...], forbidden: tuple[str, ...]
) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path} is not an object"
        return
    policy = cast("Mapping[str, Any]", value)
    if unknown := sorted(policy.keys() - {"Version", "Id", "Statement"}):
        yield f"{path} has unknown elements: {', '.join(unknown)}"
    if policy.get("Version") not in _VERSIONS:
        yield f"{path}.Version is not one of {', '.join(_VERSIONS)}"
    statements = to_list(policy.get("Statement", []))
    if not statements:
        yield f"{path} has no Statement"
    identifiers: list[object] = []
    for number, statement in enumerate(statements):
        place = f"{path}.Statement[{number}]"
        if not isinstance(statement, Mapping):
            yield f"{place} is not an object"
            continue
        elements = cast("Mapping[str, Any]", statement)
        yield from _check_statement(elements, place, required=required, forbidden=forbidden)
        if (identifier := elements.get("Sid")) is not None:
            if identifier in identifiers:
                yield f"{place}.Sid {identifier} is not unique"
            identifiers.append(identifier)


def _check_statement(
    statement: Mapping[str, Any], path: str, *, required: tuple[str, ...], forbidden: tuple[str, ...]
) -> Iterator[str]:
    if unknown := sorted(statement.keys() - _ELEMENTS):
        yield f"{path} has unknown elements: {', '.join(unknown)}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield f"{path}.Effect is not Allow or Deny"
    for element in ("Action", *required):
        if (element in statement) == (f"Not{element}" in statement):
            yield f"{path} must have exactly one of {element} and Not{element}"
    for element in forbidden:
        if element in statement or f"Not{element}" in statement:
            yield f"{path} must have no {element}"
    yield from _check_element_values(statement, ("Action", "NotAction"), _ACTION, path)
    yield from _check_element_values(statement, ("Resource", "NotResource"), _RESOURCE, path)
    yield from _check_principal(statement.get("Principal", "*"), f"{path}.Principal")
    yield from _check_conditions(statement.get("Condition", {}), f"{path}.Condition")


def _check_element_values(
    statement: Mapping[str, Any], elements: tuple[str, ...], pattern: re.Pattern[str], path: str
) -> Iterator[str]:
    for element in elements:
        if element in statement:
            texts = to_list(statement[element])
            if not texts:
                yield f"{path}.{element} is empty"
            for text in texts:
                if not isinstance(text, str) or not pattern.fullmatch(text):
                    yield f"{path}.{element} has the invalid value {text!r}"


def _check_principal(value: object, path: str) -> Iterator[str]:
    if value == "*":
        return
    if not isinstance(value, Mapping) or not value:
        yield f"{path} is neither * nor an object"
        return
    for kind, names in cast("Mapping[str, Any]", value).items():
        if kind not in _PRINCIPALS:
            yield f"{path} has the unknown kind {kind}"
        for name in to_list(names):
            if not isinstance(name, str) or (kind == "Service" and not name.endswith(".amazonaws.com")):
                yield f"{path}.{kind} has the invalid value {name!r}"


def _check_conditions(value: object, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path} is not an object"
        return
    for operator, keys in cast("Mapping[str, Any]", value).items():
        if not _OPERATOR.fullmatch(operator):
            yield f"{path} has the unknown operator {operator}"
        if not isinstance(keys, Mapping) or not keys:
            yield f"{path}.{operator} is not an object with keys"
            continue
        for key in cast("Mapping[str, Any]", keys):
            if ":" not in key:
                yield f"{path}.{operator} has the invalid key {key}"
