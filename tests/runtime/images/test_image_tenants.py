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
from tests.runtime.events import make_api_event
from tests.runtime.images.image_fixture import ImageSystem
from tests.runtime.platform_fixture import OTHER, OWNER

# Calls of the methods that serve a signed-in user. Each call gets a user's id, and an image and an album
# of OWNER.
Call = Callable[[ImageSystem, str, Image, Album], object]
USER_METHODS: dict[str, Call] = {
    "ImageRepository.get": lambda system, user, image, _: system.images.get(
        user, image.image_id, at=system.clock()
    ),
    "ImageRepository.list_all": lambda system, user, *_: system.images.list_all(
        user, at=system.clock(), limit=10
    ),
    "ImageRepository.list_in_album": lambda system, user, _, album: system.images.list_in_album(
        user, album.album_id, limit=1
    ),
    "ImageRepository.update_texts": lambda system, user, image, _: system.images.update_texts(
        user, image.image_id, {"title": "Mine"}, at=system.clock()
    ),
    "ImageRepository.move_to_album": lambda system, user, image, album: (
        system.images.move_to_album(user, image, album.album_id, {"title": "Mine"}, at=system.clock()),
        "moved",
    ),
    "ImageRepository.begin_deleting": lambda system, user, image, _: (
        system.images.begin_deleting(user, image, system.limits, at=system.clock()),
        "begun",
    ),
    "ImageRepository.finish_deleting": lambda system, user, image, _: system.images.finish_deleting(
        user, image.image_id
    ),
    "AlbumRepository.get": lambda system, user, _, album: system.albums.get(user, album.album_id),
    "AlbumRepository.list_all": lambda system, user, *_: system.albums.list_all(user, limit=10),
    "AlbumRepository.update_texts": lambda system, user, _, album: system.albums.update_texts(
        user, album.album_id, {"name": "Mine"}, at=system.clock()
    ),
    "AlbumRepository.delete": lambda system, user, _, album: system.albums.delete(user, album.album_id),
}

# The remaining methods of the repositories: they create or count rows of the passed user, or they process the
# bucket's events.
OTHER_METHODS = {
    "ImageRepository.create",
    "ImageRepository.repeat_deleting",
    "AlbumRepository.create",
    "ImageStatusRepository.find",
    "ImageStatusRepository.make_ready",
    "ImageStatusRepository.reject",
}
KINDS = {kind.__name__: kind for kind in (ImageRepository, AlbumRepository, ImageStatusRepository)}
STRANGERS = [OTHER, OWNER + " ", f"USER#{OWNER}"]


def test_user_methods_and_other_methods_contain_every_public_method() -> None:
    methods = {
        f"{name}.{method}"
        for name, kind in KINDS.items()
        for method, _ in inspect.getmembers(kind, inspect.isfunction)
        if not method.startswith("_")
    }
    assert methods == set(USER_METHODS) | OTHER_METHODS


def test_the_methods_that_serve_a_user_take_the_user_first() -> None:
    for name in USER_METHODS:
        kind, _, method = name.partition(".")
        assert list(inspect.signature(getattr(KINDS[kind], method)).parameters)[:2] == ["self", "user_id"]


def create_owned(system: ImageSystem) -> tuple[Image, Album]:
    """Return an image and an album of OWNER. With `limit=1`, the album's list has two pages."""
    album = system.create_album()
    system.create_ready(album_id=album.album_id)
    return system.create_ready(album_id=album.album_id), album


@pytest.mark.parametrize("method", USER_METHODS)
def test_another_user_finds_and_changes_nothing(system: ImageSystem, method: str) -> None:
    """Requirement A5."""
    image, album = create_owned(system)
    before = system.read_rows_and_objects()
    for user in STRANGERS:
        try:
            found = USER_METHODS[method](system, user, image, album)
        except (ImageNotFoundError, AlbumNotFoundError):
            found = None
        assert found in (None, Page(items=(), cursor=None))
        assert system.read_rows_and_objects() == before


@pytest.mark.parametrize("method", sorted(set(USER_METHODS) - {"ImageRepository.finish_deleting"}))
def test_the_owner_can_use_every_method(system: ImageSystem, method: str) -> None:
    image, album = create_owned(system)
    if method == "AlbumRepository.delete":
        album = system.create_album(name="Empty")
        USER_METHODS[method](system, OWNER, image, album)
        assert len(system.read_rows()) == 3
        return
    assert USER_METHODS[method](system, OWNER, image, album) not in (None, Page(items=(), cursor=None))


def test_a_user_cannot_put_an_image_into_another_users_album(system: ImageSystem) -> None:
    _, album = create_owned(system)
    for mine in (system.create_ready(user_id=OTHER), system.create_pending(user_id=OTHER)):
        before = system.read_rows_and_objects()
        with pytest.raises(AlbumUnavailableError):
            system.images.move_to_album(OTHER, mine, album.album_id, {}, at=system.clock())
        assert system.read_rows_and_objects() == before


# A valid body of each route that needs a body.
BODIES: dict[str, object] = {
    "POST /images": {"contentType": "image/png", "size": 100},
    "PATCH /images/{imageId}": {"title": "Mine"},
    "POST /albums": {"name": "Mine"},
    "PATCH /albums/{albumId}": {"name": "Mine"},
}
ROUTES_WITH_ID = [route for route in api.OPERATIONS if "{" in route]


