"""Structured logs, and the report of the failed messages of a batch."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from runtime.shared.batches import handle_records
from runtime.shared.logging import Log


def read_log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_line_is_one_json_object_with_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """Requirement Q2."""
    log = Log().bind(requestId="r").bind(deploymentId="d")
    log.info("first\nline", count=3)
    log.warning("second")
    assert read_log_lines(capsys) == [
        {"level": "INFO", "message": "first\nline", "requestId": "r", "deploymentId": "d", "count": 3},
        {"level": "WARNING", "message": "second", "requestId": "r", "deploymentId": "d"},
    ]


def test_an_error_is_logged_with_its_traceback_but_without_local_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def raise_value_error(secret: str) -> None:
        raise ValueError("the reason" if secret else "")

    try:
        raise_value_error("hunter2")
    except ValueError as error:
        Log().report_error("it failed", error)
    (line,) = read_log_lines(capsys)
    assert line["error"] == "ValueError: the reason"
    assert "in raise_value_error" in str(line["trace"])
    assert "hunter2" not in str(line["trace"]).replace('raise_value_error("hunter2")', "")


def make_batch(*bodies: str) -> dict[str, object]:
    return {"Records": [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]}


def handle_record(record: Mapping[str, Any]) -> None:
    if record["body"] == "bad":
        raise RuntimeError("cannot")


def test_only_failed_messages_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Requirement P4."""
    assert handle_records(make_batch("good", "bad", "good"), handle_record, Log()) == {
        "batchItemFailures": [{"itemIdentifier": "m1"}]
    }
    (line,) = read_log_lines(capsys)
    assert line["messageId"] == "m1"
    assert line["error"] == "RuntimeError: cannot"


def test_a_fifo_queue_skips_messages_after_a_failure() -> None:
    done: list[str] = []

    def handle_and_note_record(record: Mapping[str, Any]) -> None:
        handle_record(record)
        done.append(record["body"])

    failures = handle_records(make_batch("one", "bad", "two"), handle_and_note_record, Log(), in_order=True)
    assert failures == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}
    assert done == ["one"]
