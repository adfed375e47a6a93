"""JSON objects in the files of a build. The files are untrusted."""

import json
from typing import Any, TypeGuard


class NoObjectError(Exception):
    """A text contains no JSON object. The message continues a sentence that begins with the file's name."""


def parse_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object in a text.

    Raises:
        NoObjectError: The text is not a JSON object.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise NoObjectError("is not JSON") from None
    if not is_object(document):
        raise NoObjectError("is not a JSON object")
    return document


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a parsed value is a JSON object."""
    return isinstance(value, dict)