def send_request(  # noqa: PLR0913 - all parts of a request
    system: ImageSystem,
    route: str,
    user: str | None,
    path: dict[str, str],
    *,
    body: object = None,
    query: dict[str, str] | None = None,
) -> tuple[int, Any]:
    used = {name: value for name, value in path.items() if f"{{{name}}}" in route}
    event = make_api_event(route, user_id=user, body=body or BODIES.get(route), query=query, **used)
    response = api.handle_event(event, system.service)
    return response["statusCode"], json.loads(response.get("body") or "null")


def make_unused_ids(system: ImageSystem) -> dict[str, str]:
    return {"imageId": system.service.ids(), "albumId": system.service.ids()}


def make_path_parameters(owned: tuple[Image, Album]) -> dict[str, str]:
    return {"imageId": owned[0].image_id, "albumId": owned[1].album_id}


@pytest.mark.parametrize("route", api.OPERATIONS)
def test_a_user_who_may_only_deploy_is_refused(system: ImageSystem, route: str) -> None:
    """Requirement X20."""
    path = make_path_parameters(create_owned(system))
    used = {name: value for name, value in path.items() if f"{{{name}}}" in route}
    before = system.read_rows_and_objects()
    event = make_api_event(route, user_id=OWNER, body=BODIES.get(route), groups="[deploy]", **used)
    response = api.handle_event(event, system.service)
    assert (response["statusCode"], "'images'" in response["body"]) == (403, True)
    assert system.read_rows_and_objects() == before


@pytest.mark.parametrize("route", ROUTES_WITH_ID)
@pytest.mark.parametrize("body", [None, {"albumId": None}])
def test_another_users_resource_gets_the_response_of_a_missing_resource(
    system: ImageSystem, route: str, body: object
) -> None:
    """A5. Status and body are the same, and nothing changes."""
    if body and route != "PATCH /images/{imageId}":
        body = BODIES.get(route)
    path = make_path_parameters(create_owned(system))
    none = make_unused_ids(system)
    before = system.read_rows_and_objects()
    answer = send_request(system, route, OTHER, path, body=body)
    assert answer[0] == 404
    assert answer == send_request(system, route, OTHER, none, body=body)
    assert answer == send_request(system, route, OWNER, none, body=body)
    assert answer == send_request(system, route, OTHER, dict.fromkeys(path, "x" * 3000), body=body)
    assert system.read_rows_and_objects() == before


def test_another_users_album_is_refused_like_a_missing_one(system: ImageSystem) -> None:
    """A5. Status 422 if the body names the album, and 404 if the query does, as for a missing album."""
    _, album = create_owned(system)
    mine = system.create_ready(user_id=OTHER)
    before = system.read_rows_and_objects()
    answers: list[list[tuple[int, Any]]] = []
    for album_id in (album.album_id, system.service.ids(), "x" * 3000):
        new = {"contentType": "image/png", "size": 1, "albumId": album_id}
        move, path = {"albumId": album_id}, {"imageId": mine.image_id}
        answers.append(
            [
                send_request(system, "POST /images", OTHER, {}, body=new),
                send_request(system, "PATCH /images/{imageId}", OTHER, path, body=move),
                send_request(system, "GET /images", OTHER, {}, query=move),
            ]
        )
    assert answers[0] == answers[1] == answers[2]
    assert [status for status, _ in answers[0]] == [422, 422, 404]
    assert answers[0][0][1]["errors"] == [{"field": "albumId", "problem": "must be one of your albums"}]
    assert system.read_rows_and_objects() == before


@pytest.mark.parametrize("route", api.OPERATIONS)
def test_every_route_responds_to_the_owner(system: ImageSystem, route: str) -> None:
    status, answer = send_request(system, route, OWNER, make_path_parameters(create_owned(system)))
    expected = {"POST": {201}, "DELETE": {204, 409}}.get(route.split(maxsplit=1)[0], {200})
    assert status in expected, answer


def test_a_request_without_a_user_is_refused(system: ImageSystem) -> None:
    """A1. The API's authorizer already refuses such requests, but the function refuses them, too."""
    path = make_path_parameters(create_owned(system))
    before = system.read_rows_and_objects()
    assert {send_request(system, route, None, path)[0] for route in api.OPERATIONS} == {401}
    assert system.read_rows_and_objects() == before


def test_lists_contain_only_the_users_own_items(system: ImageSystem) -> None:
    create_owned(system)
    assert send_request(system, "GET /images", OTHER, {}) == (200, {"images": [], "cursor": None})
    assert send_request(system, "GET /albums", OTHER, {}) == (200, {"albums": [], "cursor": None})


def test_an_image_belongs_to_its_creator_whatever_the_request_contains(system: ImageSystem) -> None:
    """Requirement A1."""
    event = make_api_event("POST /images", user_id=OWNER, body=BODIES["POST /images"])
    event["headers"]["x-user-id"] = OTHER
    api.handle_event(event, system.service)
    assert [image.user_id for image in system.read_images().values()] == [OWNER]
