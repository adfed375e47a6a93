# ruff: noqa: ANN401 - stands in for a client that boto3 does not type
"""The smoke test of a release fails if one of its functions does not respond correctly (D2)."""

import base64
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPMethod
from threading import Barrier
from typing import Any

import pytest
from attrs import Factory, define, evolve
from botocore.exceptions import ReadTimeoutError

from runtime.deploy.releases.smoke import CRAWLER, SmokeTarget, SmokeTest, SmokeTestError
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
ID = "8f507cfc-0a1b-4697-b07a-ac58fc914c95"
LINE_START = f"2026-01-31T09:30:00.000Z\t{ID}\tERROR\t"
IMAGE = SmokeTarget(name="the image function", function="image", alias="r-1", path="/_next/image")
TEST = SmokeTest(targets=(SERVER,), host="r--site.example.com", origin_key="0f" * 20, request_id="request-1")


@define
class FakeLambda:
    """A Lambda client with responses by function and alias. The default response is a page.

    Attributes:
        by_path: Returns the default response by the path of the request.
    """

    answers: Mapping[tuple[str, str], Mapping[str, bytes]] = Factory(dict)
    by_path: Callable[[str], bytes] = lambda _: PAGE
    calls: list[Mapping[str, Any]] = Factory(list)

    def invoke(self, **arguments: Any) -> Mapping[str, Any]:
        self.calls.append(arguments)
        asked = arguments["FunctionName"], arguments["Qualifier"]
        path = json.loads(arguments["Payload"])["rawPath"]
        answer = self.answers.get(asked, {"Payload": self.by_path(path)})
        return {**answer, "Payload": io.BytesIO(answer["Payload"])}

    def list_events(self) -> list[Mapping[str, Any]]:
        return [json.loads(call["Payload"]) for call in self.calls]


