"""Descriptions of the image service's routes, for docs/images-openapi.json."""

from http import HTTPStatus
from typing import Any, Final

from reference.api_document import Api, Pagination, RouteDescription
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
from runtime.shared.errors import QuotaExceededError, TooManyRequestsError

_OK: Final = HTTPStatus.OK
_CREATED: Final = HTTPStatus.CREATED
_NO_CONTENT: Final = HTTPStatus.NO_CONTENT

_DESCRIPTIONS: Final = {
    "POST /images": RouteDescription(
        operation_id="createImage",
        summary="Create an image and return the form that uploads its file",
        body=NewImage,
        responses={_CREATED: CreatedImageDocument},
        errors=(ImageChangedError, QuotaExceededError),
    ),
    "GET /images": RouteDescription(
        operation_id="listImages",
        summary="List your images, newest first",
        pagination=Pagination(),
        query={"albumId": "Return only the images of this album that are ready."},
        responses={_OK: ImagesDocument},
        errors=(AlbumNotFoundError,),
    ),
    "GET /images/{imageId}": RouteDescription(
        operation_id="getImage",
        summary="Show an image",
        responses={_OK: ImageDocument},
        errors=(ImageNotFoundError,),
    ),
    "PATCH /images/{imageId}": RouteDescription(
        operation_id="changeImage",
        summary="Change the texts or the album of an image",
        body=ImageChanges,
        responses={_OK: ImageDocument},
        errors=(ImageNotFoundError, ImageChangedError, ImageDeletingError),
    ),
    "DELETE /images/{imageId}": RouteDescription(
        operation_id="deleteImage",
        summary="Delete an image, and remove it from the caches of CloudFront",
        responses={_NO_CONTENT: None},
        errors=(TooManyRequestsError, ImageNotFoundError, ImageChangedError, ImageStillCachedError),
    ),
    "POST /albums": RouteDescription(
        operation_id="createAlbum",
        summary="Create an album",
        body=NewAlbum,
        responses={_CREATED: AlbumDocument},
    ),
    "GET /albums": RouteDescription(
        operation_id="listAlbums",
        summary="List your albums, newest first",
        pagination=Pagination(),
        responses={_OK: AlbumsDocument},
    ),
    "GET /albums/{albumId}": RouteDescription(
        operation_id="getAlbum",
        summary="Show an album",
        responses={_OK: AlbumDocument},
        errors=(AlbumNotFoundError,),
    ),
    "PATCH /albums/{albumId}": RouteDescription(
        operation_id="changeAlbum",
        summary="Change an album",
        body=AlbumChanges,
        responses={_OK: AlbumDocument},
        errors=(AlbumNotFoundError, ImageChangedError),
    ),
    "DELETE /albums/{albumId}": RouteDescription(
        operation_id="deleteAlbum",
        summary="Delete an empty album",
        responses={_NO_CONTENT: None},
        errors=(AlbumNotFoundError, AlbumNotEmptyError, ImageChangedError),
    ),
    "GET /openapi.json": RouteDescription(
        operation_id="getOpenApi",
        summary="Show this document",
        responses={_OK: dict[str, Any]},
    ),
}

IMAGES: Final = Api(
    title="anchor-deploy images",
    description=("Images, uploads and albums. Requests for resources of other users are answered with 404."),
    routes=ROUTES,
    descriptions=_DESCRIPTIONS,
)
