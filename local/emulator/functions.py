"""Lambda hooks for the emulator: isolated Python workers, and Node.js functions in the local workers.

The hooks replace or wrap functions of the emulator's modules (ministack 1.5.33). `install_function_hooks`
installs them until the process ends. The hooks have no effect while no emulator runs.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import queue
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, ClassVar, cast

from attrs import define, field
from ministack.core import lambda_runtime
from ministack.core.responses import new_uuid, request_scope
from ministack.services import cloudwatch_logs, eventbridge, lambda_svc

from local.emulator.node_function import (
    Credentials,
    InvokeMode,
    NodeFunctionVersion,
    NodeInvocation,
    NodeInvoke,
)

Json = dict[str, Any]

# The packages of Lambda's Python runtime: boto3 and its dependencies. `aws_models` is added to check calls.
RUNTIME_LIBRARIES = (
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "dateutil",
    "six",
    "urllib3",
    "aws_models",
)
# The base environment of functions, similar to Lambda's. It contains no variables of this process.
HOST_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "en_US.UTF-8", "TZ": ":UTC"}
END_OF_LOG = "\x02end of log\x03"
# Time until a new or changed function is ready. The emulator's own value of 0.5 s would delay callers.
STATE_TRANSITION_SECONDS = 0.02
# Maximum wait for the mark at the end of an invocation's log. Only a worker that has crashed writes no mark.
# Reading the log can take more than a second while other processes need all CPUs.
LOG_DEADLINE_SECONDS = 3.0


@define(kw_only=True)
class FunctionSettings:
    """The settings of the running emulator that the hooks need."""

    endpoint_url: str
    node_invoke: NodeInvoke | None = field(default=None)


def install_function_hooks(functions: FunctionSettings, *, data: Path, port: int) -> None:
    """Install the hooks. The workers' files are stored below `data`."""
    host = SimpleNamespace(**vars(os))
    host.environ = {**HOST_ENVIRONMENT, "GATEWAY_PORT": str(port)}
    # The emulator starts workers with {**os.environ}. Replace `os` in the emulator's module, so that workers
    # get the environment of `host`.
    lambda_runtime.os = host  # pyright: ignore[reportAttributeAccessIssue] - a module's import, replaced
    launcher, script = _write_python_runtime(data)
    PythonWorker.layers_folder = data / "layers"
    original_binary = lambda_runtime._detect_runtime_binary

    def detect_runtime_binary(runtime: str) -> tuple[str, str]:
        """Return the program and the script of a runtime's workers.

        Python workers have no site-packages. Their script is the bootstrap, then the emulator's script.
        """
        return (launcher, script) if runtime.startswith("python") else original_binary(runtime)

    lambda_runtime._detect_runtime_binary = detect_runtime_binary
    lambda_runtime._worker_class_for = _choose_worker_class
    lambda_svc._execute_function_dispatch = _create_dispatcher(functions, _ORIGINAL_DISPATCH)
    eventbridge._dispatch_to_lambda = _dispatch_event_to_lambda
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = STATE_TRANSITION_SECONDS
    cloudwatch_logs._append_log_events = _append_identified_events


_ORIGINAL_DISPATCH = cast("Callable[..., Json]", lambda_svc._execute_function_dispatch)
_ORIGINAL_APPEND = cast("Callable[[Json, list[Json]], None]", cloudwatch_logs._append_log_events)


def record_log_line(version: NodeFunctionVersion, line: str, *, account_id: str) -> None:
    """Write a line of a Node.js function to its log group, in a stream with the version in its name.

    The emulator itself only writes the lines of `Invoke`. Lines of requests to a function's URL have no such
    call. A line is left out if the log group does not exist, as for a role without permissions.
    """
    now = datetime.now(UTC)
    name = f"{now:%Y/%m/%d}/[{version.version}]{hashlib.sha256(version.arn.encode()).hexdigest()[:32]}"
    at = int(now.timestamp() * 1000)
    with request_scope(account_id, version.region):
        group: Json | None = cloudwatch_logs._log_groups.get(f"/aws/lambda/{version.name}")
        if group is None:
            return
        empty: Json = {
            "events": [],
            "uploadSequenceToken": "1",
            "creationTime": at,
            "firstEventTimestamp": None,
            "lastEventTimestamp": None,
            "lastIngestionTime": None,
        }
        stream: Json = group["streams"].setdefault(name, empty)
        _append_identified_events(stream, [{"timestamp": at, "message": f"{line}\n", "ingestionTime": at}])


