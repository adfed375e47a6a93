"""A function's environment variables, read once into a type."""

from collections.abc import Mapping
from typing import Final, TypeVar

from attrs import fields

T = TypeVar("T")

TIMEOUT_VARIABLE: Final = "FUNCTION_TIMEOUT"
"""The variable of every function that says how many seconds it may run: Lambda tells only each event that."""


class MissingEnvironmentError(Exception):
    """The function was deployed without variables that it needs: the program and the code disagree."""

    def __init__(self, kind: type, missing: list[str]) -> None:
        super().__init__(
            f"{kind.__module__} needs environment variables that are not set: {', '.join(missing)}"
        )


def load_environment(kind: type[T], environ: Mapping[str, str]) -> T:
    """Read a frozen attrs class of `str` fields: field `build_queue_url` is variable `BUILD_QUEUE_URL`.

    Args:
        kind: The class; it lists what the function needs.
        environ: `os.environ`, read in the handler's module and nowhere else.

    Raises:
        MissingEnvironmentError: Variables are absent or empty; names every one.
    """
    names: dict[str, str] = {attribute.name: attribute.name.upper() for attribute in fields(kind)}
    missing = [variable for variable in names.values() if not environ.get(variable)]
    if missing:
        raise MissingEnvironmentError(kind, missing)
    return kind(**{name: environ[variable] for name, variable in names.items()})
