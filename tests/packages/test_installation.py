"""Both examples run in a new environment that contains only the wheel and its dependencies (W1).

The test follows the guide `use-the-components`. In the place of AWS, Pulumi's mocks answer.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.components.recorder import ROOT, create_layers
from tests.packages.example_programs import EXAMPLES

PYTHON = Path(sys.executable)
UV = str(PYTHON.with_name("uv"))
SECONDS = 240
# A user's own test of a program, with the SDK's mocks.
MOCKED_PROGRAM = """
import asyncio, json, runpy, sys
import pulumi

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        names = dict.fromkeys(("arn", "executionArn", "keyId", "name"), args.name)
        urls = {"apiEndpoint": "https://api", "domainName": "d1.cloudfront.net", "url": "https://queue"}
        return args.name, {**names, **urls, **args.inputs}

    def call(self, args):
        return {"accountId": "123456789012", "region": "eu-west-1"}

asyncio.set_event_loop(asyncio.new_event_loop())
pulumi.runtime.set_mocks(Mocks(), project="program", stack="dev")
exported = {}

@pulumi.runtime.test
def run():
    pulumi.export = exported.__setitem__
    runpy.run_path("__main__.py", run_name="__main__")
    return pulumi.Output.all(**exported).apply(lambda outputs: print(json.dumps(outputs)))

run()
"""


def run_command(command: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> str:
    names = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "UV_CACHE_DIR")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables} if variables is not None else environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def programs(components_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a new virtual environment, into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("new")
    environment = folder / "environment"
    run_command([UV, "venv", "--quiet", "--offline", "--python", str(PYTHON), str(environment)], folder)
    locked = ["--constraint", str(ROOT / "requirements/dev.txt"), str(components_wheel)]
    install = [UV, "pip", "install", "--quiet", "--python", str(environment), *locked]
    by_pip = [str(PYTHON), "-m", "pip", "--quiet", "--python", str(environment), "install", *locked]
    errors: list[str] = []
    # The packages are usually in the cache of uv, because `make` has installed them.
    for attempt in ([*install, "--offline"], install, by_pip):
        try:
            run_command(attempt, folder, {})
        except AssertionError as error:
            errors.append(str(error))
        else:
            return environment / "bin"
    pytest.fail("\n".join(errors))


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("table-and-bucket", {"table": "notes-dev-notes", "bucket": "notes-dev-123456789012-files"}),
        ("one-site", {"url": "https://d1.cloudfront.net", "apiEndpoint": "https://api"}),
    ],
)
def test_an_example_runs_in_an_empty_folder(
    example: str, expected: dict[str, str], programs: Path, tmp_path: Path
) -> None:
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy2(EXAMPLES / example / name, tmp_path)
    with create_layers() as layers:
        shutil.copytree(layers, tmp_path / ".build" / "layers")
    printed = run_command([str(programs / "python"), "-c", MOCKED_PROGRAM], tmp_path)
    outputs = json.loads(printed)
    assert {name: outputs[name] for name in expected} == expected


def test_the_installed_commands_start(programs: Path, tmp_path: Path) -> None:
    assert "--architecture {arm64,x86_64}" in run_command(
        [str(programs / "anchor-layers"), "--help"], tmp_path
    )
    assert "Pulumi engine address" in run_command(
        [str(programs / "pulumi-resource-anchor"), "--help"], tmp_path
    )