def _append_identified_events(stream: Json, events: list[Json]) -> None:
    """Add events to a stream. Each gets an ID, which the emulator only gives to events of `PutLogEvents`."""
    _ORIGINAL_APPEND(stream, [{"eventId": new_uuid(), **event} for event in events])


class PythonWorker(lambda_runtime.Worker):
    """A worker that starts fast, and whose log is complete when its answer arrives.

    The emulator's own worker unpacks the function's layers at each start, which takes most of a second for
    boto3. After each call, that worker waits up to 50 ms for more log lines, because no mark ends the log.

    Attributes:
        layers_folder: Folder for the unpacked layers. All workers share it, and each layer is unpacked once.
    """

    layers_folder: ClassVar[Path]

    def __init__(self, func_name: str, config: Json, code_zip: bytes) -> None:
        """Create a worker. Its environment contains the function's log settings, as in Lambda."""
        logging_config: dict[str, str] = config.get("LoggingConfig") or {}
        log_variables = {
            "AWS_LAMBDA_LOG_FORMAT": logging_config.get("LogFormat"),
            "AWS_LAMBDA_LOG_LEVEL": logging_config.get("ApplicationLogLevel"),
        }
        variables: Json = {
            **config.get("Environment", {}).get("Variables", {}),
            **{name: value for name, value in log_variables.items() if value},
        }
        self._layers: list[Json] = config.get("Layers", [])
        settings = {**config, "Environment": {"Variables": variables}, "Layers": []}
        super().__init__(func_name, settings, code_zip)
        self._pipes: list[IO[str] | None] = []

    def _spawn(self) -> None:
        self._close_pipes()
        contents = [lambda_svc._resolve_layer_zip(layer) for layer in self._layers]
        folders = [str(_unpack_layer(content, self.layers_folder)) for content in contents if content]
        # The worker's script adds these folders to its import path.
        self.config["Environment"]["Variables"]["_LAMBDA_LAYERS_DIRS"] = os.pathsep.join(folders)
        try:
            super()._spawn()
        finally:
            process: subprocess.Popen[str] | None = self._proc
            self._pipes = [process.stdin, process.stdout, process.stderr] if process else []

    def _discard_tmpdir(self) -> None:
        super()._discard_tmpdir()
        self._close_pipes()

    def _close_pipes(self) -> None:
        """Close the pipes of a stopped process. The emulator itself does not close them."""
        for pipe in self._pipes:
            with contextlib.suppress(OSError):  # raised if the pipe has unwritten data for the ended process
                if pipe:
                    pipe.close()
        self._pipes = []

    def _drain_stderr_bounded(self, *_args: float, **_kwargs: float) -> str:
        lines: list[str] = []
        deadline = time.monotonic() + LOG_DEADLINE_SECONDS
        while True:
            try:
                line = self._stderr_queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return "\n".join(lines)
            if line == END_OF_LOG:
                return "\n".join(lines)
            lines.append(line)


def _unpack_layer(content: bytes, parent: Path) -> Path:
    """Return the folder with the files of a layer. It is created if it does not exist yet."""
    folder = parent / hashlib.sha256(content).hexdigest()
    if not folder.exists():
        parent.mkdir(parents=True, exist_ok=True)
        unpacked = Path(tempfile.mkdtemp(dir=parent, prefix="unpacking-"))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(unpacked)
        try:
            unpacked.rename(folder)
        except OSError:  # another worker was faster
            shutil.rmtree(unpacked)
    return folder


def _choose_worker_class(config: Json) -> type[lambda_runtime.Worker]:
    return PythonWorker if str(config.get("Runtime", "")).startswith("python") else lambda_runtime.Worker


