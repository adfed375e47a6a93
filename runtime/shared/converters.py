"""Conversion of models to DynamoDB rows and back.

Reading a row is lenient: unknown attributes are ignored, absent ones take their default. The converter works
directly on DynamoDB's attribute values, without boto3's resource layer. API input is read strictly, by
`runtime.shared.api.inputs`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, TypeVar

from attrs import fields, has
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from runtime.shared import clock

T = TypeVar("T")

_MAX_DIGITS: Final = 38
_FIRST_LONG_INT: Final = 10**_MAX_DIGITS  # smaller whole numbers fit into 38 digits
_MIN_EXPONENT, _MAX_EXPONENT = -130, 125  # powers of ten


@lru_cache(maxsize=256)
def to_camel_case(name: str) -> str:
    """Return a field's name in rows and JSON: `deploymentId` for `deployment_id`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _make_row_converter() -> Converter:
    converter = Converter(detailed_validation=False)

    def make_unstructure_hook(kind: type[Any]) -> Callable[[Any], Any]:
        # None becomes an absent attribute. Otherwise, every condition would also have to handle NULL.
        fields_out = {
            attribute.name: override(
                rename=to_camel_case(attribute.name), omit_if_default=attribute.default is None
            )
            for attribute in fields(kind)
        }
        inner = make_dict_unstructure_fn(kind, converter, **fields_out)  # pyright: ignore[reportArgumentType] - fields are keywords here
        return lambda model: {"M": inner(model)}

    def make_structure_hook(kind: type[Any]) -> Callable[[Any, Any], Any]:
        fields_in = {
            attribute.name: override(rename=to_camel_case(attribute.name)) for attribute in fields(kind)
        }
        inner = make_dict_structure_fn(kind, converter, **fields_in)  # pyright: ignore[reportArgumentType] - the same
        return lambda value, _: inner(value["M"], kind)

    converter.register_unstructure_hook_factory(has, make_unstructure_hook)
    converter.register_structure_hook_factory(has, make_structure_hook)
    converter.register_unstructure_hook(str, lambda text: {"S": text})
    converter.register_structure_hook(str, lambda value, _: value["S"])
    converter.register_unstructure_hook(int, lambda number: {"N": _format_int(number)})
    converter.register_structure_hook(int, lambda value, _: _parse_int(value["N"]))
    converter.register_unstructure_hook(Decimal, lambda number: {"N": _format_decimal(number)})
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value["N"]))
    converter.register_unstructure_hook(bytes, lambda held: {"B": held})
    converter.register_structure_hook(bytes, lambda value, _: bytes(value["B"]))
    converter.register_unstructure_hook(bool, lambda truth: {"BOOL": truth})
    converter.register_structure_hook(bool, lambda value, _: value["BOOL"])
    converter.register_unstructure_hook(datetime, lambda at: {"S": clock.format_time(at)})
    converter.register_structure_hook(datetime, lambda value, _: clock.parse_time(value["S"]))
    converter.register_unstructure_hook(StrEnum, lambda member: {"S": str(member.value)})
    converter.register_structure_hook(StrEnum, lambda value, kind: kind(value["S"]))

    def make_tuple_unstructure_hook(kind: type[Any]) -> Callable[[Any], Any]:
        element = converter.get_unstructure_hook(kind.__args__[0])
        return lambda elements: {"L": [element(each) for each in elements]}

    def make_tuple_structure_hook(kind: type[Any]) -> Callable[[Any, Any], Any]:
        element_kind = kind.__args__[0]
        element = converter.get_structure_hook(element_kind)
        return lambda value, _: tuple(element(each, element_kind) for each in value["L"])

    converter.register_unstructure_hook_factory(is_tuple, make_tuple_unstructure_hook)
    converter.register_structure_hook_factory(is_tuple, make_tuple_structure_hook)
    return converter


def _format_int(number: int) -> str:
    if -_FIRST_LONG_INT < number < _FIRST_LONG_INT:
        return str(number)
    return _format_decimal(Decimal(number))


def _parse_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # DynamoDB can write a large number with an exponent
        return int(Decimal(text))


def _format_decimal(number: Decimal) -> str:
    if not number:
        return "0"  # DynamoDB does not store the sign or the exponent of a zero
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("DynamoDB stores neither infinity nor NaN")  # noqa: TRY004 - a wrong value, not type
    significant = "".join(map(str, digits)).strip("0")
    if len(significant) > _MAX_DIGITS or not _MIN_EXPONENT <= number.adjusted() <= _MAX_EXPONENT:
        raise ValueError(
            f"DynamoDB stores numbers of {_MAX_DIGITS} digits between "
            f"1E{_MIN_EXPONENT} and 1E{_MAX_EXPONENT + 1}"
        )
    return str(number)


def is_tuple(kind: type[Any]) -> bool:
    """Return whether a type is `tuple[X, ...]`."""
    return getattr(kind, "__origin__", None) is tuple


_converter = _make_row_converter()


def to_row(model: object, **key: str) -> dict[str, Any]:
    """Return a model as a row. Keyword arguments are additional key attributes of type string."""
    row = _converter.unstructure(model)["M"]
    for name, text in key.items():
        row[name] = {"S": text}
    return row


def from_row(row: Mapping[str, Mapping[str, Any]], kind: type[T]) -> T:
    """Return the model of a row. Attributes that the model does not have are ignored.

    Raises:
        KeyError: A required attribute is absent: the row belongs to another model.
    """
    return _converter.structure({"M": row}, kind)


def to_attribute_value(value: object) -> Mapping[str, Any]:
    """Return a model value as a DynamoDB attribute value.

    Raises:
        ValueError: The value is None, or a number that DynamoDB cannot store. None means that a row has no
            such attribute, which only the condition `attribute_not_exists` can check.
    """
    if value is None:
        raise ValueError("None has no attribute value: check the absent attribute with a condition")
    if isinstance(value, (tuple, list)):
        return {"L": [to_attribute_value(each) for each in value]}
    return _converter.unstructure(value)
