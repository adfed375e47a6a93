"""Bodies of PATCH: what they do not speak of stays as it is."""

from typing import Any, Final

from attrs import fields

from runtime.shared.errors import FieldProblem, InvalidInputError

UNCHANGED: Final[Any] = object()
"""Default of a field that a change does not speak of. Null is spoken: it removes."""


def read_changed_fields(changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any attrs class whose defaults are UNCHANGED
    """Return what a change speaks of, by field.

    Raises:
        InvalidInputError: That is nothing.
    """
    names: list[str] = [attribute.name for attribute in fields(type(changes))]
    spoken = {name: getattr(changes, name) for name in names}
    spoken = {name: value for name, value in spoken.items() if value is not UNCHANGED}
    if not spoken:
        raise InvalidInputError(FieldProblem(field="", problem="must change at least one field"))
    return spoken
