"""Generator of docs/problem-types.md: the types of the problem documents (RFC 9457) of both APIs."""

from typing import Final

from reference.api_document import list_errors
from reference.api_schema import remove_requirement_ids
from reference.docstrings import read_summary
from reference.image_api import IMAGES
from reference.markdown import format_table
from reference.platform_api import PLATFORM
from runtime.shared.api.http import PROBLEM_TYPE_PREFIX, build_problem_type, find_http_status
from runtime.shared.errors import AnchorError, MissingGroupError, NotFoundError, UnauthenticatedError

_HEAD: Final = f"""# Problem types

Both APIs answer an error with a problem document (RFC 9457, `application/problem+json`). Its `type` is a
stable URI, its `detail` says the cause and what to do, and `errors` names every wrong field. Programs can
compare `type`. The text of `detail` can change.

A type is the URN `{PROBLEM_TYPE_PREFIX}<name>`, with a name from this table. A URN identifies a type. It is
not the address of a page.
"""

_TAIL: Final = """

## Answers without a problem document

API Gateway itself creates some answers, before a function runs. Their body is `{"message": "..."}` with the
type `application/json`. Only REST APIs have gateway responses, which could change these answers. HTTP APIs
have none.

| status | cause |
|---|---|
| 401 | the access token is missing, invalid or expired |
| 413 | the body is larger than 10 MB |
| 429 | too many requests at the same time: try again |
| 500, 503 | the function failed, or did not answer in time |

If no route has the path and the method, the answer is a problem document of the type `not-found`.
"""


def render_page() -> str:
    """Return the page with all types of problems."""
    kinds: set[type[AnchorError]] = {MissingGroupError, NotFoundError, UnauthenticatedError}
    for api in (PLATFORM, IMAGES):
        for description in api.descriptions.values():
            kinds |= set(list_errors(description))
    rows = [
        (
            f"`{build_problem_type(kind).removeprefix(PROBLEM_TYPE_PREFIX)}`",
            str(int(find_http_status(kind) or 0)),
            remove_requirement_ids(read_summary(kind)),
        )
        for kind in sorted(kinds, key=build_problem_type)
    ]
    return f"{_HEAD}\n{format_table(('name', 'status', 'meaning'), rows)}{_TAIL}"
