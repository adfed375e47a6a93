"""`make engine` finds Pulumi's command line or builds it. Fake programs stand for Pulumi and Go."""

import os
import re
import signal
from pathlib import Path
from types import FrameType

import pytest

from local.pulumi_engine import __main__ as command
from local.pulumi_engine.cli import PACKAGE, VERSION, PulumiCommandLine, PulumiMissingError, PulumiProject
from local.pulumi_engine.cli import find_or_build as find
from local.pulumi_engine.engine import _run_in_process_group  # pyright: ignore[reportPrivateUsage]
from tests.components.recorder import ROOT
from tests.e2e.processes import is_running

GO = """\
#!/bin/sh
echo "$@" >> {log}
for option in "$@"; do
  case "$option" in -o=*) echo built > "${{option#-o=}}" ;; esac
done
"""


def write_program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the only folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("ANCHOR_PULUMI", raising=False)
    return folder


def test_without_pulumi_and_go_the_command_says_what_to_install(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Requirement Q1."""
    assert not list(programs.iterdir())
    monkeypatch.setattr(command, "CACHE", tmp_path)
    assert command.main() == 1
    message = capsys.readouterr().err
    assert "install one of them" in message
    for address in ("https://www.pulumi.com/docs/install/", "https://go.dev/doc/install"):
        assert address in message


def test_an_installed_pulumi_is_used(programs: Path, tmp_path: Path) -> None:
    installed = write_program(programs / "pulumi")
    write_program(programs / "pulumi-language-python")
    assert find(tmp_path, report=print).executable == installed.resolve()
    assert not (tmp_path / "pulumi").exists()


def test_an_environment_variable_selects_the_built_pulumi(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Continuous integration tests the pinned version, even if its machine has an installed Pulumi."""
    write_program(programs / "pulumi")
    write_program(programs / "pulumi-language-python")
    write_program(programs / "go", GO.format(log=tmp_path / "go.log"))
    monkeypatch.setenv("ANCHOR_PULUMI", "built")
    assert find(tmp_path, report=print).executable == tmp_path / "pulumi" / VERSION / "pulumi"


def test_an_installed_pulumi_without_a_language_host_is_not_used(programs: Path, tmp_path: Path) -> None:
    write_program(programs / "pulumi")
    with pytest.raises(PulumiMissingError):
        find(tmp_path, report=print)


def test_go_builds_the_pinned_version_once(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "go.log"
    write_program(programs / "go", GO.format(log=log))
    monkeypatch.setattr(command, "CACHE", tmp_path)
    assert [command.main(), command.main()] == [0, 0]
    (arguments,) = log.read_text().splitlines()
    assert arguments.startswith("build -mod=readonly ")
    assert arguments.endswith(PACKAGE)
    assert capsys.readouterr().out.count(f"building Pulumi {VERSION}") == 1
    built = tmp_path / "pulumi" / VERSION
    assert (built / "pulumi").read_text() == "built\n"
    assert os.access(built / "pulumi-language-python", os.X_OK)


def test_a_failed_build_leaves_nothing_and_shows_the_last_lines_of_go(programs: Path, tmp_path: Path) -> None:
    """Requirement Q1."""
    write_program(programs / "go", "#!/bin/sh\necho 'no such module' >&2\nexit 1\n")
    with pytest.raises(PulumiMissingError, match="could not be built:\nno such module"):
        find(tmp_path, report=print)
    assert not (tmp_path / "pulumi" / VERSION / "pulumi").exists()


def test_the_go_module_has_the_version_that_is_built() -> None:
    module = (ROOT / "local/pulumi_engine/cli/go.mod").read_text()
    required = set(re.findall(r"github\.com/pulumi/pulumi/(?:pkg|sdk)/v3 v(\S+)", module))
    assert required == {VERSION}


def test_ctrl_c_leaves_no_process_of_pulumi(tmp_path: Path) -> None:
    """L3: the fake Pulumi waits for a child process, as the real Pulumi waits for the Pulumi program."""
    child = tmp_path / "child"
    executable = write_program(
        tmp_path / "pulumi", f"#!/bin/sh\nsleep 600 &\necho $! > {child}.new\nmv {child}.new {child}\nwait\n"
    )
    project = PulumiProject(
        command_line=PulumiCommandLine(executable=executable, origin=""),
        folder=tmp_path,
        state=tmp_path,
        provider_port=0,
    )

    def interrupt_when_started(_number: int, _frame: FrameType | None) -> None:
        if child.exists():
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, 0.05)

    former = signal.signal(signal.SIGALRM, interrupt_when_started)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            _run_in_process_group(project, "up")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert not is_running(int(child.read_text()))
