"""Nobody sees or changes another user's images and albums, nor learns that they exist (A1, A5).

Proven for every route and every public method of the repositories: the tables below are compared with the
code, so that a new one cannot be forgotten.
"""

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
from tests.runtime.images.image_fixture import ImageWorld
from tests.runtime.platform_fixture import OTHER, OWNER

# Methods that serve a user, called as a user for what OWNER has.
Call = Callable[[ImageWorld, str, Image, Album], object]
SERVE_USERS: dict[str, Call] = {
    "ImageRepository.owned": lambda world, user, image, _: world.images.owned(
        user, image.image_id, at=world.clock()
    ),
    "ImageRepository.all_owned": lambda world, user, *_: world.images.all_owned(
        user, at=world.clock(), limit=10
    ),
    "ImageRepository.in_album": lambda world, user, _, album: world.images.in_album(
        user, album.album_id, limit=1
    ),
    "ImageRepository.describe": lambda world, user, image, _: world.images.describe(
        user, image.image_id, {"title": "Mine"}, at=world.clock()
    ),
    "ImageRepository.move": lambda world, user, image, album: (
        world.images.move(user, image, album.album_id, {"title": "Mine"}, at=world.clock()),
        "moved",
    ),
    "ImageRepository.begin_deleting": lambda world, user, image, _: (
        world.images.begin_deleting(user, image, at=world.clock()),
        "begun",
    ),
    "ImageRepository.finish_deleting": lambda world, user, image, _: world.images.finish_deleting(
        user, image.image_id
    ),
    "AlbumRepository.owned": lambda world, user, _, album: world.albums.owned(user, album.album_id),
    "AlbumRepository.all_owned": lambda world, user, *_: world.albums.all_owned(user, limit=10),
    "AlbumRepository.describe": lambda world, user, _, album: world.albums.describe(
        user, album.album_id, {"name": "Mine"}, at=world.clock()
    ),
    "AlbumRepository.delete": lambda world, user, _, album: world.albums.delete(user, album.album_id),
}

# Methods that write what they are given, whole, and those that serve the bucket's own events.
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


def owned(world: ImageWorld) -> tuple[Image, Album]:
    """An album with one image of two in it, so that its list has a second page."""
    album = world.album()
    world.ready(album_id=album.album_id)
    return world.ready(album_id=album.album_id), album


@pytest.mark.parametrize("method", SERVE_USERS)
def test_another_user_finds_and_changes_nothing(world: ImageWorld, method: str) -> None:
    """A5."""
    image, album = owned(world)
    before = world.everything()
    for user in STRANGERS:
        try:
            found = SERVE_USERS[method](world, user, image, album)
        except (ImageNotFoundError, AlbumNotFoundError):
            found = None
        assert found in (None, Page(items=(), cursor=None))
        assert world.everything() == before


@pytest.mark.parametrize("method", sorted(set(SERVE_USERS) - {"ImageRepository.finish_deleting"}))
def test_the_owner_is_served(world: ImageWorld, method: str) -> None:
    image, album = owned(world)
    if method == "AlbumRepository.delete":
        album = world.album(name="Empty")
        SERVE_USERS[method](world, OWNER, image, album)
        assert len(world.rows()) == 3
        return
    assert SERVE_USERS[method](world, OWNER, image, album) not in (None, Page(items=(), cursor=None))


def test_an_image_of_ones_own_cannot_be_put_into_anothers_album(world: ImageWorld) -> None:
    _, album = owned(world)
    for mine in (world.ready(user_id=OTHER), world.pending(user_id=OTHER)):
        before = world.everything()
        with pytest.raises(AlbumUnavailableError):
            world.images.move(OTHER, mine, album.album_id, {}, at=world.clock())
        assert world.everything() == before


# What OWNER gets on each route, and what everybody else gets.
BODIES: dict[str, object] = {
    "POST /images": {"contentType": "image/png", "size": 100},
    "PATCH /images/{imageId}": {"title": "Mine"},
    "POST /albums": {"name": "Mine"},
    "PATCH /albums/{albumId}": {"name": "Mine"},
}
OF_ONE_THING = [route for route in api.OPERATIONS if "{" in route]


