"""Handler of the image service's API."""

import os
import random
import time
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from attrs import frozen
from botocore.config import Config

from runtime.images.model import Image
from runtime.images.repositories.albums import AlbumRepository
from runtime.images.repositories.distribution import ImageDistribution
from runtime.images.repositories.images import ImageRepository
from runtime.images.repositories.objects import ImageStore
from runtime.images.repositories.usage import ImageLimits
from runtime.images.service.answers import ImageDocument
from runtime.images.service.documents import build_album_document, build_image_document, build_upload_document
from runtime.images.service.image_input import AlbumChanges, ImageChanges, NewAlbum, read_new_image
from runtime.images.service.managing import ImageService
from runtime.images.service.routes import GROUP, ROUTES
from runtime.shared import aws
from runtime.shared.api.dispatch import Operations, PublicOperations, dispatch_request
from runtime.shared.api.http import Request, Response, create_json_response, create_no_content_response
from runtime.shared.api.inputs import read_input
from runtime.shared.api.openapi import OPENAPI_ROUTE, serve_openapi
from runtime.shared.api.requests import read_json_body, read_page_limit
from runtime.shared.clock import utc_now
from runtime.shared.cursors import Cursors
from runtime.shared.environment import load_environment
from runtime.shared.ids import make_ulid_generator
from runtime.shared.signing import Signer

# With virtual-hosted style, forms use the bucket's regional endpoint. By default, they would use the global
# endpoint. If the bucket is new, the global endpoint responds to an upload with a redirect.
_PRESIGNED_POST_CONFIG: Final = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    images_table: str
    images_bucket: str
    cursor_key_arn: str
    delivery_url: str
    distribution_id: str
    maximum_bytes: str
    max_pending_images: str
    max_stored_images: str
    max_stored_bytes: str
    max_image_deletions_per_day: str


@cache
def get_service() -> ImageService:
    """Return the function's service, which is created at the first request."""
    environment = load_environment(Environment, os.environ)
    dynamodb = aws.client("dynamodb")
    signer = Signer(aws.client("kms"), environment.cursor_key_arn)
    cursors = Cursors(key=signer.derive_cursor_key, clock=utc_now)
    return ImageService(
        images=ImageRepository(client=dynamodb, table=environment.images_table, cursors=cursors),
        albums=AlbumRepository(client=dynamodb, table=environment.images_table, cursors=cursors),
        store=ImageStore(client=aws.client("s3", _PRESIGNED_POST_CONFIG), bucket=environment.images_bucket),
        distribution=ImageDistribution(
            client=lambda: aws.client("cloudfront"), distribution_id=environment.distribution_id
        ),
        ids=make_ulid_generator(utc_now, os.urandom),
        clock=utc_now,
        maximum_bytes=int(environment.maximum_bytes),
        delivery_url=environment.delivery_url,
        limits=ImageLimits(
            pending=int(environment.max_pending_images),
            images=int(environment.max_stored_images),
            stored_bytes=int(environment.max_stored_bytes),
            deletions=int(environment.max_image_deletions_per_day),
        ),
        pause=time.sleep,
        jitter=random.random,
    )


def handle(event: Mapping[str, Any], _context: object) -> Response:
    """Handle a request of the API."""
    return handle_event(event, get_service())


def handle_event(event: Mapping[str, Any], service: ImageService) -> Response:
    """Handle a request with the given service, and return the response."""
    return dispatch_request(
        event, OPERATIONS, service, routes=ROUTES, public_operations=PUBLIC_OPERATIONS, group=GROUP
    )


def _create_image(service: ImageService, user_id: str, request: Request) -> Response:
    new = read_new_image(read_json_body(request), maximum=service.maximum_bytes)
    created = service.create_image(user_id, new)
    upload = build_upload_document(created.form, expires_at=created.expires_at)
    return create_json_response(
        HTTPStatus.CREATED, {**_build_image_document(service, created.image), "upload": upload}
    )


def _list_images(service: ImageService, user_id: str, request: Request) -> Response:
    page = service.list_images(
        user_id,
        album_id=request.query.get("albumId"),
        limit=read_page_limit(request),
        cursor=request.query.get("cursor"),
    )
    documents = [_build_image_document(service, image) for image in page.items]
    return create_json_response(HTTPStatus.OK, {"images": documents, "cursor": page.cursor})


def _get_image(service: ImageService, user_id: str, request: Request) -> Response:
    return create_json_response(
        HTTPStatus.OK,
        _build_image_document(service, service.get_image(user_id, request.path_parameters["imageId"])),
    )


def _change_image(service: ImageService, user_id: str, request: Request) -> Response:
    changes = read_input(ImageChanges, read_json_body(request))
    image = service.change_image(user_id, request.path_parameters["imageId"], changes)
    return create_json_response(HTTPStatus.OK, _build_image_document(service, image))


def _delete_image(service: ImageService, user_id: str, request: Request) -> Response:
    service.delete_image(user_id, request.path_parameters["imageId"])
    return create_no_content_response()


def _create_album(service: ImageService, user_id: str, request: Request) -> Response:
    album = service.create_album(user_id, read_input(NewAlbum, read_json_body(request)))
    return create_json_response(HTTPStatus.CREATED, build_album_document(album))


def _list_albums(service: ImageService, user_id: str, request: Request) -> Response:
    page = service.list_albums(user_id, limit=read_page_limit(request), cursor=request.query.get("cursor"))
    documents = [build_album_document(album) for album in page.items]
    return create_json_response(HTTPStatus.OK, {"albums": documents, "cursor": page.cursor})


def _get_album(service: ImageService, user_id: str, request: Request) -> Response:
    return create_json_response(
        HTTPStatus.OK, build_album_document(service.get_album(user_id, request.path_parameters["albumId"]))
    )


def _change_album(service: ImageService, user_id: str, request: Request) -> Response:
    changes = read_input(AlbumChanges, read_json_body(request))
    album = service.change_album(user_id, request.path_parameters["albumId"], changes)
    return create_json_response(HTTPStatus.OK, build_album_document(album))


def _delete_album(service: ImageService, user_id: str, request: Request) -> Response:
    service.delete_album(user_id, request.path_parameters["albumId"])
    return create_no_content_response()


def _build_image_document(service: ImageService, image: Image) -> ImageDocument:
    return build_image_document(image, url=service.build_url(image))


OPERATIONS: Operations[ImageService] = {
    "POST /images": _create_image,
    "GET /images": _list_images,
    "GET /images/{imageId}": _get_image,
    "PATCH /images/{imageId}": _change_image,
    "DELETE /images/{imageId}": _delete_image,
    "POST /albums": _create_album,
    "GET /albums": _list_albums,
    "GET /albums/{albumId}": _get_album,
    "PATCH /albums/{albumId}": _change_album,
    "DELETE /albums/{albumId}": _delete_album,
}
"""Operations of `runtime.images.service.routes` by route key."""

PUBLIC_OPERATIONS: PublicOperations = {OPENAPI_ROUTE: serve_openapi("images-openapi.json")}
"""Operations of the routes that need no token, by route key."""
