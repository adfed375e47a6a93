"""Hypothesis strategies for every stored model, derived from the model's types."""

import importlib
import inspect
import pkgutil
import types
import typing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

from attrs import fields as fields_of
from attrs import has, resolve_types
from hypothesis import strategies as st

import runtime
from runtime.shops.model import Shop, is_domain

TEXTS = st.text(max_size=30)
INTEGERS = st.integers(-(10**38) + 1, 10**38 - 1)
# All numbers that DynamoDB supports: 38 digits and an exponent.
DECIMALS = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent), INTEGERS, st.integers(-92, 87)
)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - Hypothesis adds the time zone
    datetime(9999, 12, 30),  # noqa: DTZ001 - as above
    timezones=ZONES | st.just(UTC),
).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: INTEGERS,
    bool: st.booleans(),
    bytes: st.binary(max_size=30),
    Decimal: DECIMALS,
    datetime: TIMES,
    type(None): st.none(),
}
LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20)
# The strategies of fields that accept only some values of their type.
BY_FIELD: dict[tuple[type, str], st.SearchStrategy[Any]] = {
    (Shop, "domain"): st.lists(LABELS, min_size=2, max_size=4).map(".".join).filter(is_domain),
}


def find_models() -> list[type]:
    """Return every attrs class of every `model.py` of `runtime`."""
    found: list[type] = []
    for module in pkgutil.walk_packages(runtime.__path__, "runtime."):
        if module.name.endswith(".model"):
            loaded = importlib.import_module(module.name)
            found += [
                kind
                for _, kind in inspect.getmembers(loaded, inspect.isclass)
                if has(kind) and kind.__module__ == module.name
            ]
    return found


def build_strategy(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any annotation of a model's field
    """Return a strategy for a type that a field of a model can have."""
    if isinstance(kind, typing.NewType):
        return build_strategy(kind.__supertype__)
    if kind in OF_TYPE:
        return OF_TYPE[kind]
    if typing.get_origin(kind) is tuple:
        return st.lists(build_strategy(typing.get_args(kind)[0]), max_size=3).map(tuple)
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return st.one_of(*(build_strategy(each) for each in typing.get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    assert has(kind), f"there is no strategy for {kind}"
    resolve_types(kind)
    given = {
        each.name.lstrip("_"): (
            BY_FIELD[kind, each.name] if (kind, each.name) in BY_FIELD else build_strategy(each.type)
        )
        for each in fields_of(kind)
        if each.init
    }
    return st.builds(kind, **given)
