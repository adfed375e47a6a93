"""`GET /openapi.json`: the API's own description, a file that is shipped with the function.

`make reference` makes the files from the declarations of routes, inputs and answers; nothing is made here.
"""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from runtime.shared.api.http import Response, text_response

OPENAPI_ROUTE: Final = "GET /openapi.json"
_DOCUMENTS: Final = Path(__file__).parents[3] / "docs"
_MAX_AGE: Final = 300  # seconds in which a client need not ask again


def serve_openapi(name: str) -> Callable[[], Response]:
    """Return what answers with one of the documents; the file is read when it is asked for.

    Args:
        name: The file's name in `docs`.
    """

    def answered() -> Response:
        text = (_DOCUMENTS / name).read_text(encoding="utf-8")
        return text_response(HTTPStatus.OK, text, "application/json", cache=f"public, max-age={_MAX_AGE}")

    return answered
