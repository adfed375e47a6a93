"""What the APIs' requests have in common: a JSON body, and a page of a list."""

from typing import Final

from runtime.shared.api.http import Request
from runtime.shared.api.inputs import parse_json
from runtime.shared.errors import FieldProblem, InvalidInputError, MalformedError

_MAX_BODY_BYTES: Final = 64 * 1024  # bytes: far above the largest valid body
DEFAULT_PAGE_SIZE: Final = 20
MAX_PAGE_SIZE: Final = 100


def read_json_body(request: Request) -> object:
    """Return a request's body, read as JSON.

    Raises:
        MalformedError: It is none, or larger than any valid one.
    """
    if len(request.body) > _MAX_BODY_BYTES:
        raise MalformedError(f"the body is larger than {_MAX_BODY_BYTES} bytes")
    return parse_json(request.body)


def read_page_limit(request: Request, *, usual: int = DEFAULT_PAGE_SIZE, largest: int = MAX_PAGE_SIZE) -> int:
    """Return how many things a page of a list may hold: `limit` of the query.

    Args:
        request: The request.
        usual: What it is when the query does not say.
        largest: What it may be at most.

    Raises:
        InvalidInputError: It is no whole number from 1 to the largest.
    """
    text = request.query.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(largest))) or not (
        1 <= int(text) <= largest
    ):
        raise InvalidInputError(
            FieldProblem(field="limit", problem=f"must be a whole number from 1 to {largest}")
        )
    return int(text)
