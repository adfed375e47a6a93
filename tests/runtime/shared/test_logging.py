"""Structured logs, and batches of messages that report failures."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from runtime.shared.batches import handle_records
from runtime.shared.logging import Log


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_line_is_one_json_object_with_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """Q2."""
    log = Log().bind(requestId="r").bind(deploymentId="d")
    log.info("first\nline", count=3)
    log.warning("second")
    assert lines(capsys) == [
        {"level": "INFO", "message": "first\nline", "requestId": "r", "deploymentId": "d", "count": 3},
        {"level": "WARNING", "message": "second", "requestId": "r", "deploymentId": "d"},
    ]


def test_an_error_is_logged_with_its_traceback_but_without_local_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(secret: str) -> None:
        raise ValueError("the reason" if secret else "")

    try:
        fails("hunter2")
    except ValueError as error:
        Log().failure("it failed", error)
    (line,) = lines(capsys)
    assert line["error"] == "ValueError: the reason"
    assert "in fails" in str(line["trace"])
    assert "hunter2" not in str(line["trace"]).replace('fails("hunter2")', "")


def batch(*bodies: str) -> dict[str, object]:
    return {"Records": [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]}


def work(record: Mapping[str, Any]) -> None:
    if record["body"] == "bad":
        raise RuntimeError("cannot")


def test_only_failed_messages_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """P4."""
    assert handle_records(batch("good", "bad", "good"), work, Log()) == {
        "batchItemFailures": [{"itemIdentifier": "m1"}]
    }
    (line,) = lines(capsys)
    assert line["messageId"] == "m1"
    assert line["error"] == "RuntimeError: cannot"


def test_a_fifo_queue_skips_messages_after_a_failure() -> None:
    done: list[str] = []

    def noted(record: Mapping[str, Any]) -> None:
        work(record)
        done.append(record["body"])

    failures = handle_records(batch("one", "bad", "two"), noted, Log(), in_order=True)
    assert failures == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}
    assert done == ["one"]
