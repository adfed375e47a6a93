"""The language host of `make engine`. A fake replaces Pulumi's engine."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from tests.e2e.processes import is_running
from tests.local.emulator.probe import wait_for_result

ENGINE = """
import subprocess, sys, time
host = subprocess.Popen([sys.executable, "-m", "local.pulumi_engine.language_host", "127.0.0.1:1"])
print(host.pid, flush=True)
time.sleep(600)
"""
# A fake Python interpreter. The language host starts it to run the Pulumi program.
INTERPRETER = """#!/bin/sh
echo $$ > {file}.new
mv {file}.new {file}
exec sleep 600
"""


@pytest.fixture
def engine() -> Iterator[subprocess.Popen[str]]:
    """A process that starts a language host, as Pulumi's engine does."""
    with subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE, text=True) as engine:
        yield engine
        engine.kill()


def test_the_program_and_the_language_host_end_with_a_killed_engine(
    engine: subprocess.Popen[str], tmp_path: Path
) -> None:
    """G10: `kill -9` gives the engine no time to stop its language hosts."""
    file = tmp_path / "process"
    interpreter = tmp_path / "environment" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text(INTERPRETER.format(file=file))
    interpreter.chmod(0o755)
    assert engine.stdout
    host, port = int(engine.stdout.readline()), int(engine.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        running = language_pb2_grpc.LanguageRuntimeStub(channel).Run.future(create_request(tmp_path))
        program = int(wait_for_result(lambda: file.exists() and file.read_text()))
        engine.kill()
        engine.wait()
        wait_for_result(lambda: not is_running(host) and not is_running(program))
        running.cancel()


def create_request(folder: Path) -> language_pb2.RunRequest:
    path = str(folder)
    info = language_pb2.ProgramInfo(root_directory=path, program_directory=path, entry_point=".")
    info.options.update({"virtualenv": "environment"})
    return language_pb2.RunRequest(project="project", stack="dev", info=info, pwd=path)
