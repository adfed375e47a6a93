"""Strict reading of JSON input: unknown fields are refused, values are not converted.

Every invalid field is reported, up to a limit of 100. A report never contains the value, which can be a
secret. A field's own rule is part of its type: `name: Annotated[str, Rule(...)]`. The path of a problem in a
list contains the item's `name`, or its index if the name is missing or invalid.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar, cast, get_args

from attrs import fields, frozen, has
from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from runtime.shared.converters import is_tuple, to_camel_case
from runtime.shared.errors import FieldProblem, InvalidInputError, MalformedError

T = TypeVar("T")

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")  # valid in JSON escapes, invalid in UTF-8
_LIST_ITEM = re.compile(r"(?P<list>\w+)\[(?P<index>\d+)\]")
_MAX_PROBLEMS = 100
_MAX_NAME_LENGTH = 60  # maximum characters of an unknown field's name in a message


@frozen
class Rule:
    """A validation rule for a string.

    Attributes:
        find_problem: Returns the problem and what is allowed, without the value; None if the value is valid.
    """

    find_problem: Callable[[str], str | None]


class _WrongValueError(Exception):
    """A problem that a hook of cattrs raises. Its text never contains the value."""


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - JSON has no type until it is read into one
    """Return the JSON value of a body.

    Raises:
        MalformedError: The body is not JSON. The message gives the position of a syntax error.
    """
    try:
        return json.loads(body)
    except UnicodeDecodeError as error:
        raise MalformedError(f"the body is not UTF-8 text (byte {error.start})") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedError(f"the body is not JSON: {error.msg} ({where})") from None
    except (ValueError, RecursionError):
        raise MalformedError(
            "the body is not readable JSON: a number is too long, or it is nested too deeply"
        ) from None


def read_input(kind: type[T], document: object) -> T:
    """Convert a JSON document to an attrs class. Field names in JSON are in camel case.

    Raises:
        InvalidInputError: The document has invalid, missing or unknown fields. The error names all of them,
            up to `_MAX_PROBLEMS`.
    """
    try:
        return _converter.structure(document, kind)
    except (ClassValidationError, IterableValidationError, _WrongValueError) as error:
        problems = _collect_problems(error, "")[:_MAX_PROBLEMS]
        unnamed = {problem.field.removesuffix(".name") for problem in problems}
        raise InvalidInputError(
            *(_name_list_item(problem, document, unnamed=unnamed) for problem in problems)
        ) from None


def _name_list_item(problem: FieldProblem, document: object, *, unnamed: Collection[str]) -> FieldProblem:
    """Return the problem with the name of a list's item in place of its index.

    Items without a valid name keep their index. An invalid name is not shown, because it can be a secret that
    was entered into the wrong field.

    Args:
        problem: The problem.
        document: The whole input.
        unnamed: Paths of the items whose name is missing or invalid.
    """
    found = _LIST_ITEM.match(problem.field)
    if found is None or found[0] in unnamed:
        return problem
    items = cast("Mapping[str, Sequence[object]]", document)[found["list"]]
    item = items[int(found["index"])]
    name = cast("Mapping[str, object]", item).get("name") if isinstance(item, dict) else None
    if not isinstance(name, str):
        return problem
    path = f"{found['list']}.{name}{problem.field[found.end() :]}"
    return FieldProblem(field=path, problem=problem.problem)


def _collect_problems(error: BaseException, path: str) -> list[FieldProblem]:
    match error:
        case ClassValidationError() | IterableValidationError():
            noted, others = error.group_exceptions()
            found: list[FieldProblem] = []
            for inner, note in noted:
                if isinstance(error, ClassValidationError):
                    name = to_camel_case(cast("str", note.name))  # pyright: ignore[reportAttributeAccessIssue] - by the kind of error
                    found += _collect_problems(inner, f"{path}.{name}" if path else name)
                else:
                    found += _collect_problems(inner, f"{path}[{note.index}]")  # pyright: ignore[reportAttributeAccessIssue] - the same
            for inner in others:
                found += _collect_problems(inner, path)
            return found
        case ForbiddenExtraKeysError():
            return [
                FieldProblem(
                    field=f"{path}.{name[:_MAX_NAME_LENGTH]}" if path else name[:_MAX_NAME_LENGTH],
                    problem="is not a known field",
                )
                for name in sorted(error.extra_fields)
            ]
        case KeyError():
            return [FieldProblem(field=path, problem="is required")]
        case _WrongValueError():
            return [FieldProblem(field=path, problem=str(error))]
        case _:
            raise error


def _make_type_hook(kind: type[T], name: str) -> Callable[[object, object], T]:
    def structure(value: object, _: object) -> T:
        # `isinstance` would accept True as an int.
        if type(value) is not kind:
            raise _WrongValueError(f"must be {name}")
        return value

    return structure


def _find_rule(kind: Any) -> Rule | None:  # noqa: ANN401 - any annotation
    return next((each for each in getattr(kind, "__metadata__", ()) if isinstance(each, Rule)), None)


_read_str = _make_type_hook(str, "text")


def _read_text(value: object, _: object) -> str:
    text = _read_str(value, str)
    if not text.isascii() and _LONE_SURROGATE.search(text):
        raise _WrongValueError("must be text: it has half of a surrogate pair")
    return text


def _make_rule_hook(kind: Any) -> Callable[[object, object], str]:  # noqa: ANN401 - any annotation
    rule = cast("Rule", _find_rule(kind))

    def structure(value: object, _: object) -> str:
        text = _read_text(value, str)
        if problem := rule.find_problem(text):
            raise _WrongValueError(problem)
        return text

    return structure


def _make_object_hook(kind: type[Any]) -> Callable[[object, object], Any]:
    renamed = {each.name: override(rename=to_camel_case(each.name)) for each in fields(kind)}
    inner = make_dict_structure_fn(kind, _converter, **renamed)  # pyright: ignore[reportArgumentType] - fields are keywords here

    def structure(value: object, _: object) -> Any:  # noqa: ANN401 - an instance of `kind`
        if not isinstance(value, dict):
            raise _WrongValueError("must be an object")
        return inner(cast("Mapping[str, Any]", value), kind)

    return structure


def _make_list_hook(kind: Any) -> Callable[[object, object], Any]:  # noqa: ANN401 - any annotation
    inner = _converter.get_structure_hook(list[get_args(kind)[0]])

    def structure(value: object, _: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _WrongValueError("must be a list")
        return tuple(inner(value, kind))

    return structure


_converter = Converter(forbid_extra_keys=True, detailed_validation=True)
_converter.register_structure_hook(str, _read_text)
_converter.register_structure_hook(int, _make_type_hook(int, "a whole number"))
_converter.register_structure_hook(bool, _make_type_hook(bool, "true or false"))
_converter.register_structure_hook_factory(has, _make_object_hook)
_converter.register_structure_hook_factory(is_tuple, _make_list_hook)
_converter.register_structure_hook_factory(lambda kind: _find_rule(kind) is not None, _make_rule_hook)
