"""A user cannot see or change another user's images and albums, or learn that they exist (A1, A5)."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from runtime.images.errors import (
    AlbumNotFoundError,
    AlbumUnavailableError,
    ImageNotFoundError,
)
from runtime.images.handlers import api
from runtime.images.model import Album, Image
from runtime.images.repositories.albums import AlbumRepository
from runtime.images.repositories.image_status import ImageStatusRepository
from runtime.images.repositories.images import ImageRepository
from runtime.shared.pages import Page
from tests.runtime.events import api_event
from tests.runtime.images.image_fixture import ImagePlatform
from tests.runtime.platform_fixture import OTHER, OWNER

# Methods that serve a user, called with resources of OWNER.
Call = Callable[[ImagePlatform, str, Image, Album], object]
SERVE_USERS: dict[str, Call] = {
    "ImageRepository.get": lambda platform, user, image, _: platform.images.get(
        user, image.image_id, at=platform.clock()
    ),
    "ImageRepository.list_all": lambda platform, user, *_: platform.images.list_all(
        user, at=platform.clock(), limit=10
    ),
    "ImageRepository.list_in_album": lambda platform, user, _, album: platform.images.list_in_album(
        user, album.album_id, limit=1
    ),
    "ImageRepository.update_texts": lambda platform, user, image, _: platform.images.update_texts(
        user, image.image_id, {"title": "Mine"}, at=platform.clock()
    ),
    "ImageRepository.move_to_album": lambda platform, user, image, album: (
        platform.images.move_to_album(user, image, album.album_id, {"title": "Mine"}, at=platform.clock()),
        "moved",
    ),
    "ImageRepository.begin_deleting": lambda platform, user, image, _: (
        platform.images.begin_deleting(user, image, at=platform.clock()),
        "begun",
    ),
    "ImageRepository.finish_deleting": lambda platform, user, image, _: platform.images.finish_deleting(
        user, image.image_id
    ),
    "AlbumRepository.get": lambda platform, user, _, album: platform.albums.get(user, album.album_id),
    "AlbumRepository.list_all": lambda platform, user, *_: platform.albums.list_all(user, limit=10),
    "AlbumRepository.update_texts": lambda platform, user, _, album: platform.albums.update_texts(
        user, album.album_id, {"name": "Mine"}, at=platform.clock()
    ),
    "AlbumRepository.delete": lambda platform, user, _, album: platform.albums.delete(user, album.album_id),
}

# Methods that create rows, and methods for the bucket's events.
OTHERS = {
    "ImageRepository.create",
    "AlbumRepository.create",
    "ImageStatusRepository.find",
    "ImageStatusRepository.make_ready",
    "ImageStatusRepository.reject",
}
KINDS = {kind.__name__: kind for kind in (ImageRepository, AlbumRepository, ImageStatusRepository)}
STRANGERS = [OTHER, OWNER + " ", f"USER#{OWNER}"]


def test_every_public_method_is_on_one_of_the_lists() -> None:
    methods = {
        f"{name}.{method}"
        for name, kind in KINDS.items()
        for method, _ in inspect.getmembers(kind, inspect.isfunction)
        if not method.startswith("_")
    }
    assert methods == set(SERVE_USERS) | OTHERS


def test_the_methods_that_serve_a_user_take_the_user_first() -> None:
    for name in SERVE_USERS:
        kind, _, method = name.partition(".")
        assert list(inspect.signature(getattr(KINDS[kind], method)).parameters)[:2] == ["self", "user_id"]


def owned(platform: ImagePlatform) -> tuple[Image, Album]:
    """An album with two images, one of them in the album, so that its list has a second page."""
    album = platform.album()
    platform.ready(album_id=album.album_id)
    return platform.ready(album_id=album.album_id), album


@pytest.mark.parametrize("method", SERVE_USERS)
def test_another_user_finds_and_changes_nothing(platform: ImagePlatform, method: str) -> None:
    """A5."""
    image, album = owned(platform)
    before = platform.everything()
    for user in STRANGERS:
        try:
            found = SERVE_USERS[method](platform, user, image, album)
        except (ImageNotFoundError, AlbumNotFoundError):
            found = None
        assert found in (None, Page(items=(), cursor=None))
        assert platform.everything() == before


@pytest.mark.parametrize("method", sorted(set(SERVE_USERS) - {"ImageRepository.finish_deleting"}))
def test_the_owner_is_served(platform: ImagePlatform, method: str) -> None:
    image, album = owned(platform)
    if method == "AlbumRepository.delete":
        album = platform.album(name="Empty")
        SERVE_USERS[method](platform, OWNER, image, album)
        assert len(platform.rows()) == 3
        return
    assert SERVE_USERS[method](platform, OWNER, image, album) not in (None, Page(items=(), cursor=None))


def test_an_own_image_cannot_be_put_into_another_users_album(platform: ImagePlatform) -> None:
    _, album = owned(platform)
    for mine in (platform.ready(user_id=OTHER), platform.pending(user_id=OTHER)):
        before = platform.everything()
        with pytest.raises(AlbumUnavailableError):
            platform.images.move_to_album(OTHER, mine, album.album_id, {}, at=platform.clock())
        assert platform.everything() == before


# The status of each route for OWNER and for others.
BODIES: dict[str, object] = {
    "POST /images": {"contentType": "image/png", "size": 100},
    "PATCH /images/{imageId}": {"title": "Mine"},
    "POST /albums": {"name": "Mine"},
    "PATCH /albums/{albumId}": {"name": "Mine"},
}
OF_ONE_THING = [route for route in api.OPERATIONS if "{" in route]


def ask(  # noqa: PLR0913 - a request in all its parts
    platform: ImagePlatform,
    route: str,
    user: str | None,
    path: dict[str, str],
    *,
    body: object = None,
    query: dict[str, str] | None = None,
) -> tuple[int, Any]:
    used = {name: value for name, value in path.items() if f"{{{name}}}" in route}
    event = api_event(route, user_id=user, body=body or BODIES.get(route), query=query, **used)
    response = api.respond(event, platform.service)
    return response["statusCode"], json.loads(response.get("body") or "null")


def missing(platform: ImagePlatform) -> dict[str, str]:
    return {"imageId": platform.service.ids(), "albumId": platform.service.ids()}


def path_of(owned: tuple[Image, Album]) -> dict[str, str]:
    return {"imageId": owned[0].image_id, "albumId": owned[1].album_id}


@pytest.mark.parametrize("route", OF_ONE_THING)
@pytest.mark.parametrize("body", [None, {"albumId": None}])
def test_another_users_resource_gets_the_response_of_a_missing_one(
    platform: ImagePlatform, route: str, body: object
) -> None:
    """A5. Status and body are the same, and nothing changes."""
    if body and route != "PATCH /images/{imageId}":
        body = BODIES.get(route)
    path = path_of(owned(platform))
    none = missing(platform)
    before = platform.everything()
    answer = ask(platform, route, OTHER, path, body=body)
    assert answer[0] == 404
    assert answer == ask(platform, route, OTHER, none, body=body)
    assert answer == ask(platform, route, OWNER, none, body=body)
    assert answer == ask(platform, route, OTHER, dict.fromkeys(path, "x" * 3000), body=body)
    assert platform.everything() == before


def test_another_users_album_is_refused_like_a_missing_one(platform: ImagePlatform) -> None:
    """A5. In a body, another user's album is an invalid field. In a query, it is not found."""
    _, album = owned(platform)
    mine = platform.ready(user_id=OTHER)
    before = platform.everything()
    answers: list[list[tuple[int, Any]]] = []
    for album_id in (album.album_id, platform.service.ids(), "x" * 3000):
        new = {"contentType": "image/png", "size": 1, "albumId": album_id}
        move, path = {"albumId": album_id}, {"imageId": mine.image_id}
        answers.append(
            [
                ask(platform, "POST /images", OTHER, {}, body=new),
                ask(platform, "PATCH /images/{imageId}", OTHER, path, body=move),
                ask(platform, "GET /images", OTHER, {}, query=move),
            ]
        )
    assert answers[0] == answers[1] == answers[2]
    assert [status for status, _ in answers[0]] == [422, 422, 404]
    assert answers[0][0][1]["errors"] == [{"field": "albumId", "problem": "must be one of your albums"}]
    assert platform.everything() == before