def encode_log(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def run_smoke_test(payload: bytes, target: SmokeTarget = SERVER, **more: Any) -> None:
    client: Any = FakeLambda({(target.function, target.alias): {"Payload": payload, **more}})
    evolve(TEST, targets=(target,)).run(client, lambda: AT)


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
        == f"the server answered GET / with status {status}"
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
    assert find_refusal_message(payload, FunctionError="Unhandled").endswith("no reason was given")


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
    TEST.run(client, lambda: AT)  # type: ignore[arg-type]
    ((call,), (event,)) = (client.calls, client.list_events())
    assert (call["FunctionName"], call["Qualifier"]) == ("server", "r-1")
    assert event["version"] == "2.0"
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/"
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["headers"]["x-anchor-origin-key"] == "0f" * 20
    assert event["headers"]["x-forwarded-host"] == "r--site.example.com"
    assert event["requestContext"]["timeEpoch"] == 1769851800125
    assert event["requestContext"]["time"] == "31/Jan/2026:09:30:00 +0000"


def test_a_crawler_has_its_own_user_agent() -> None:
    client = FakeLambda()
    evolve(TEST, targets=(evolve(SERVER, user_agent=CRAWLER),)).run(client, lambda: AT)  # type: ignore[arg-type]
    (event,) = client.list_events()
    assert "Twitterbot/1.0" in event["headers"]["user-agent"]
    assert event["requestContext"]["http"]["userAgent"] == event["headers"]["user-agent"]


def test_an_error_for_crawlers_is_named() -> None:
    crawler = evolve(SERVER, user_agent=CRAWLER)
    assert (
        find_refusal_message(make_streamed_payload(500), crawler)
        == "the server answered GET / from a crawler with status 500"
    )


def find_log_lines(payload: bytes, **more: Any) -> tuple[str, ...]:
    with pytest.raises(SmokeTestError) as refused:
        run_smoke_test(payload, **more)
    return refused.value.log_lines


def test_a_failure_has_the_lines_that_the_function_wrote() -> None:
    """Q1. Lambda returns the end of the log together with the answer."""
    log = f"START RequestId: {ID} Version: 1\n{LINE_START}Error: database is down\r    at page.js:1\r\n"
    lines = find_log_lines(make_streamed_payload(500), LogResult=encode_log(log))
    assert lines == ("Error: database is down", "    at page.js:1")
    assert find_log_lines(b"<html>", LogResult=encode_log(log)) == lines


def test_a_function_error_has_its_stack_once() -> None:
    trace = ["Error: no such module", "    at index.mjs:1"]
    error = json.dumps({"errorType": "Error", "errorMessage": "no such module", "trace": trace}).encode()
    assert find_log_lines(error, FunctionError="Unhandled") == tuple(trace)
    log = encode_log(f"{LINE_START}Error: no such module\r    at index.mjs:1\n")
    assert find_log_lines(error, FunctionError="Unhandled", LogResult=log) == tuple(trace)


def test_a_failure_has_the_last_lines_in_a_limited_length() -> None:
    """Lambda returns 4 KB of a log. The error document of a function can be larger."""
    trace = [f"{number} {'x' * 2_000}" for number in range(100)]
    error = json.dumps({"trace": trace}).encode()
    lines = find_log_lines(error, FunctionError="Unhandled")
    assert (len(lines), lines[-1][:4], {len(line) for line in lines}) == (60, "99 x", {1_000})


def test_the_first_line_of_a_full_log_is_left_out() -> None:
    whole = f"{LINE_START}whole\n"
    log = encode_log(f"{'half'.ljust(4_095 - len(whole), '.')}\n{whole}")
    assert find_log_lines(make_streamed_payload(500), LogResult=log) == ("whole",)


PAGES = tuple(evolve(SERVER, path=f"/{number}", is_required=False) for number in range(4))


def test_an_error_of_another_page_is_a_warning() -> None:
    """A page that fails must not prevent the release that corrects another page."""
    statuses = {"/1": 500, "/2": 503}

    def answer(path: str) -> bytes:
        return make_streamed_payload(statuses.get(path, 404))

    client = FakeLambda(by_path=answer)
    warnings = evolve(TEST, targets=(SERVER, *PAGES)).run(client, lambda: AT)  # type: ignore[arg-type]
    assert warnings == (
        "the server answered GET /1 with status 500",
        "the server answered GET /2 with status 503",
    )
    assert len(client.calls) == 5


def test_no_further_page_is_requested_after_twenty_seconds() -> None:
    times = iter([AT, AT, *[AT + timedelta(seconds=21)] * 9])
    client = FakeLambda()
    assert evolve(TEST, targets=(SERVER, *PAGES)).run(client, lambda: next(times)) == ()  # type: ignore[arg-type]
    assert len(client.calls) == 1


def test_a_page_without_an_answer_is_a_failure() -> None:
    class Silent(FakeLambda):
        def invoke(self, **_: Any) -> Mapping[str, Any]:
            raise ReadTimeoutError(endpoint_url="https://lambda.example.com")

    with pytest.raises(SmokeTestError, match="the server did not answer GET / in time"):
        TEST.run(Silent(), lambda: AT)  # type: ignore[arg-type]


def test_other_pages_are_not_requested_after_a_failure() -> None:
    client = FakeLambda({("server", "r-1"): {"Payload": make_streamed_payload(500)}})
    with pytest.raises(SmokeTestError):
        evolve(TEST, targets=(SERVER, *PAGES)).run(client, lambda: AT)  # type: ignore[arg-type]
    assert len(client.calls) == 1


def test_the_origin_key_is_in_no_repr() -> None:
    assert "0f0f" not in repr(TEST)


def test_all_functions_are_tested_in_parallel() -> None:
    everybody = Barrier(3, timeout=10)

    class Waiting(FakeLambda):
        def invoke(self, **arguments: Any) -> Mapping[str, Any]:
            everybody.wait()
            return super().invoke(**arguments)

    client = Waiting()
    evolve(TEST, targets=(SERVER, SPLIT, IMAGE)).run(client, lambda: AT)  # type: ignore[arg-type]
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
        evolve(TEST, targets=(SERVER, SPLIT, IMAGE)).run(client, lambda: AT)
    request = f"{target.method} {target.path}"
    assert str(refused.value) == f"{target.name} failed on {request}: Error: no such module"


def test_a_client_error_of_the_image_function_is_a_valid_response() -> None:
    run_smoke_test(make_streamed_payload(400), IMAGE)
    assert (
        find_refusal_message(make_streamed_payload(500), IMAGE)
        == "the image function answered GET /_next/image with status 500"
    )


def test_a_route_may_refuse_the_options_method() -> None:
    run_smoke_test(make_streamed_payload(501), SPLIT)
    run_smoke_test(make_streamed_payload(405), SPLIT)
    assert (
        find_refusal_message(make_streamed_payload(500), SPLIT)
        == "the function api answered OPTIONS /api/smoke-test with status 500"
    )
