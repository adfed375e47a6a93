"""Structured logs: one JSON object a line on standard output, which Lambda sends to CloudWatch (Q2).

Fields are plain values, never objects: a secret cannot slip in inside of something that is logged whole.
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
    """Writes lines that all carry the same ids, such as `requestId`, `projectId`, `deploymentId`."""

    ids: Mapping[str, Value] = field(factory=dict)

    def bind(self, **ids: Value) -> "Log":
        """Return a log whose lines carry these ids too."""
        return Log({**self.ids, **ids})

    def info(self, message: str, **fields: Value) -> None:
        """Write what happened."""
        self._write("INFO", message, fields)

    def warning(self, message: str, **fields: Value) -> None:
        """Write what an operator may want to know."""
        self._write("WARNING", message, fields)

    def failure(self, message: str, error: BaseException, **fields: Value) -> None:
        """Write what failed, with where in the code; never with local values."""
        described: dict[str, Value] = {
            "error": f"{type(error).__name__}: {error}",
            "trace": "".join(traceback.format_tb(error.__traceback__)),
        }
        self._write("ERROR", message, {**fields, **described})

    def _write(self, level: str, message: str, fields: Mapping[str, Value]) -> None:
        line = {"level": level, "message": message, **self.ids, **fields}
        # One write per line: lines of concurrent writers stay whole.
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stdout.flush()
