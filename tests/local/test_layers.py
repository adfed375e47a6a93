"""The layers of the platform's functions fit Lambda, have only locked packages, and are reproducible."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from local.layers import LOCK, LayerError, build_layers, find_host_architecture, main

HASH = "--hash=sha256:" + "0" * 64
VERSIONS = {
    "attrs": "26.1.0",
    "awscrt": "0.38.1",
    "boto3": "1.43.106",
    "botocore": "1.43.106",
    "cattrs": "26.2.1",
    "imagesize": "2.0.1",
    "jmespath": "1.1.0",
    "python-dateutil": "2.9.0",
    "s3transfer": "0.19.3",
    "six": "1.17.0",
    "typing_extensions": "4.16.0",
    "urllib3": "2.8.0",
}
SMALL_LOCK = "".join(f"{name}=={version} \\\n    {HASH}\n    # via x\n" for name, version in VERSIONS.items())


class FakePip:
    """A fake pip. Like pip, it writes packages, and files that differ between two installations."""

    def __init__(self) -> None:
        self.calls: list[Sequence[str]] = []
        self.requirements: list[str] = []

    def __call__(self, arguments: Sequence[str]) -> None:
        self.calls.append(arguments)
        values = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
        target = Path(values["--target"])
        requirements = Path(values["--requirement"]).read_text()
        self.requirements.append(requirements)
        for name in re.findall(r"^([\w-]+)==", requirements, re.MULTILINE):
            package, information = target / name, target / f"{name}.dist-info"
            for folder in (package / "__pycache__", information, target / "bin"):
                folder.mkdir(parents=True, exist_ok=True)
            (package / "__init__.py").write_text(f"# {name}")
            (package / "__init__.py").chmod(0o600)
            (package / "__pycache__" / "x.pyc").write_text(str(len(self.calls)))
            (information / "METADATA").write_text(f"Name: {name}")
            for noise in ("RECORD", "INSTALLER", "REQUESTED", "WHEEL"):
                (information / noise).write_text(f"{target} {len(self.calls)}")
            (target / "bin" / name).write_text(f"#!{target}")
        data = target / "botocore" / "data"
        for service in ("ec2", "sqs") if data.parent.is_dir() else ():
            (data / service).mkdir(parents=True)
            (data / service / "service-2.json").write_text("{}")
            (data / "endpoints.json").write_text("{}")


@pytest.fixture(autouse=True)
def hide_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide this interpreter and all others on the PATH from the code that looks for a Python version."""
    monkeypatch.setattr("local.layers.shutil.which", lambda _: None)
    monkeypatch.setattr("local.layers.find_host_runtime", lambda: "python3.9")


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """Return a fake `python3.10`. It prints its version, and compiles with the interpreter of the tests."""
    command = tmp_path / "python3.10"
    command.write_text(
        f'#!/bin/sh\ncase "$1" in -c) echo 3.10.1 ;; *) exec {shlex.quote(sys.executable)} "$@" ;; esac\n'
    )
    command.chmod(0o755)
    return command


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "runtime.txt"
    path.write_text(SMALL_LOCK)
    return path


def build_with_fake_pip(
    root: Path, lock: Path, pip: FakePip, target: tuple[str, str] = ("python3.13", "arm64")
) -> Path:
    return build_layers(*target, root, lock=lock, pip=pip, report=lambda _: None)


def read_layer_files(folder: Path) -> dict[str, tuple[str, int, int]]:
    return {
        path.relative_to(folder).as_posix(): (
            path.read_text() if path.is_file() else "",
            path.stat().st_mode & 0o777,
            int(path.stat().st_mtime),
        )
        for layer in ("base", "edge")
        for path in (folder / layer).rglob("*")
    }


