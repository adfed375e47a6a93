"""`GET /openapi.json`: the API's own OpenAPI document, which is packaged with the function.

`make reference` generates the documents from the declarations of routes, inputs and responses.
"""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from runtime.shared.api.http import Response, create_text_response

OPENAPI_ROUTE: Final = "GET /openapi.json"
_DOCUMENTS: Final = Path(__file__).parents[3] / "docs"
_MAX_AGE: Final = 300  # seconds


def serve_openapi(name: str) -> Callable[[], Response]:
    """Return an operation that responds with an OpenAPI document. The file is read at each request.

    Args:
        name: File name in `docs`.
    """

    def respond() -> Response:
        text = (_DOCUMENTS / name).read_text(encoding="utf-8")
        return create_text_response(
            HTTPStatus.OK, text, "application/json", cache=f"public, max-age={_MAX_AGE}"
        )

    return respond
