"""Code that runs first in every Python function's process. It emulates details of Lambda's Python runtime.

`functions.py` puts this file's text before the emulator's worker script. The file is never imported. The code
adds what the emulator lacks:

- An import path with only the standard library, boto3, the function's code and its layers.
- A log handler on the root logger, with Lambda's formats.
- The address 127.0.0.1 for every host name that ends with `.127.0.0.1`.
- A check of each call against AWS's models, because the emulator accepts values that AWS refuses.
- A mark on stderr after each invocation. The mark tells the emulator that the invocation's log is complete.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

import importlib.machinery as _machinery
import importlib.util as _import_util
import json as _json
import logging as _logging
import os as _os
import signal as _signal
import socket as _socket
import sys as _sys
import time as _time
from types import ModuleType as _ModuleType
from typing import Any as _Any
from typing import TextIO as _TextIO

# Both placeholders are replaced when the worker script is written.
_RUNTIME_LIBRARIES = "@RUNTIME_LIBRARIES@"
_END_OF_LOG = "@END_OF_LOG@"

_TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(request_id)s\t%(message)s"
_STANDARD_FIELDS = {*vars(_logging.makeLogRecord({})), "asctime", "message", "request_id"}


class _RequestReader:
    """A reader of the worker's requests on stdin that notes the current request ID for the log."""

    def __init__(self, stdin: _TextIO) -> None:
        self._stdin = stdin
        self.request_id = ""

    def readline(self) -> str:
        line = self._stdin.readline()
        # Take the last occurrence, because the event precedes the request ID and can contain the same text.
        _, found, rest = line.rpartition('"request_id": "')
        self.request_id = rest.partition('"')[0] if found else ""
        return line

    def filter(self, record: _logging.LogRecord) -> bool:
        record.request_id = self.request_id
        return True


class _AnswerWriter:
    """A writer of the worker's answers to stdout. Before an answer, it marks the end of the log on stderr."""

    def __init__(self, stdout: _TextIO, stderr: _TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._imported = False

    def write(self, text: str) -> None:
        if self._imported:
            self._stderr.write(f"{_END_OF_LOG}\n")
            self._stderr.flush()
        # The first answer reports the import of the code. No mark precedes this answer, because the log of
        # the import belongs to the first invocation.
        self._imported = True
        self._stdout.write(text)

    def flush(self) -> None:
        self._stdout.flush()


class _JsonFormatter(_logging.Formatter):
    def format(self, record: _logging.LogRecord) -> str:
        entry: dict[str, _Any] = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **{name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS},
        }
        if record.exc_info:
            entry["stackTrace"] = self.formatException(record.exc_info).splitlines()
        entry["requestId"] = vars(record)["request_id"]
        return _json.dumps(entry, default=str)


def _add_log_handler(events: _RequestReader) -> None:
    as_json = _os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").lower() == "json"
    formatter = _JsonFormatter() if as_json else _logging.Formatter(_TEXT_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = _time.gmtime
    handler = _logging.StreamHandler(_sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(events.filter)
    root = _logging.getLogger()
    root.addHandler(handler)
    # Without a configured level, text logs keep Python's default: WARNING.
    level = _os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO" if as_json else "WARNING")
    root.setLevel({"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(level, level))


def _resolve_endpoint_names() -> None:
    """Resolve `<account ID>.127.0.0.1`, the host to which boto3 sends calls for a KeyValueStore."""
    resolve = _socket.getaddrinfo

    def getaddrinfo(host: _Any, *args: _Any, **kwargs: _Any) -> _Any:  # noqa: ANN401 - the signature of `socket`
        return resolve("127.0.0.1" if str(host).endswith(".127.0.0.1") else host, *args, **kwargs)

    _socket.getaddrinfo = getaddrinfo


class _CallCheckInstaller:
    """An import hook that adds a check of all AWS calls when the function imports botocore.

    The function's own import path decides which botocore the function uses. Therefore this code must not
    import botocore earlier.
    """

    def find_spec(self, name: str, *_: _Any) -> _machinery.ModuleSpec | None:  # noqa: ANN401 - the importer's
        if name != "botocore.handlers":
            return None
        _sys.meta_path.remove(self)
        spec = _import_util.find_spec(name)
        if spec and spec.loader:
            load = spec.loader.exec_module

            def exec_module(module: _ModuleType) -> None:
                from aws_models.calls import EVENT, refuse_invalid_call  # noqa: PLC0415 - needs botocore

                load(module)
                check = (EVENT, refuse_invalid_call, vars(module)["REGISTER_LAST"])
                vars(module)["BUILTIN_HANDLERS"].append(check)

            spec.loader.exec_module = exec_module
        return spec


def _prepare_worker() -> None:
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # only the parent process handles Ctrl-C
    _sys.path.append(_RUNTIME_LIBRARIES)
    _resolve_endpoint_names()
    _sys.meta_path.insert(0, _CallCheckInstaller())
    events = _RequestReader(_sys.stdin)
    _add_log_handler(events)
    # The worker only calls `readline` on stdin, and `write` and `flush` on stdout. Therefore both classes
    # need no other methods of a stream.
    _sys.stdin = events  # pyright: ignore[reportAttributeAccessIssue]
    _sys.stdout = _AnswerWriter(_sys.stdout, _sys.stderr)  # pyright: ignore[reportAttributeAccessIssue]


_prepare_worker()