def test_the_layers_contain_the_locked_packages_but_no_other_files_of_pip(tmp_path: Path, lock: Path) -> None:
    folder = build_with_fake_pip(tmp_path / "layers", lock, FakePip())

    assert folder == tmp_path / "layers" / "python3.13-arm64"
    assert {name for name in read_layer_files(folder) if (folder / name).is_file()} == {
        *(
            f"{'edge' if name == 'awscrt' else 'base'}/python/{name}{file}"
            for name in VERSIONS
            for file in ("/__init__.py", ".dist-info/METADATA")
        ),
        "base/python/botocore/data/endpoints.json",
        "base/python/botocore/data/sqs/service-2.json",
    }
    assert {path.name for path in (tmp_path / "layers").iterdir()} == {"python3.13-arm64"}


def test_the_same_lock_makes_the_same_layers(tmp_path: Path, lock: Path) -> None:
    """Requirement G7."""
    pip = FakePip()
    first = read_layer_files(build_with_fake_pip(tmp_path / "first", lock, pip))
    second = read_layer_files(build_with_fake_pip(tmp_path / "second", lock, pip))

    assert first == second
    assert {mode for _, mode, _ in first.values()} == {0o644, 0o755}


def test_layers_for_a_python_version_on_the_path_contain_bytecode(
    tmp_path: Path, lock: Path, interpreter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G7: without bytecode, each cold start would compile boto3, because Lambda cannot write into a layer."""
    said: list[str] = []
    folder = build_layers("python3.10", "arm64", tmp_path, lock=lock, pip=FakePip(), report=said.append)
    assert not list(folder.rglob("*.pyc"))
    assert "without bytecode, because python3.10 is not on the PATH" in " ".join(said)

    monkeypatch.setattr("local.layers.shutil.which", lambda _: str(interpreter))
    first, second = (
        build_layers("python3.10", "arm64", tmp_path / name, lock=lock, pip=FakePip(), report=said.append)
        for name in ("first", "second")
    )
    compiled = {path.relative_to(first): path.read_bytes() for path in first.rglob("*.pyc")}
    assert len(compiled) == len(VERSIONS)
    assert compiled == {path.relative_to(second): path.read_bytes() for path in second.rglob("*.pyc")}
    for content in compiled.values():
        assert int.from_bytes(content[4:8], "little") == 1, "Python would look at the source file"
        assert str(tmp_path).encode() not in content
        assert b"/opt/python/" in content


def test_a_python_command_that_fails_compiles_no_bytecode(
    tmp_path: Path, lock: Path, interpreter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example, the command of a version manager fails if its Python version is not installed."""
    interpreter.write_text("#!/bin/sh\necho not installed >&2\nexit 127\n")
    monkeypatch.setattr("local.layers.shutil.which", lambda _: str(interpreter))
    assert not list(build_with_fake_pip(tmp_path, lock, FakePip(), ("python3.10", "arm64")).rglob("*.pyc"))


def test_layers_are_built_again_when_an_interpreter_is_installed(
    tmp_path: Path, lock: Path, interpreter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build_with_fake_pip(tmp_path, lock, FakePip(), ("python3.10", "arm64"))
    monkeypatch.setattr("local.layers.shutil.which", lambda _: str(interpreter))
    build_with_fake_pip(tmp_path, lock, FakePip(), ("python3.10", "arm64"))
    assert list(folder.rglob("*.pyc"))


def test_layers_larger_than_lambda_allows_are_refused(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.layers.MAX_UNPACKED_BYTES", 100)
    with pytest.raises(LayerError, match="bytes; Lambda allows 100"):
        build_with_fake_pip(tmp_path, lock, FakePip())


def test_existing_layers_are_not_built_again_until_the_lock_changes(tmp_path: Path, lock: Path) -> None:
    pip = FakePip()
    folder = build_with_fake_pip(tmp_path, lock, pip)
    build_with_fake_pip(tmp_path, lock, pip)
    assert len(pip.calls) == 2  # one for each layer

    lock.write_text(SMALL_LOCK.replace("26.2.1", "26.2.2"))
    (folder / "base" / "python" / "old.py").touch()
    build_with_fake_pip(tmp_path, lock, pip)

    assert len(pip.calls) == 4
    assert not (folder / "base" / "python" / "old.py").exists()


@pytest.mark.parametrize(("architecture", "machine"), [("arm64", "aarch64"), ("x86_64", "x86_64")])
def test_wheels_are_those_of_the_lambda_runtime_and_checked_by_their_hashes(
    tmp_path: Path, lock: Path, architecture: str, machine: str
) -> None:
    pip = FakePip()
    build_with_fake_pip(tmp_path, lock, pip, ("python3.12", architecture))

    for call in pip.calls:
        assert {"--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile"} <= set(call)
        assert {"--python-version=3.12", f"--platform=manylinux2014_{machine}"} <= set(call)
    assert all(HASH in requirements for requirements in pip.requirements)


def test_pip_selects_the_wheels_of_layers_for_this_machine(tmp_path: Path, lock: Path) -> None:
    """L1: the embedded cloud runs functions on this machine, so pip must not select wheels for Lambda."""
    pip = FakePip()
    host = find_host_architecture()
    build_layers("python3.13", host, tmp_path, host=True, lock=lock, pip=pip, report=lambda _: None)

    chosen = [argument for call in pip.calls for argument in call]
    assert not [argument for argument in chosen if argument.startswith(("--platform", "--python-version"))]
    other = "x86_64" if host == "arm64" else "arm64"
    with pytest.raises(LayerError, match=f"layers for {other} cannot run on this machine"):
        build_layers("python3.13", other, tmp_path, host=True, lock=lock, pip=pip)


def test_layers_for_this_machine_can_be_those_of_another_runtime(tmp_path: Path, lock: Path) -> None:
    """L8: the folder has the name of the stage's runtime, and the bytecode is that of this interpreter."""
    host = find_host_architecture()
    folder = build_layers(
        "python3.99", host, tmp_path, host=True, lock=lock, pip=FakePip(), report=lambda _: None
    )

    assert folder == tmp_path / f"python3.99-{host}"
    compiled = list(folder.rglob(f"*.{sys.implementation.cache_tag}.pyc"))
    assert compiled


def test_an_interrupted_build_leaves_no_layer(tmp_path: Path, lock: Path) -> None:
    def interrupt_pip(_arguments: Sequence[str]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_layers("python3.13", "arm64", tmp_path / "layers", lock=lock, pip=interrupt_pip)

    assert list((tmp_path / "layers").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (SMALL_LOCK + f"requests==2.0 \\\n    {HASH}\n", "differ in these packages: requests"),
        (SMALL_LOCK.replace("awscrt==0.38.1", "# gone"), "differ in these packages: awscrt"),
    ],
)
def test_a_lock_with_other_packages_than_the_layers_is_refused(
    tmp_path: Path, lock: Path, change: str, problem: str
) -> None:
    lock.write_text(change)

    with pytest.raises(LayerError, match=problem):
        build_with_fake_pip(tmp_path, lock, FakePip())


@pytest.mark.parametrize("target", [("nodejs22.x", "arm64"), ("python3.13", "aarch64")])
def test_a_target_that_lambda_does_not_have_is_refused(
    tmp_path: Path, lock: Path, target: tuple[str, str]
) -> None:
    with pytest.raises(LayerError, match="is not a Lambda target"):
        build_with_fake_pip(tmp_path, lock, FakePip(), target)


def test_every_package_of_the_real_lock_is_in_a_layer(tmp_path: Path) -> None:
    pip = FakePip()
    build_with_fake_pip(tmp_path, LOCK, pip)

    assert sum(text.count("==") for text in pip.requirements) == LOCK.read_text().count("==")
    assert sum(text.count("--hash") for text in pip.requirements) == LOCK.read_text().count("--hash")


def test_the_command_says_what_failed_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q1, L1: if pip fails, for example without a network, the command prints what to do and returns 1."""
    monkeypatch.setattr("local.layers.sys.executable", "/bin/false")

    assert main(["--runtime=python3.13", "--architecture=arm64", f"--root={tmp_path}"]) == 1
    assert "Check the network" in capsys.readouterr().err