def ask(  # noqa: PLR0913 - a request in all its parts
    world: ImageWorld,
    route: str,
    user: str | None,
    path: dict[str, str],
    *,
    body: object = None,
    query: dict[str, str] | None = None,
) -> tuple[int, Any]:
    used = {name: value for name, value in path.items() if f"{{{name}}}" in route}
    event = api_event(route, user_id=user, body=body or BODIES.get(route), query=query, **used)
    response = api.respond(event, world.gallery)
    return response["statusCode"], json.loads(response.get("body") or "null")


def missing(world: ImageWorld) -> dict[str, str]:
    return {"imageId": world.gallery.ids(), "albumId": world.gallery.ids()}


def path_of(owned: tuple[Image, Album]) -> dict[str, str]:
    return {"imageId": owned[0].image_id, "albumId": owned[1].album_id}


@pytest.mark.parametrize("route", OF_ONE_THING)
@pytest.mark.parametrize("body", [None, {"albumId": None}])
def test_resources_of_another_tenant_are_answered_as_missing(
    world: ImageWorld, route: str, body: object
) -> None:
    """A5: the same status and the same body, and nothing changes."""
    if body and route != "PATCH /images/{imageId}":
        body = BODIES.get(route)
    path = path_of(owned(world))
    none = missing(world)
    before = world.everything()
    answer = ask(world, route, OTHER, path, body=body)
    assert answer[0] == 404
    assert answer == ask(world, route, OTHER, none, body=body)
    assert answer == ask(world, route, OWNER, none, body=body)
    assert answer == ask(world, route, OTHER, dict.fromkeys(path, "x" * 3000), body=body)
    assert world.everything() == before


def test_anothers_album_is_refused_like_one_that_never_was(world: ImageWorld) -> None:
    """A5: in bodies as a wrong field, in queries as missing."""
    _, album = owned(world)
    mine = world.ready(user_id=OTHER)
    before = world.everything()
    answers: list[list[tuple[int, Any]]] = []
    for album_id in (album.album_id, world.gallery.ids(), "x" * 3000):
        new = {"contentType": "image/png", "size": 1, "albumId": album_id}
        move, path = {"albumId": album_id}, {"imageId": mine.image_id}
        answers.append(
            [
                ask(world, "POST /images", OTHER, {}, body=new),
                ask(world, "PATCH /images/{imageId}", OTHER, path, body=move),
                ask(world, "GET /images", OTHER, {}, query=move),
            ]
        )
    assert answers[0] == answers[1] == answers[2]
    assert [status for status, _ in answers[0]] == [422, 422, 404]
    assert answers[0][0][1]["errors"] == [{"field": "albumId", "problem": "must be one of your albums"}]
    assert world.everything() == before


@pytest.mark.parametrize("route", api.OPERATIONS)
def test_the_owner_is_answered(world: ImageWorld, route: str) -> None:
    status, answer = ask(world, route, OWNER, path_of(owned(world)))
    expected = {"POST": {201}, "DELETE": {204, 409}}.get(route.split(maxsplit=1)[0], {200})
    assert status in expected, answer


def test_a_request_without_a_user_is_refused(world: ImageWorld) -> None:
    """A1: the second lock behind the API's authorizer."""
    path = path_of(owned(world))
    before = world.everything()
    assert {ask(world, route, None, path)[0] for route in api.OPERATIONS} == {401}
    assert world.everything() == before


def test_lists_contain_only_the_users_resources(world: ImageWorld) -> None:
    owned(world)
    assert ask(world, "GET /images", OTHER, {}) == (200, {"images": [], "cursor": None})
    assert ask(world, "GET /albums", OTHER, {}) == (200, {"albums": [], "cursor": None})


def test_an_image_belongs_to_who_made_it_whatever_the_request_says(world: ImageWorld) -> None:
    """A1."""
    event = api_event("POST /images", user_id=OWNER, body=BODIES["POST /images"])
    event["headers"]["x-user-id"] = OTHER
    event["queryStringParameters"] = {"userId": OTHER}
    api.respond(event, world.gallery)
    assert [image.user_id for image in world.image_rows().values()] == [OWNER]
