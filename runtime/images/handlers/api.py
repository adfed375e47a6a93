"""The image service's API (I2, A1, A3, A5)."""

import os
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
from runtime.images.service.answers import ImageDocument
from runtime.images.service.documents import album_document, image_document, upload_document
from runtime.images.service.image_input import AlbumChanges, ImageChanges, NewAlbum, read_new_image
from runtime.images.service.managing import Gallery
from runtime.shared import aws
from runtime.shared.api.dispatch import OpenOperations, Operations, dispatch
from runtime.shared.api.http import Request, Response, answer, no_content
from runtime.shared.api.inputs import read
from runtime.shared.api.openapi import ROUTE, openapi
from runtime.shared.api.requests import json_body, page_limit
from runtime.shared.clock import utc_now
from runtime.shared.cursors import Cursors
from runtime.shared.environment import load
from runtime.shared.ids import ulids
from runtime.shared.signing import Signer

# Forms in this style lead to the bucket's own region. The usual one leads to a global address, which sends
# uploads to a new bucket away.
_FOR_FORMS: Final = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    images_table: str
    images_bucket: str
    cursor_key_arn: str
    delivery_url: str
    distribution_id: str
    maximum_bytes: str


@cache
def service() -> Gallery:
    """Return the function's one service, composed at its first request."""
    environment = load(Environment, os.environ)
    dynamodb = aws.client("dynamodb")
    signer = Signer(aws.client("kms"), environment.cursor_key_arn)
    cursors = Cursors(key=signer.cursor_key, clock=utc_now)
    return Gallery(
        images=ImageRepository(client=dynamodb, table=environment.images_table, cursors=cursors),
        albums=AlbumRepository(client=dynamodb, table=environment.images_table, cursors=cursors),
        store=ImageStore(client=aws.client("s3", _FOR_FORMS), bucket=environment.images_bucket),
        distribution=ImageDistribution(
            client=lambda: aws.client("cloudfront"), distribution_id=environment.distribution_id
        ),
        ids=ulids(utc_now, os.urandom),
        clock=utc_now,
        maximum_bytes=int(environment.maximum_bytes),
        delivery_url=environment.delivery_url,
    )


def handle(event: Mapping[str, Any], _context: object) -> Response:
    """Answer a signed-in user's request."""
    return respond(event, service())


def respond(event: Mapping[str, Any], gallery: Gallery) -> Response:
    """Answer a request with the given service."""
    return dispatch(event, OPERATIONS, gallery, to_all=OPEN)


def _create_image(gallery: Gallery, user_id: str, request: Request) -> Response:
    new = read_new_image(json_body(request), maximum=gallery.maximum_bytes)
    created = gallery.create_image(user_id, new)
    upload = upload_document(created.form, expires_at=created.expires_at)
    return answer(HTTPStatus.CREATED, {**_shown(gallery, created.image), "upload": upload})


def _list_images(gallery: Gallery, user_id: str, request: Request) -> Response:
    page = gallery.all_images(
        user_id,
        album_id=request.query.get("albumId"),
        limit=page_limit(request),
        cursor=request.query.get("cursor"),
    )
    documents = [_shown(gallery, image) for image in page.items]
    return answer(HTTPStatus.OK, {"images": documents, "cursor": page.cursor})


def _get_image(gallery: Gallery, user_id: str, request: Request) -> Response:
    return answer(HTTPStatus.OK, _shown(gallery, gallery.image(user_id, request.path_parameters["imageId"])))


def _change_image(gallery: Gallery, user_id: str, request: Request) -> Response:
    changes = read(ImageChanges, json_body(request))
    image = gallery.change_image(user_id, request.path_parameters["imageId"], changes)
    return answer(HTTPStatus.OK, _shown(gallery, image))


def _delete_image(gallery: Gallery, user_id: str, request: Request) -> Response:
    gallery.delete_image(user_id, request.path_parameters["imageId"])
    return no_content()


def _create_album(gallery: Gallery, user_id: str, request: Request) -> Response:
    album = gallery.create_album(user_id, read(NewAlbum, json_body(request)))
    return answer(HTTPStatus.CREATED, album_document(album))


def _list_albums(gallery: Gallery, user_id: str, request: Request) -> Response:
    page = gallery.all_albums(user_id, limit=page_limit(request), cursor=request.query.get("cursor"))
    documents = [album_document(album) for album in page.items]
    return answer(HTTPStatus.OK, {"albums": documents, "cursor": page.cursor})


def _get_album(gallery: Gallery, user_id: str, request: Request) -> Response:
    return answer(HTTPStatus.OK, album_document(gallery.album(user_id, request.path_parameters["albumId"])))


def _change_album(gallery: Gallery, user_id: str, request: Request) -> Response:
    changes = read(AlbumChanges, json_body(request))
    album = gallery.change_album(user_id, request.path_parameters["albumId"], changes)
    return answer(HTTPStatus.OK, album_document(album))


def _delete_album(gallery: Gallery, user_id: str, request: Request) -> Response:
    gallery.delete_album(user_id, request.path_parameters["albumId"])
    return no_content()


def _shown(gallery: Gallery, image: Image) -> ImageDocument:
    return image_document(image, url=gallery.url(image))


OPERATIONS: Operations[Gallery] = {
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
"""What answers each route of `runtime.images.service.routes`."""

OPEN: OpenOperations = {ROUTE: openapi("images-openapi.json")}
"""What answers the routes among them that want no token."""
