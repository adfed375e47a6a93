"""Lines in the logs of sites' functions are shown to owners without the lines of Lambda (Q2)."""

import json

import pytest

from runtime.deploy.function_logs.lines import FunctionMessage, parse_message, parse_tail

REQUEST = "8f507cfc-xmpl-4697-b07a-ac58fc914c95".replace("xmpl", "0a1b")
OUT_OF_MEMORY = "Status: error\tError Type: Runtime.OutOfMemory"
PREFIX = f"2026-11-30T22:00:00.123Z\t{REQUEST}"


def parse(line: str) -> tuple[str | None, str | None, str] | None:
    message = parse_message(line)
    return None if message is None else (message.level, message.request_id, message.text)


def test_a_message_of_the_console_has_a_level_and_a_request_id() -> None:
    assert parse_message(f"{PREFIX}\tWARN\tlow on\tmemory\n") == FunctionMessage(
        level="WARN", request_id=REQUEST, text="low on\tmemory"
    )


def test_the_line_breaks_of_a_message_are_restored() -> None:
    assert parse(f"{PREFIX}\tERROR\tError: no\r    at page.js:1\r\n") == (
        "ERROR",
        REQUEST,
        "Error: no\n    at page.js:1",
    )


@pytest.mark.parametrize("request_id", ["undefined", "", "no-id"])
def test_a_message_outside_of_a_request_has_no_request_id(request_id: str) -> None:
    assert parse(f"2026-11-30T22:00:00.123Z\t{request_id}\tINFO\tstarted") == ("INFO", None, "started")


def test_text_that_the_site_writes_directly_has_neither_level_nor_request_id() -> None:
    assert parse('{"level":30,"msg":"pino"}') == (None, None, '{"level":30,"msg":"pino"}')


@pytest.mark.parametrize(
    "line",
    [
        f"START RequestId: {REQUEST} Version: 7",
        f"END RequestId: {REQUEST}",
        f"REPORT RequestId: {REQUEST}\tDuration: 12.00 ms\tMemory Size: 1024 MB\tMax Memory Used: 99 MB\t",
        "INIT_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: arn:aws:lambda",
        "INIT_REPORT Init Duration: 9.00 ms\tPhase: init\tStatus: timeout",
        f"XRAY TraceId: 1-2-3\tSegmentId: {REQUEST}",
        "EXTENSION\tName: x\tState: Ready",
    ],
)
def test_lines_of_lambda_itself_are_left_out(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            f"2026-11-30T22:00:30.000Z {REQUEST} Task timed out after 30.00 seconds\n",
            "Task timed out after 30.00 seconds",
        ),
        (
            f"RequestId: {REQUEST} Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n",
            "Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
        ),
        (
            f"REPORT RequestId: {REQUEST}\tMemory Size: 1024 MB\tMax Memory Used: 1024 MB\t{OUT_OF_MEMORY}",
            "Lambda ended the function: Runtime.OutOfMemory. It used 1024 MB of 1024 MB of memory.",
        ),
        (
            f"REPORT RequestId: {REQUEST} Status: error Error Type: Runtime.ExitError",
            "Lambda ended the function: Runtime.ExitError.",
        ),
    ],
)
def test_lambda_says_why_it_ended_a_function(line: str, text: str) -> None:
    assert parse(line) == ("ERROR", REQUEST, text)


def test_an_error_that_the_runtime_describes_as_json_is_shown_as_a_stack() -> None:
    error = {"errorType": "TypeError", "errorMessage": "no", "stack": ["TypeError: no", "    at page.js:1"]}
    assert parse(f"{PREFIX}\tERROR\tUncaught Exception \t{json.dumps(error)}\n") == (
        "ERROR",
        REQUEST,
        "Uncaught Exception\nTypeError: no\n    at page.js:1",
    )


@pytest.mark.parametrize("error", ["{no json}", '{"stack": "text"}', "{" * 9_000])
def test_another_description_of_an_error_is_shown_as_it_is(error: str) -> None:
    text = f"Invoke Error \t{error}"
    assert parse(f"{PREFIX}\tERROR\t{text}") == ("ERROR", REQUEST, text[: 8_000 - len(f"{PREFIX}\tERROR\t")])


def test_the_end_of_a_log_has_only_the_lines_of_the_site() -> None:
    tail = (
        f"START RequestId: {REQUEST} Version: 7\n{PREFIX}\tERROR\tError: no\r    at page.js:1\r\nplain\n"
        f"END RequestId: {REQUEST}\n"
    )
    assert parse_tail(tail, is_cut=False) == ["Error: no", "    at page.js:1", "plain"]


@pytest.mark.parametrize(
    ("tail", "lines"),
    [
        ("half of a secret\r    at page.js:1\nplain\n", ["    at page.js:1", "plain"]),
        ("half of a secret\nplain\n", ["plain"]),
        ("half of a secret", []),
    ],
)
def test_an_incomplete_first_line_is_left_out(tail: str, lines: list[str]) -> None:
    """A4: a half secret cannot be masked."""
    assert parse_tail(tail, is_cut=True) == lines
