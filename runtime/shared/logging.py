"""Structured logs: one JSON object per line on standard output, which Lambda sends to CloudWatch.

Field values are plain, never objects, so that no secret inside an object can be logged.
"""

import json
import sys
import traceback
from collections.abc import Mapping
from typing import TypeAlias

from attrs import field, frozen

Value: TypeAlias = str | int | float | bool | None


@frozen
class Log:
    """A log whose lines all have the same ids, such as `requestId`, `projectId`, `deploymentId`."""

    ids: Mapping[str, Value] = field(factory=dict)

    def bind(self, **ids: Value) -> "Log":
        """Return a log that adds these ids to every line."""
        return Log({**self.ids, **ids})

    def info(self, message: str, **fields: Value) -> None:
        """Write an event."""
        self._write("INFO", message, fields)

    def warning(self, message: str, **fields: Value) -> None:
        """Write an event about which an operator should know."""
        self._write("WARNING", message, fields)

    def report_error(self, message: str, error: BaseException, **fields: Value) -> None:
        """Write an error with its traceback, but without the values of local variables."""
        described: dict[str, Value] = {
            "error": f"{type(error).__name__}: {error}",
            "trace": "".join(traceback.format_tb(error.__traceback__)),
        }
        self._write("ERROR", message, {**fields, **described})

    def _write(self, level: str, message: str, fields: Mapping[str, Value]) -> None:
        line = {"level": level, "message": message, **self.ids, **fields}
        # One write per line keeps the lines of concurrent writers intact.
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stdout.flush()
