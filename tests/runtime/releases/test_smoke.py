# ruff: noqa: ANN401 - stands in for a client that boto3 does not type
"""The smoke test of a release fails if one of its functions does not respond correctly (D2)."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPMethod
from threading import Barrier
from typing import Any

import pytest
from attrs import Factory, define, evolve

from runtime.deploy.releases.smoke import SmokeTarget, SmokeTest, SmokeTestError
from tests.runtime.releases.lambda_service import PAGE

AT = datetime(2026, 1, 31, 9, 30, 0, 125000, tzinfo=UTC)
SERVER = SmokeTarget(name="the server", function="server", alias="r-1", path="/")
SPLIT = SmokeTarget(
    name="the function api",
    function="server",
    alias="r-1-1",
    path="/api/smoke-test",
    method=HTTPMethod.OPTIONS,
)
IMAGE = SmokeTarget(name="the image function", function="image", alias="r-1", path="/_next/image")
TEST = SmokeTest(targets=(SERVER,), host="r--site.example.com", origin_key="0f" * 20, request_id="request-1")


@define
class FakeLambda:
    """A Lambda client with responses by function and alias. The default response is a page."""

    answers: Mapping[tuple[str, str], Mapping[str, bytes]] = Factory(dict)
    calls: list[Mapping[str, Any]] = Factory(list)

    def invoke(self, **arguments: Any) -> Mapping[str, Any]:
        self.calls.append(arguments)
        asked = arguments["FunctionName"], arguments["Qualifier"]
        answer = self.answers.get(asked, {"Payload": PAGE})
        return {**answer, "Payload": io.BytesIO(answer["Payload"])}

    def list_events(self) -> list[Mapping[str, Any]]:
        return [json.loads(call["Payload"]) for call in self.calls]


def run_smoke_test(payload: bytes, target: SmokeTarget = SERVER, **more: Any) -> None:
    client: Any = FakeLambda({(target.function, target.alias): {"Payload": payload, **more}})
    evolve(TEST, targets=(target,)).run(client, at=AT)


def find_refusal_message(payload: bytes, target: SmokeTarget = SERVER, **more: Any) -> str:
    with pytest.raises(SmokeTestError) as refused:
        run_smoke_test(payload, target, **more)
    return str(refused.value)


def make_streamed_payload(status: object) -> bytes:
    return json.dumps({"statusCode": status}).encode() + b"\0" * 8 + b"body with \0\0\0\0\0\0\0\0 in it"


def test_streamed_and_buffered_pages_are_valid_responses() -> None:
    run_smoke_test(PAGE)
    run_smoke_test(make_streamed_payload(307))
    run_smoke_test(b'{"statusCode": 404, "body": "no such page", "isBase64Encoded": false}')


@pytest.mark.parametrize("status", [500, 501, 503])
def test_a_server_error_is_a_failure(status: int) -> None:
    assert (
        find_refusal_message(make_streamed_payload(status))
        == f"the server answered GET / with status {status}; its log says why"
    )
    assert f"status {status}" in find_refusal_message(json.dumps({"statusCode": status}).encode())


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"[]", b"<html>", b'"text"', b'{"statusCode":"200"}', b"\xff", b"[" * 99_999]
)
def test_an_invalid_response_is_a_failure(payload: bytes) -> None:
    assert find_refusal_message(payload) == "the server's answer to GET / is no HTTP response"


def test_a_function_error_is_reported_without_its_stack() -> None:
    error = {"errorType": "Error", "errorMessage": "Cannot find module 'x'", "trace": ["at secret.mjs"]}
    said = find_refusal_message(json.dumps(error).encode(), FunctionError="Unhandled")
    assert said == "the server failed on GET /: Error: Cannot find module 'x'"


@pytest.mark.parametrize("payload", [b"", b"[]", b"Runtime exited", b"[" * 99_999])
def test_a_function_error_without_a_json_object_is_reported(payload: bytes) -> None:
    assert find_refusal_message(payload, FunctionError="Unhandled").endswith(
        "no reason was given; its log says why"
    )


def test_a_page_above_the_size_limit_of_an_invocation_is_a_valid_response() -> None:
    """D2: visitors get such a page, because function URLs stream answers of up to 200 MB."""
    error = {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }
    run_smoke_test(json.dumps(error).encode(), FunctionError="Unhandled")


def test_a_long_error_is_truncated() -> None:
    said = find_refusal_message(json.dumps({"errorMessage": "x" * 5000}).encode(), FunctionError="Unhandled")
    assert said.startswith("the server failed on GET /: Error: xxx")
    assert said.endswith("...")
    assert len(said) < 600


def test_the_event_has_a_function_urls_format_and_the_origin_key() -> None:
    client = FakeLambda()
    TEST.run(client, at=AT)  # type: ignore[arg-type]
    ((call,), (event,)) = (client.calls, client.list_events())
    assert (call["FunctionName"], call["Qualifier"]) == ("server", "r-1")
    assert event["version"] == "2.0"
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/"
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["headers"]["x-anchor-origin-key"] == "0f" * 20
    assert event["headers"]["x-forwarded-host"] == "r--site.example.com"
    assert event["requestContext"]["timeEpoch"] == 1769851800125
    assert event["requestContext"]["time"] == "31/Jan/2026:09:30:00 +0000"


def test_the_origin_key_is_in_no_repr() -> None:
    assert "0f0f" not in repr(TEST)


def test_all_functions_are_tested_in_parallel() -> None:
    everybody = Barrier(3, timeout=10)

    class Waiting(FakeLambda):
        def invoke(self, **arguments: Any) -> Mapping[str, Any]:
            everybody.wait()
            return super().invoke(**arguments)

    client = Waiting()
    evolve(TEST, targets=(SERVER, SPLIT, IMAGE)).run(client, at=AT)  # type: ignore[arg-type]
    asked = {
        (call["FunctionName"], call["Qualifier"], event["requestContext"]["http"]["method"], event["rawPath"])
        for call, event in zip(client.calls, client.list_events(), strict=True)
    }
    assert asked == {
        ("server", "r-1", "GET", "/"),
        ("server", "r-1-1", "OPTIONS", "/api/smoke-test"),
        ("image", "r-1", "GET", "/_next/image"),
    }


@pytest.mark.parametrize("target", [SERVER, SPLIT, IMAGE])
def test_the_error_names_a_failing_function_if_others_respond(target: SmokeTarget) -> None:
    error = b'{"errorType": "Error", "errorMessage": "no such module"}'
    answer = {"Payload": error, "FunctionError": b"Unhandled"}
    client: Any = FakeLambda({(target.function, target.alias): answer})
    with pytest.raises(SmokeTestError) as refused:
        evolve(TEST, targets=(SERVER, SPLIT, IMAGE)).run(client, at=AT)
    request = f"{target.method} {target.path}"
    assert str(refused.value) == f"{target.name} failed on {request}: Error: no such module"


def test_a_client_error_of_the_image_function_is_a_valid_response() -> None:
    run_smoke_test(make_streamed_payload(400), IMAGE)
    assert (
        find_refusal_message(make_streamed_payload(500), IMAGE)
        == "the image function answered GET /_next/image with status 500; its log says why"
    )


def test_a_route_may_refuse_the_options_method() -> None:
    run_smoke_test(make_streamed_payload(501), SPLIT)
    run_smoke_test(make_streamed_payload(405), SPLIT)
    assert (
        find_refusal_message(make_streamed_payload(500), SPLIT)
        == "the function api answered OPTIONS /api/smoke-test with status 500; its log says why"
    )
