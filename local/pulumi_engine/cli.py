"""Finds Pulumi's command line, or builds it from its Go module, and runs its commands."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

VERSION: Final = "3.274.1"
MODULE: Final = Path(__file__).with_name("cli")
PACKAGE: Final = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
# The Go variable in which the link step stores the version of Pulumi.
_VERSION_VARIABLE: Final = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
# The value `built` of this variable selects the command line that this module builds, not that on the PATH.
_CHOICE: Final = "ANCHOR_PULUMI"
_LANGUAGE_HOST: Final = "pulumi-language-python"
_LAST_LINES: Final = 20


class PulumiMissingError(Exception):
    """There is neither a usable Pulumi command line nor a Go toolchain to build one."""


class PulumiFailedError(Exception):
    """A command of Pulumi failed.

    Attributes:
        output: Everything that the command printed.
    """

    def __init__(self, command: Sequence[str], status: int, output: str) -> None:
        last = "\n".join(output.strip().splitlines()[-_LAST_LINES:])
        super().__init__(f"pulumi {' '.join(command)} ended with the exit status {status}:\n{last}")
        self.output = output


@frozen(kw_only=True)
class PulumiCommandLine:
    """An installed command line.

    Attributes:
        executable: Path of `pulumi`. Its folder also contains the language host `pulumi-language-python`.
        origin: Where it was found, for messages.
    """

    executable: Path
    origin: str


def find_or_build(cache: Path, *, report: Callable[[str], None]) -> PulumiCommandLine:
    """Return the command line on the PATH, or else one that is built from Pulumi's Go module.

    Args:
        cache: Folder of the built command line. Later calls reuse it.
        report: Shows what is done.

    Raises:
        PulumiMissingError: There is no usable Pulumi on the PATH, and it cannot be built.
    """
    found = find_command_line(cache)
    if found:
        return found
    report(f"building Pulumi {VERSION} from its Go module (once, 3 to 10 minutes)")
    _build_command_line(_get_built_executable(cache))
    return _use_built_command_line(cache)


def find_command_line(cache: Path) -> PulumiCommandLine | None:
    """Return the command line on the PATH, or else one that was built before, or None.

    An installation on the PATH without a Python language host cannot run the program, so it is not used.

    Args:
        cache: Folder of the built command line.
    """
    installed = shutil.which("pulumi")
    if installed and os.environ.get(_CHOICE) != "built":
        executable = Path(installed).resolve()
        if executable.with_name(_LANGUAGE_HOST).exists():
            return PulumiCommandLine(executable=executable, origin=str(executable))
    return _use_built_command_line(cache) if _get_built_executable(cache).exists() else None


def _get_built_executable(cache: Path) -> Path:
    return cache / "pulumi" / VERSION / "pulumi"


def _use_built_command_line(cache: Path) -> PulumiCommandLine:
    executable = _get_built_executable(cache)
    write_language_host(executable.parent)
    return PulumiCommandLine(executable=executable, origin=f"built from {PACKAGE} {VERSION}")


def _build_command_line(executable: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise PulumiMissingError(
            "Pulumi's command line is not installed, and there is no Go to build it: install one of them "
            "(https://www.pulumi.com/docs/install/ or https://go.dev/doc/install)"
        )
    executable.parent.mkdir(parents=True, exist_ok=True)
    unfinished = executable.with_suffix(".unfinished")
    done = subprocess.run(
        [
            go,
            "build",
            "-mod=readonly",
            "-trimpath",
            f"-ldflags=-s -w -X {_VERSION_VARIABLE}=v{VERSION}",
            f"-o={unfinished}",
            PACKAGE,
        ],
        cwd=MODULE,
        env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-_LAST_LINES:])
        raise PulumiMissingError(f"Pulumi's command line could not be built:\n{last}")
    unfinished.rename(executable)


def write_language_host(folder: Path) -> None:
    """Write the command `pulumi-language-python`, which starts this checkout's language host, to a folder."""
    command = folder / _LANGUAGE_HOST
    root = Path(__file__).parents[2]
    text = (
        "#!/bin/sh\n"
        f'export PYTHONPATH="{root}${{PYTHONPATH:+:$PYTHONPATH}}"\n'
        f'exec "{sys.executable}" -m local.pulumi_engine.language_host "$@"\n'
    )
    if not command.exists() or command.read_text(encoding="utf-8") != text:
        unfinished = folder / f".{os.getpid()}"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.chmod(0o755)
        unfinished.rename(command)


@frozen(kw_only=True)
class PulumiProject:
    """A copy of the program that has its own Pulumi state. Pulumi's commands run in this copy.

    They do not run in the checkout, because Pulumi changes the stage's settings file (`encryptionsalt`).

    Attributes:
        command_line: The command line.
        folder: Folder with `Pulumi.yaml`, the settings files and the program.
        state: Folder of the state, of Pulumi's own files and of temporary files.
        provider_port: Port of the running provider.
        passphrase: Encrypts the secrets in the state.
        variables: Further environment variables of the commands.
    """

    command_line: PulumiCommandLine
    folder: Path
    state: Path
    provider_port: int
    passphrase: str = field(default="passphrase of a test", repr=False)
    variables: Mapping[str, str] = field(factory=dict)

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a command and return its standard output and standard error together.

        Raises:
            PulumiFailedError: The exit status is not 0.
        """
        done = subprocess.run(
            [str(self.command_line.executable), *command, "--non-interactive"],
            cwd=self.folder,
            env=self.make_command_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PulumiFailedError(command, done.returncode, done.stdout)
        return done.stdout

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, so that the caller can kill it with its children."""
        return subprocess.Popen(
            [str(self.command_line.executable), *command, "--non-interactive"],
            cwd=self.folder,
            env=self.make_command_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def make_command_environment(self) -> dict[str, str]:
        """Return the environment of the commands."""
        return {
            **os.environ,
            "PULUMI_HOME": str(self.state / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": self.passphrase,
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.provider_port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NO_COLOR": "1",
            **self.variables,
        }

    def create_stack(self, stage: str) -> None:
        """Create the stack of a stage with an empty state."""
        (self.state / "home").mkdir(parents=True, exist_ok=True)
        self.run("stack", "init", stage)

    def export_state(self, stage: str) -> dict[str, Any]:
        """Return the state of a stage."""
        return json.loads(self.run("stack", "export", "--stack", stage))

    def iterate_resources(self, stage: str) -> Iterator[dict[str, Any]]:
        """Yield the resources in the state of a stage."""
        yield from self.export_state(stage)["deployment"].get("resources", [])
