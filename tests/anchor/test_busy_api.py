"""What the command line does when the API takes no more at the moment: it asks once more, and writes once."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import requests
from attrs import Factory, define

from anchor.client import Client
from anchor.credentials import Credentials, CredentialsFile
from anchor.errors import CommandError, RefusedError

GATEWAY = '{"message":"Service Unavailable"}'


@define
class Api:
    """Answers one after another, then that all is well."""

    answers: list[tuple[int, Mapping[str, str], str]]
    asked: list[str] = Factory(list)

    def __call__(self, method: str, *_: object, **__: object) -> requests.Response:
        self.asked.append(method)
        status, headers, body = self.answers.pop(0) if self.answers else (200, {}, '{"projects": []}')
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response._content = body.encode()
        return response


Busy = Callable[..., tuple[Client, Api, list[float]]]


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    """A client of an API that answers so, and how long it has waited."""

    def made(*answers: tuple[int, Mapping[str, str], str]) -> tuple[Client, Api, list[float]]:
        file = CredentialsFile(folder=tmp_path)
        file.write(
            Credentials(
                api="http://127.0.0.1:1",
                cognito="http://127.0.0.1:1",
                client_id="client",
                user="ada",
                access_token="access",
                refresh_token="refresh",
                expires_at=1_000_000.0,
            )
        )
        api, pauses = Api([*answers]), list[float]()
        monkeypatch.setattr(requests, "request", api)
        return Client(file=file, now=lambda: 0.0, pause=pauses.append), api, pauses

    return made


@pytest.mark.parametrize(
    ("headers", "waited"),
    [({"retry-after": "5"}, 5), ({"Retry-After": "600"}, 10), ({}, 3), ({"Retry-After": "Sat, 31 Jan"}, 3)],
)
@pytest.mark.parametrize("status", [503, 429])
def test_a_question_is_repeated_once_after_the_named_time(
    busy: Busy, status: int, headers: Mapping[str, str], waited: int
) -> None:
    client, api, pauses = busy((status, headers, GATEWAY))
    assert client.call("GET", "projects") == {"projects": []}
    assert (api.asked, pauses) == (["GET", "GET"], [waited])


def test_an_api_that_stays_busy_is_asked_no_third_time(busy: Busy) -> None:
    """Q1."""
    client, api, pauses = busy(*[(503, {}, GATEWAY)] * 3)
    with pytest.raises(RefusedError, match=r"Service Unavailable: .* try again in a few seconds"):
        client.call("GET", "projects")
    assert (len(api.asked), pauses) == (2, [3])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_may_have_changed_something_is_not_repeated(busy: Busy, method: str) -> None:
    """Q1: the platform's own words say so."""
    said = json.dumps({"detail": "the platform is busy: try again in a few seconds"})
    client, api, pauses = busy((503, {"Retry-After": "5"}, said))
    with pytest.raises(
        CommandError, match=r"^refused \(503\): the platform is busy: try again in a few seconds$"
    ):
        client.call(method, "projects", body={})
    assert (api.asked, pauses) == ([method], [])


def test_what_is_refused_for_good_is_not_repeated(busy: Busy) -> None:
    client, api, pauses = busy((500, {}, "{}"))
    with pytest.raises(RefusedError, match="500"):
        client.call("GET", "projects")
    assert (api.asked, pauses) == (["GET"], [])
