"""A function's environment variables: Lambda's rules, and the typed class into which they are read once.

The rules are in "Configuration" (member `Environment`) of the Lambda API reference, and in "Defined runtime
environment variables" of the Lambda Developer Guide.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from attrs import fields

T = TypeVar("T")

LAMBDA_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
"""Names that Lambda accepts. A name has at least two characters."""

MAX_ENVIRONMENT_BYTES: Final = 4096
"""Lambda's limit on all names and values of a function's variables, as JSON."""

_RESERVED_PREFIX: Final = "AWS_LAMBDA_"
_RESERVED_NAMES: Final = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)

TIMEOUT_VARIABLE: Final = "FUNCTION_TIMEOUT"
"""Environment variable with the timeout of the function in seconds. Lambda itself sets no such variable."""


class MissingEnvironmentError(Exception):
    """The deployed function lacks environment variables that its code needs."""

    def __init__(self, kind: type, missing: list[str]) -> None:
        super().__init__(
            f"{kind.__module__} needs environment variables that are not set: {', '.join(missing)}"
        )


def is_reserved_name(name: str) -> bool:
    """Return whether Lambda itself sets the variable, and refuses it in a function's environment."""
    return name in _RESERVED_NAMES or name.startswith(_RESERVED_PREFIX)


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
