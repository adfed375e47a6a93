"""Parts that requests of all APIs share: a JSON body, query parameters, and the `If-Match` header."""

import re
from collections.abc import Sequence
from typing import Final

from runtime.shared.api.http import Request
from runtime.shared.api.inputs import parse_json
from runtime.shared.errors import FieldProblem, InvalidInputError, MalformedError

_MAX_BODY_BYTES: Final = 64 * 1024  # far above the largest valid body
DEFAULT_PAGE_SIZE: Final = 20
MAX_PAGE_SIZE: Final = 100
_ENTITY_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e]*"'
_ENTITY_TAGS: Final = re.compile(rf"{_ENTITY_TAG}(?:[ \t]*,[ \t]*{_ENTITY_TAG})*")


def read_json_body(request: Request) -> object:
    """Return the parsed JSON body of a request.

    Raises:
        MalformedError: The body is not JSON, or it is larger than any valid body.
    """
    if len(request.body) > _MAX_BODY_BYTES:
        raise MalformedError(f"the body is larger than {_MAX_BODY_BYTES} bytes")
    return parse_json(request.body)


def read_optional_json_body(request: Request) -> object:
    """Return the parsed JSON body of a request, or an empty object if the request has no body.

    Raises:
        MalformedError: The body is not JSON, or it is larger than any valid body.
    """
    return read_json_body(request) if request.body else {}


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


def read_expected_versions(request: Request) -> frozenset[str] | None:
    """Return the versions in the `If-Match` header (RFC 9110, section 13.1.1), without quotes.

    None means that the request accepts every version. Weak entity tags never match, so they are left out.

    Raises:
        MalformedError: The header is neither `*` nor a list of quoted entity tags.
    """
    header = request.headers.get("if-match", "*").strip()
    if header == "*":
        return None
    if not _ENTITY_TAGS.fullmatch(header):
        raise MalformedError('the header If-Match must be the quoted value of an ETag header, such as "3"')
    tags = re.findall(_ENTITY_TAG, header)
    return frozenset(tag.strip('"') for tag in tags if not tag.startswith("W/"))


def read_choices(request: Request, name: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return the values of a query parameter that is a list separated by commas. Empty if it is absent.

    Args:
        request: The request.
        name: Name of the parameter.
        allowed: All values that the list can contain.

    Raises:
        InvalidInputError: A value is not allowed, or the list is empty.
    """
    if name not in request.query:
        return ()
    values = tuple(dict.fromkeys(each.strip() for each in request.query[name].split(",")))
    if not set(values) <= set(allowed):
        problem = f"must be one or more of {', '.join(allowed)}, separated by commas"
        raise InvalidInputError(FieldProblem(field=name, problem=problem))
    return values
