"""A Python language host for Pulumi's command line, in its own process: `pulumi-language-python`.

Pulumi's own language host is in the archives of Pulumi's releases, but not in a package of a registry. The
language host in this module runs the program and the policy pack of this checkout. It installs nothing and
generates no code. It implements the service `pulumirpc.LanguageRuntime` (pulumi/pulumi,
proto/pulumi/language.proto).

The engine starts the process, reads the port from the first line of the standard output, and stops the
process.
"""

# ruff: noqa: ARG002, N802 - Pulumi's protocol determines the names and the parameters of the methods

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Final

import grpc
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from local.engine.program import THREAD_COUNT

_HOST: Final = "127.0.0.1"
_VERSION: Final = "0.1.0"
_PARENT_CHECK_SECONDS: Final = 0.5
_UNLIMITED: Final = ("grpc.max_receive_message_length", -1)


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """A language host that runs each Python program or plugin in a separate process.

    Args:
        engine_address: Address of the engine's gRPC server, for log messages of the program.
    """

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._processes: set[subprocess.Popen[bytes]] = set()

    def kill_processes(self) -> None:
        """Kill the running programs and plugins."""
        for process in tuple(self._processes):
            process.kill()

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Store the engine's address."""
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Return the version of this language host."""
        return plugin_pb2.PluginInfo(version=_VERSION)

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Return no package: the engine attaches to a running provider, so it must not download one."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Return no package, because requirements/*.txt already list the packages."""
        return language_pb2.GetProgramDependenciesResponse()

    def About(
        self, request: language_pb2.AboutRequest, context: grpc.ServicerContext
    ) -> language_pb2.AboutResponse:
        """Return the interpreter that runs the program."""
        return language_pb2.AboutResponse(
            executable=_find_interpreter(request.info), version=sys.version.partition(" ")[0]
        )

    def Run(
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        """Run the program.

        If the program fails, the SDK reports the error to the engine. The response then only ends the run.
        """
        settings = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "monitor": request.monitor_address,
            "engine": self._engine_address,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "root_directory": request.info.root_directory,
        }
        program = Path(request.info.program_directory) / request.info.entry_point
        with self._start_process(
            [_find_interpreter(request.info), "-u", "-m", "local.pulumi_engine.run_program", str(program)],
            folder=request.pwd or request.info.program_directory,
            environment={
                **_make_program_environment(),
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
                "ANCHOR_PULUMI_SETTINGS": json.dumps(settings),
            },
        ) as process:
            status = process.wait()
        if status == 0:
            return language_pb2.RunResponse()
        return language_pb2.RunResponse(error=f"the program ended with the exit status {status}", bail=True)

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a policy pack or a provider, and return its output as it is written."""
        folder = request.info.program_directory
        match request.kind:
            case "analyzer":
                arguments = ["-m", "pulumi.policy", *request.args, folder]
            case "resource":
                arguments = [folder, *request.args]
            case _:
                message = f"this language host runs no {request.kind} plugins"
                context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
        command = [_find_interpreter(request.info), "-u", *arguments]
        environment = {**os.environ, **_parse_environment(request.env)}
        with self._start_process(
            command, folder=request.pwd, environment=environment, output=subprocess.PIPE
        ) as process:
            context.add_callback(process.kill)
            yield from _read_output(process)
            yield language_pb2.RunPluginResponse(exitcode=process.wait())

    @contextmanager
    def _start_process(
        self,
        command: Sequence[str],
        *,
        folder: str,
        environment: Mapping[str, str],
        output: int | None = None,
    ) -> Generator[subprocess.Popen[bytes]]:
        """Start a process that `kill_processes` can kill."""
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output) as process:
            self._processes.add(process)
            try:
                yield process
            finally:
                self._processes.discard(process)


def _read_output(process: subprocess.Popen[bytes]) -> Iterator[language_pb2.RunPluginResponse]:
    """Yield each piece of standard output and standard error when it is written, until both are closed."""
    pieces: SimpleQueue[tuple[str, bytes]] = SimpleQueue()

    def read(name: str, stream: IO[bytes]) -> None:
        while piece := os.read(stream.fileno(), 65536):
            pieces.put((name, piece))
        pieces.put((name, b""))

    assert process.stdout  # noqa: S101 - both outputs are pipes
    assert process.stderr  # noqa: S101
    for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
        threading.Thread(target=read, args=(name, stream), daemon=True).start()
    open_streams = 2
    while open_streams:
        name, piece = pieces.get()
        if not piece:
            open_streams -= 1
        elif name == "stdout":
            yield language_pb2.RunPluginResponse(stdout=piece)
        else:
            yield language_pb2.RunPluginResponse(stderr=piece)


def _find_interpreter(info: language_pb2.ProgramInfo) -> str:
    """Return the interpreter of the virtual environment in `Pulumi.yaml`, or else of this process."""
    options: Mapping[str, Any] = MessageToDict(info.options)
    environment = options.get("virtualenv")
    if environment:
        interpreter = Path(info.root_directory) / str(environment) / "bin" / "python"
        if interpreter.exists():
            return str(interpreter)
    return sys.executable


def _make_program_environment() -> dict[str, str]:
    """Return the environment of the program, in which the package of this module can be imported."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))}


_ROOT: Final = str(Path(__file__).parents[2])


def _parse_environment(lines: Sequence[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _stop_when_parent_ends(parent_id: int) -> None:
    """Stop this process when its parent has ended, because a killed engine sends no signal."""
    while os.getppid() == parent_id:
        time.sleep(_PARENT_CHECK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: Sequence[str]) -> int:
    """Serve until the engine stops this process or the engine ends. The last argument is its address."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    server = grpc.server(ThreadPoolExecutor(THREAD_COUNT), options=[_UNLIMITED])
    engine_address = arguments[-1] if arguments else ""
    host = LanguageHost(engine_address)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port(f"{_HOST}:0")
    server.start()
    print(port, flush=True)
    threading.Thread(target=_stop_when_parent_ends, args=(os.getppid(),), daemon=True).start()
    # The engine ends this process with a signal.
    signal.sigwait({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    host.kill_processes()
    server.stop(grace=None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
