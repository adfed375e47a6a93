"""If the API is busy, the command line repeats a GET request once. It never repeats other requests."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import requests
from attrs import Factory, define

from anchor.client import Client
from anchor.credentials import Credentials, CredentialsFile
from anchor.errors import CommandError, RequestRefusedError

GATEWAY = '{"message":"Service Unavailable"}'


@define
class Api:
    """A fake API that returns the given responses in order, and then always an empty list of projects."""

    answers: list[tuple[int, Mapping[str, str], str]]
    methods: list[str] = Factory(list)

    def __call__(self, method: str, *_: object, **__: object) -> requests.Response:
        self.methods.append(method)
        status, headers, body = self.answers.pop(0) if self.answers else (200, {}, '{"projects": []}')
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response._content = body.encode()
        return response


MakeBusyClient = Callable[..., tuple[Client, Api, list[float]]]


@pytest.fixture
def make_busy_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeBusyClient:
    """Return a function that makes a client, its fake API, and the list of the client's pauses."""

    def make_client(*answers: tuple[int, Mapping[str, str], str]) -> tuple[Client, Api, list[float]]:
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

    return make_client


@pytest.mark.parametrize(
    ("headers", "expected_pause"),
    [({"retry-after": "5"}, 5), ({"Retry-After": "600"}, 10), ({}, 3), ({"Retry-After": "Sat, 31 Jan"}, 3)],
)
@pytest.mark.parametrize("status", [503, 429])
def test_a_get_is_repeated_once_after_the_time_in_retry_after(
    make_busy_client: MakeBusyClient, status: int, headers: Mapping[str, str], expected_pause: int
) -> None:
    client, api, pauses = make_busy_client((status, headers, GATEWAY))
    assert client.call("GET", "projects") == {"projects": []}
    assert (api.methods, pauses) == (["GET", "GET"], [expected_pause])


def test_a_get_is_not_sent_a_third_time(make_busy_client: MakeBusyClient) -> None:
    """Requirement Q1."""
    client, api, pauses = make_busy_client(*[(503, {}, GATEWAY)] * 3)
    with pytest.raises(RequestRefusedError, match=r"Service Unavailable: .* try again in a few seconds"):
        client.call("GET", "projects")
    assert (len(api.methods), pauses) == (2, [3])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_method_that_can_change_state_is_not_repeated(
    make_busy_client: MakeBusyClient, method: str
) -> None:
    """Q1: the command prints the platform's error message instead."""
    body = json.dumps({"detail": "the platform is busy: try again in a few seconds"})
    client, api, pauses = make_busy_client((503, {"Retry-After": "5"}, body))
    with pytest.raises(
        CommandError, match=r"^refused \(503\): the platform is busy: try again in a few seconds$"
    ):
        client.call(method, "projects", body={})
    assert (api.methods, pauses) == ([method], [])


def test_a_get_that_fails_for_another_reason_is_not_repeated(make_busy_client: MakeBusyClient) -> None:
    client, api, pauses = make_busy_client((500, {}, "{}"))
    with pytest.raises(RequestRefusedError, match="500"):
        client.call("GET", "projects")
    assert (api.methods, pauses) == (["GET"], [])
