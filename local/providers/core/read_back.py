"""Converts properties that a reader found in AWS to the form in which the program declares them.

AWS fills in defaults, changes the order of sets and returns many numbers as text. With these differences,
every resource would seem changed. The functions here remove the differences, but keep every real change.
"""

import json
from typing import Any, cast

from local.providers.core.resource import Properties

# Properties whose keys are chosen by the program. An additional key is a change, not a default of AWS.
_MAPS = frozenset({"dimensions", "stageVariables", "tags", "variables"})
# Lists whose order has a meaning. The order of all other lists is ignored.
_ORDERED = frozenset({"orderedCacheBehaviors"})


def select_declared(declared: Properties, present: Properties) -> Properties:
    """Return the present value of each declared property, in the declared form.

    A declared property that has no value in AWS is left out. If two values have the same meaning, the
    declared one is returned.

    Args:
        declared: The properties in the program.
        present: All properties that the reader found, with pulumi-aws's names.
    """
    selected: Properties = {}
    for name, value in declared.items():
        found = present.get(name)
        if found is not None:
            selected[name] = _convert_value(name, value, found)
        elif not value:
            selected[name] = value  # an empty list, an empty text, false or zero: AWS often returns nothing
    return selected


def _convert_value(name: str, declared: Any, present: Any) -> Any:  # noqa: ANN401 - any value of a property
    if isinstance(declared, dict):
        return _convert_mapping(name, cast("Properties", declared), present)
    if isinstance(declared, list):
        return _convert_list(name, cast("list[Any]", declared), present)
    if isinstance(declared, bool):
        return present.lower() == "true" if isinstance(present, str) else present
    if isinstance(declared, int | float):
        return _parse_number(present)
    if isinstance(declared, str):
        text = _format_scalar(present)
        return declared if _is_same_document(declared, text) else text
    return present


def _convert_mapping(name: str, declared: Properties, present: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(present, list):  # a block that occurs once, in the form of a list
        blocks = cast("list[Any]", present)
        present = blocks[0] if blocks else {}
    if not isinstance(present, dict):
        return present
    block = cast("Properties", present)
    selected = select_declared(declared, block)
    if name in _MAPS:
        selected |= {key: value for key, value in block.items() if key not in declared}
    return selected


def _convert_list(name: str, declared: list[Any], present: Any) -> list[Any]:  # noqa: ANN401 - as above
    """Return the items in AWS. Items that the program declares come first, in the declared order."""
    remaining = list(cast("list[Any]", present)) if isinstance(present, list) else [present]
    if name in _ORDERED:
        pairs = zip(declared, remaining, strict=False)
        formed = [_convert_value(name, wanted, item) for wanted, item in pairs]
        return formed + remaining[len(formed) :]
    places: list[Any] = [None] * len(declared)
    for place, wanted in enumerate(declared):
        for item in remaining:
            if _convert_value(name, wanted, item) == wanted:
                places[place] = wanted
                remaining.remove(item)
                break
    # Each remaining item differs from all declared items. Convert it to the form of a declared item that AWS
    # does not have.
    for place, wanted in enumerate(declared):
        if places[place] is None and remaining:
            places[place] = _convert_value(name, wanted, remaining.pop(0))
    return [item for item in places if item is not None] + remaining


def _parse_number(present: Any) -> Any:  # noqa: ANN401 - as above
    try:
        number = float(present)
    except (TypeError, ValueError):
        return present
    return int(number) if number.is_integer() else number


def _format_scalar(present: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(present, bool):
        return str(present).lower()
    return str(_parse_number(present)) if isinstance(present, int | float) else present


def _is_same_document(one: str, other: object) -> bool:
    """Return whether two texts are the same, or are JSON documents with the same content."""
    if one == other or not isinstance(other, str) or one[:1] not in {"{", "["}:
        return one == other
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False
