"""A function's environment variables, read once into a typed class."""

from collections.abc import Mapping
from typing import Final, TypeVar

from attrs import fields

T = TypeVar("T")

TIMEOUT_VARIABLE: Final = "FUNCTION_TIMEOUT"
"""Environment variable with the timeout of the function in seconds. Lambda itself sets no such variable."""


class MissingEnvironmentError(Exception):
    """The deployed function lacks environment variables that its code needs."""

    def __init__(self, kind: type, missing: list[str]) -> None:
        super().__init__(
            f"{kind.__module__} needs environment variables that are not set: {', '.join(missing)}"
        )


def load_environment(kind: type[T], environ: Mapping[str, str]) -> T:
    """Return an attrs class of `str` fields, filled from environment variables.

    Field `build_queue_url` takes variable `BUILD_QUEUE_URL`.

    Args:
        kind: The class. It lists what the function needs.
        environ: `os.environ`. Only the handler's module reads it.

    Raises:
        MissingEnvironmentError: Variables are absent or empty. The error names all of them.
    """
    names: dict[str, str] = {attribute.name: attribute.name.upper() for attribute in fields(kind)}
    missing = [variable for variable in names.values() if not environ.get(variable)]
    if missing:
        raise MissingEnvironmentError(kind, missing)
    return kind(**{name: environ[variable] for name, variable in names.items()})
