"""Parts that requests of all APIs share: a JSON body and a page limit."""

from typing import Final

from runtime.shared.api.http import Request
from runtime.shared.api.inputs import parse_json
from runtime.shared.errors import FieldProblem, InvalidInputError, MalformedError

_MAX_BODY_BYTES: Final = 64 * 1024  # far above the largest valid body
DEFAULT_PAGE_SIZE: Final = 20
MAX_PAGE_SIZE: Final = 100


def read_json_body(request: Request) -> object:
    """Return the parsed JSON body of a request.

    Raises:
        MalformedError: The body is not JSON, or it is larger than any valid body.
    """
    if len(request.body) > _MAX_BODY_BYTES:
        raise MalformedError(f"the body is larger than {_MAX_BODY_BYTES} bytes")
    return parse_json(request.body)


def read_page_limit(
    request: Request, *, default: int = DEFAULT_PAGE_SIZE, maximum: int = MAX_PAGE_SIZE
) -> int:
    """Return the query parameter `limit`: the maximum number of items on a page.

    Args:
        request: The request.
        default: Limit if the query has none.
        maximum: Largest limit that is allowed.

    Raises:
        InvalidInputError: The limit is not a whole number from 1 to `maximum`.
    """
    text = request.query.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(maximum))) or not (
        1 <= int(text) <= maximum
    ):
        raise InvalidInputError(
            FieldProblem(field="limit", problem=f"must be a whole number from 1 to {maximum}")
        )
    return int(text)
