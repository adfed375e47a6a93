"""docs/images-openapi.json: the image service's API (I2)."""

from http import HTTPStatus
from typing import Any, Final

from reference.api_document import Api, Described, Listed
from runtime.images.errors import (
    AlbumNotEmptyError,
    AlbumNotFoundError,
    ImageChangedError,
    ImageDeletingError,
    ImageNotFoundError,
    ImageStillCachedError,
)
from runtime.images.service.answers import (
    AlbumDocument,
    AlbumsDocument,
    CreatedImageDocument,
    ImageDocument,
    ImagesDocument,
)
from runtime.images.service.image_input import AlbumChanges, ImageChanges, NewAlbum, NewImage
from runtime.images.service.routes import ROUTES

_OK: Final = HTTPStatus.OK
_CREATED: Final = HTTPStatus.CREATED
_GONE: Final = HTTPStatus.NO_CONTENT

_DESCRIBED: Final = {
    "POST /images": Described(
        operation="createImage",
        summary="Create an image and get the form that uploads its file",
        body=NewImage,
        answers={_CREATED: CreatedImageDocument},
        refused=(ImageChangedError,),
    ),
    "GET /images": Described(
        operation="listImages",
        summary="List your images, newest first",
        listed=Listed(),
        query={"albumId": "Only the album's images that are ready."},
        answers={_OK: ImagesDocument},
        refused=(AlbumNotFoundError,),
    ),
    "GET /images/{imageId}": Described(
        operation="getImage",
        summary="Show an image",
        answers={_OK: ImageDocument},
        refused=(ImageNotFoundError,),
    ),
    "PATCH /images/{imageId}": Described(
        operation="changeImage",
        summary="Change an image's texts, or its album",
        body=ImageChanges,
        answers={_OK: ImageDocument},
        refused=(ImageNotFoundError, ImageChangedError, ImageDeletingError),
    ),
    "DELETE /images/{imageId}": Described(
        operation="deleteImage",
        summary="Delete an image, from the caches too",
        answers={_GONE: None},
        refused=(ImageNotFoundError, ImageChangedError, ImageStillCachedError),
    ),
    "POST /albums": Described(
        operation="createAlbum",
        summary="Create an album",
        body=NewAlbum,
        answers={_CREATED: AlbumDocument},
    ),
    "GET /albums": Described(
        operation="listAlbums",
        summary="List your albums, newest first",
        listed=Listed(),
        answers={_OK: AlbumsDocument},
    ),
    "GET /albums/{albumId}": Described(
        operation="getAlbum",
        summary="Show an album",
        answers={_OK: AlbumDocument},
        refused=(AlbumNotFoundError,),
    ),
    "PATCH /albums/{albumId}": Described(
        operation="changeAlbum",
        summary="Change an album",
        body=AlbumChanges,
        answers={_OK: AlbumDocument},
        refused=(AlbumNotFoundError, ImageChangedError),
    ),
    "DELETE /albums/{albumId}": Described(
        operation="deleteAlbum",
        summary="Delete an empty album",
        answers={_GONE: None},
        refused=(AlbumNotFoundError, AlbumNotEmptyError, ImageChangedError),
    ),
    "GET /openapi.json": Described(
        operation="getOpenApi",
        summary="Show this document",
        answers={_OK: dict[str, Any]},
    ),
}

IMAGES: Final = Api(
    title="anchor-deploy images",
    description=(
        "Images, their uploads and albums. What is another user's is answered as what does not exist."
    ),
    routes=ROUTES,
    described=_DESCRIBED,
)
