"""Bodies of PATCH requests: a field that is absent stays unchanged."""

from typing import Any, Final

from attrs import fields

from runtime.shared.errors import FieldProblem, InvalidInputError

UNCHANGED: Final[Any] = object()
"""Default of a field that the body does not contain. Null is a value: it removes the field."""


def read_changed_fields(changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any attrs class whose defaults are UNCHANGED
    """Return the fields that a PATCH body contains, by attribute name.

    Raises:
        InvalidInputError: The body contains no field.
    """
    names: list[str] = [attribute.name for attribute in fields(type(changes))]
    given = {name: getattr(changes, name) for name in names}
    given = {name: value for name, value in given.items() if value is not UNCHANGED}
    if not given:
        raise InvalidInputError(FieldProblem(field="", problem="must change at least one field"))
    return given