@pytest.mark.parametrize("route", api.OPERATIONS)
def test_the_owner_gets_a_response(platform: ImagePlatform, route: str) -> None:
    status, answer = ask(platform, route, OWNER, path_of(owned(platform)))
    expected = {"POST": {201}, "DELETE": {204, 409}}.get(route.split(maxsplit=1)[0], {200})
    assert status in expected, answer


def test_a_request_without_a_user_is_refused(platform: ImagePlatform) -> None:
    """A1. The API's authorizer refuses such requests first. The function refuses them, too."""
    path = path_of(owned(platform))
    before = platform.everything()
    assert {ask(platform, route, None, path)[0] for route in api.OPERATIONS} == {401}
    assert platform.everything() == before


def test_lists_contain_only_the_users_own_items(platform: ImagePlatform) -> None:
    owned(platform)
    assert ask(platform, "GET /images", OTHER, {}) == (200, {"images": [], "cursor": None})
    assert ask(platform, "GET /albums", OTHER, {}) == (200, {"albums": [], "cursor": None})


def test_an_image_belongs_to_its_creator_whatever_the_request_contains(platform: ImagePlatform) -> None:
    """A1."""
    event = api_event("POST /images", user_id=OWNER, body=BODIES["POST /images"])
    event["headers"]["x-user-id"] = OTHER
    event["queryStringParameters"] = {"userId": OTHER}
    api.respond(event, platform.service)
    assert [image.user_id for image in platform.image_rows().values()] == [OWNER]
