"""Fixtures for tests of builds. Each test has a `BuildHarness` with a separate folder."""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import evolve

from local.builds.aws import BuildClients
from local.builds.environment import BuildMachine
from local.builds.runner import BuildRunner
from local.git_server import Author, GitServer
from tests.local.builds.build_harness import CREDENTIALS, ROLE, BuildHarness, FakeAws
from tests.local.builds.site_harness import SITE, TOOLS, Site


@pytest.fixture
def host_environment() -> dict[str, str]:
    """The environment of the process that runs the builds."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "AWS_SECRET_ACCESS_KEY": "host-secret",
        "GITHUB_TOKEN": "host-token",
        "SOMETHING_ELSE": "host-value",
        "HTTPS_PROXY": "http://proxy.example.com:3128",
        "NODE_EXTRA_CA_CERTS": "/etc/ssl/company.pem",
        "npm_config_registry": "https://registry.example.com/",
        "npm_config__auth": "host-npm-password",
    }


@pytest.fixture
def harness(tmp_path: Path, host_environment: dict[str, str]) -> BuildHarness:
    node = tmp_path / "node" / "bin"
    node.mkdir(parents=True)
    (node / "node").write_text("#!/bin/sh\necho the chosen node\n")
    (node / "node").chmod(0o755)
    aws, shown = FakeAws(), list[str]()

    def get_credentials(role: str) -> Mapping[str, str]:
        if role != ROLE:
            raise LookupError("no such role")
        return CREDENTIALS

    def create_clients(credentials: Mapping[str, str], region: str) -> BuildClients:
        assert (credentials, region) == (CREDENTIALS, "ap-southeast-1")
        return BuildClients(logs=aws, parameters=aws, objects=aws)

    runner = BuildRunner(
        folder=tmp_path / "builds",
        machine=BuildMachine(
            node=node,
            npm_cache=tmp_path / "npm-cache",
            endpoint_url="http://127.0.0.1:4566",
            host_environment=host_environment,
        ),
        credentials=get_credentials,
        clients=create_clients,
        clock=lambda: datetime(2026, 1, 31, 12, tzinfo=UTC),
        progress=lambda _build, line: shown.append(line),
    )
    return BuildHarness(runner=runner, aws=aws, shown=shown)


@pytest.fixture
def site(harness: BuildHarness, tmp_path: Path) -> Iterator[Site]:
    node = harness.runner.machine.node
    stand_in = tmp_path / "tools.py"
    stand_in.write_text(f"#!{sys.executable} -IS\n{TOOLS}")
    stand_in.chmod(0o755)
    (node / "node").unlink()
    for name in ("node", "npm", "npx"):
        (node / name).symlink_to(stand_in)
    folder = tmp_path / "site"
    folder.mkdir()
    for name, content in SITE.items():
        (folder / name).write_text(content)
    server = GitServer(
        tmp_path / "repositories",
        author=Author("Ada Example", "ada@example.com"),
        clock=lambda: datetime(2026, 1, 31, tzinfo=UTC),
    )
    machine = evolve(
        harness.runner.machine,
        git_configuration=server.make_git_configuration,
        host_environment={"PATH": "/usr/bin:/bin"},
    )
    with server:
        yield Site(
            evolve(harness, runner=evolve(harness.runner, machine=machine)),
            server,
            server.create("next-site", folder),
        )
