"""D2: a release that does not answer is not switched to, and says why."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from attrs import Factory, define, evolve

from runtime.deploy.releases.smoke import SmokeTest, SmokeTestError
from tests.runtime.releases.lambda_service import PAGE

AT = datetime(2026, 1, 31, 9, 30, 0, 125000, tzinfo=UTC)
TEST = SmokeTest(
    function="server", alias="r-1", host="r--site.example.com", origin_key="0f" * 20, request_id="request-1"
)


@define
class Answering:
    answer: Mapping[str, object]
    calls: list[Mapping[str, object]] = Factory(list)

    def invoke(self, **arguments: object) -> Mapping[str, object]:
        self.calls.append(arguments)
        return self.answer


def run(payload: bytes, **more: str) -> int:
    return TEST.run(Answering({"Payload": io.BytesIO(payload), **more}), at=AT)  # type: ignore[arg-type]


def refusal(payload: bytes, **more: str) -> str:
    with pytest.raises(SmokeTestError) as refused:
        run(payload, **more)
    return str(refused.value)


def streamed(status: object) -> bytes:
    return json.dumps({"statusCode": status}).encode() + b"\0" * 8 + b"body with \0\0\0\0\0\0\0\0 in it"


def test_a_streamed_page_and_a_buffered_one_are_answers() -> None:
    assert run(PAGE) == 200
    assert run(streamed(307)) == 307
    assert run(b'{"statusCode": 404, "body": "no such page", "isBase64Encoded": false}') == 404


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_a_failure(status: int) -> None:
    assert refusal(streamed(status)) == f"the server answered GET / with status {status}; its log says why"
    assert f"status {status}" in refusal(json.dumps({"statusCode": status}).encode())


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"[]", b"<html>", b'"text"', b'{"statusCode":"200"}', b"\xff", b"[" * 99_999]
)
def test_what_is_no_answer_is_a_failure(payload: bytes) -> None:
    assert refusal(payload) == "the server's answer to GET / is no HTTP response"


def test_an_error_of_the_function_is_told_without_its_stack() -> None:
    error = {"errorType": "Error", "errorMessage": "Cannot find module 'x'", "trace": ["at secret.mjs"]}
    said = refusal(json.dumps(error).encode(), FunctionError="Unhandled")
    assert said == "the server failed on GET /: Error: Cannot find module 'x'"


@pytest.mark.parametrize("payload", [b"", b"[]", b"Runtime exited", b"[" * 99_999])
def test_an_error_without_a_document_is_told_all_the_same(payload: bytes) -> None:
    assert refusal(payload, FunctionError="Unhandled").endswith("no reason was given; its log says why")


def test_a_long_error_is_cut() -> None:
    said = refusal(json.dumps({"errorMessage": "x" * 5000}).encode(), FunctionError="Unhandled")
    assert said.startswith("the server failed on GET /: Error: xxx")
    assert said.endswith("...")
    assert len(said) < 600


def test_the_event_is_a_function_urls_and_shows_the_origin_key() -> None:
    client = Answering({"Payload": io.BytesIO(PAGE)})
    TEST.run(client, at=AT)  # type: ignore[arg-type]
    (call,) = client.calls
    payload = call["Payload"]
    assert isinstance(payload, bytes)
    event = json.loads(payload)
    assert (call["FunctionName"], call["Qualifier"]) == ("server", "r-1")
    assert event["version"] == "2.0"
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/"
    assert event["headers"]["x-anchor-origin-key"] == "0f" * 20
    assert event["headers"]["x-forwarded-host"] == "r--site.example.com"
    assert event["requestContext"]["timeEpoch"] == 1769851800125
    assert event["requestContext"]["time"] == "31/Jan/2026:09:30:00 +0000"


def test_the_origin_key_is_in_no_repr() -> None:
    assert "0f0f" not in repr(TEST)


def test_a_site_below_a_path_is_asked_for_its_own_first_page() -> None:
    """D7: at the root such a site has nothing, and a 404 would prove little."""
    below = evolve(TEST, path="/docs")
    answering = Answering({"Payload": io.BytesIO(streamed(500))})
    with pytest.raises(SmokeTestError, match="the server answered GET /docs with status 500"):
        below.run(answering, at=AT)  # type: ignore[arg-type]
    event = json.loads(answering.calls[0]["Payload"])  # type: ignore[arg-type]
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/docs"