def _write_python_runtime(data: Path) -> tuple[str, str]:
    """Write a launcher that starts this interpreter without site-packages.

    Returns:
        The path of the launcher and the source code of the worker script.
    """
    libraries = data / "python-runtime"
    libraries.mkdir(parents=True, exist_ok=True)
    for name in RUNTIME_LIBRARIES:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise ImportError(f"{name} is missing: install requirements/dev.txt again")
        source = Path(found.origin)
        source = source.parent if source.name == "__init__.py" else source
        link = libraries / source.name
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    launcher = data / "python"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S -P "$@"\n')
    launcher.chmod(0o755)
    bootstrap = (Path(__file__).parent / "function_bootstrap.py").read_text()
    bootstrap = bootstrap.replace('"@RUNTIME_LIBRARIES@"', repr(str(libraries)))
    bootstrap = bootstrap.replace('"@END_OF_LOG@"', repr(END_OF_LOG))
    return str(launcher), bootstrap + "\n" + lambda_runtime._PYTHON_WORKER_SCRIPT


def _create_dispatcher(functions: FunctionSettings, original: Callable[..., Json]) -> Callable[..., Json]:
    """Return a replacement of `lambda_svc._execute_function_dispatch`, which is called for every invocation.

    The replacement passes invocations of Node.js functions to the local workers, because the emulator's own
    Node.js worker does not stream and needs `node` on the PATH. All other invocations go to `original`.
    """

    def dispatch(func: Json, config: Json, event: Json, request_id: str, started: float) -> Json:
        if not str(config.get("Runtime", "")).startswith("nodejs"):
            return original(func, config, event, request_id, started)
        if functions.node_invoke is None:
            message = "no Node.js workers are registered: call Emulator.set_node_invoker first"
            return {"body": {"errorType": "Runtime.NoWorkers", "errorMessage": message}, "error": True}
        result = functions.node_invoke(
            NodeInvocation(
                function=create_node_function_version(func, endpoint_url=functions.endpoint_url),
                event=event,
                request_id=request_id,
                invoked_function_arn=config["FunctionArn"],
            )
        )
        duration_ms = int((time.time() - started) * 1000)
        failed = result.failure is not None
        lambda_svc._emit_lambda_logs(func, request_id, result.log, failed, duration_ms)
        if result.failure is None:
            return {"body": result.payload, "log": result.log}
        failure = result.failure
        error = {"errorType": failure.type, "errorMessage": failure.message, "trace": list(failure.trace)}
        return {"body": error, "error": True, "log": result.log}

    return dispatch


def _dispatch_event_to_lambda(arn: str, payload: str) -> None:
    """Invoke the function of an EventBridge rule asynchronously, with two retries by default, as AWS does.

    This replaces `eventbridge._dispatch_to_lambda`.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    func, config, _name = lambda_svc._get_func_record_for_ref(arn)
    if func and config:
        record = lambda_svc._execution_record_for_config(func, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))


def create_node_function_version(
    record: Json, *, endpoint_url: str, invoke_mode: InvokeMode = "BUFFERED"
) -> NodeFunctionVersion:
    """Convert the emulator's record of a function version (or of `$LATEST`) to a plain value."""
    config: Json = record["config"]
    arn = ":".join(str(config["FunctionArn"]).split(":")[:7])
    keys = lambda_runtime.execution_credentials({**config, "FunctionArn": arn})
    return NodeFunctionVersion(
        name=config["FunctionName"],
        version=config["Version"],
        arn=arn,
        runtime=config["Runtime"],
        handler=config["Handler"],
        role_arn=config["Role"],
        region=arn.split(":")[3],
        code_sha256=config["CodeSha256"],
        environment=dict((config.get("Environment") or {}).get("Variables") or {}),
        memory=config["MemorySize"],
        timeout=config["Timeout"],
        endpoint_url=endpoint_url,
        credentials=Credentials(
            access_key_id=keys["AWS_ACCESS_KEY_ID"],
            secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            session_token=keys["AWS_SESSION_TOKEN"],
        ),
        code=record["code_zip"],
        invoke_mode=invoke_mode,
    )
