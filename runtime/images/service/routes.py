"""Routes of the image service's HTTP API."""

from typing import Final

from runtime.shared.api.routes import Route

GROUP: Final = "images"
"""The group of the user pool whose members may use the routes that need a token."""

ROUTES: tuple[Route, ...] = (
    Route(method="POST", path="/images", function="images-api", rate=50),
    Route(method="GET", path="/images", function="images-api", query=("albumId", "limit", "cursor")),
    Route(method="GET", path="/images/{imageId}", function="images-api"),
    Route(method="PATCH", path="/images/{imageId}", function="images-api", rate=50),
    Route(method="DELETE", path="/images/{imageId}", function="images-api", rate=50),
    Route(method="POST", path="/albums", function="images-api", rate=20),
    Route(method="GET", path="/albums", function="images-api", query=("limit", "cursor")),
    Route(method="GET", path="/albums/{albumId}", function="images-api"),
    Route(method="PATCH", path="/albums/{albumId}", function="images-api", rate=20),
    Route(method="DELETE", path="/albums/{albumId}", function="images-api", rate=20),
    # Public: the document describes the API and contains no data.
    Route(method="GET", path="/openapi.json", function="images-api", auth=False),
)
