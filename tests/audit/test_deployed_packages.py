"""The bill of materials lists what is deployed, from the lock files."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from audit.deployed_packages import FILE, Package, list_deployed_packages, write_sbom
from audit.model import Status, ToolOutput
from local.layers import LAYERS
from tests.audit.fake_tools import answer, run_on_input
from tests.components.recorder import ROOT


@pytest.fixture(scope="module")
def parts() -> dict[str, dict[str, Package]]:
    """The deployed packages by name, by part."""
    found: dict[str, dict[str, Package]] = defaultdict(dict)
    for package in list_deployed_packages(ROOT):
        found[package.part][package.name] = package
    return found


def test_the_layers_contain_the_packages_of_every_layer(parts: dict[str, dict[str, Package]]) -> None:
    assert parts["layers"].keys() == {name for names in LAYERS.values() for name in names}


def test_the_provider_needs_pulumi_with_its_packages_but_no_tool(
    parts: dict[str, dict[str, Package]],
) -> None:
    provider = parts["provider"].keys()
    assert {"attrs", "boto3", "cattrs", "pulumi", "pulumi-aws", "grpcio", "protobuf"} <= provider
    assert provider.isdisjoint({"pytest", "moto", "ministack", "uv", "ruff", "publicsuffixlist"})


def test_the_versions_are_those_of_the_lock(parts: dict[str, dict[str, Package]]) -> None:
    text = (ROOT / "requirements" / "dev.txt").read_text()
    for name, package in parts["provider"].items():
        assert re.search(rf"^{name}=={re.escape(package.version)}( |$)", text, re.MULTILINE), name


def test_the_build_tools_have_hashes(parts: dict[str, dict[str, Package]]) -> None:
    tools = parts["build-tools"]
    assert {"@opennextjs/aws", "@aws-sdk/client-s3"} <= tools.keys()
    assert len(tools) > 100
    assert all(re.fullmatch("[0-9a-f]{128}", package.sha512) for package in tools.values())


def write(tmp_path: Path, output: ToolOutput) -> tuple[Status, list[dict[str, Any]]]:
    """Write the bill of materials of a copy of the locks. Return the result, and what the tool received."""
    for name in (
        "pyproject.toml",
        "requirements/runtime.txt",
        "requirements/dev.txt",
        "packages/components/pyproject.toml",
        "components/sites/build_tools/package-lock.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    received: list[dict[str, Any]] = []

    def respond(stdin: str) -> ToolOutput:
        received.append(json.loads(stdin))
        return output

    return write_sbom(tmp_path, Path("/tools/python"), run_on_input(respond)).status, received


def test_the_output_of_the_tool_is_written_to_dist(tmp_path: Path) -> None:
    status, (received,) = write(tmp_path, answer('{"bomFormat": "CycloneDX"}'))
    assert status is Status.PASSED
    assert (tmp_path / "dist" / FILE).read_text() == '{"bomFormat": "CycloneDX"}'
    assert received["name"] == "anchor-deploy"
    assert len(received["packages"]) == len(list_deployed_packages(ROOT))


@pytest.mark.parametrize("output", [answer("", exit_code=0), answer("{}", exit_code=1)])
def test_a_tool_that_failed_writes_no_file(tmp_path: Path, output: ToolOutput) -> None:
    status, _ = write(tmp_path, output)
    assert status is Status.NOT_CHECKED
    assert not (tmp_path / "dist").exists()


def test_a_requirement_that_is_not_locked_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, answer("{}"))
    lock = tmp_path / "requirements" / "dev.txt"
    lock.write_text(lock.read_text().replace("\npulumi-aws==", "\nother=="))
    with pytest.raises(ValueError, match="not in the lock file: pulumi-aws"):
        list_deployed_packages(tmp_path)
