"""Time from a push to the live site, compared with a bare build of the same commit.

A bare build is `git clone`, `npm ci` and `open-next build`, without the platform. OpenNext comes from
the platform's lock file, without the platform's overrides and patches.
"""

import io
import os
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.embedded import ROOT, create_silent_progress, require_live, run_cloud
from benchmarks.model import Goal, Measurement, Report, ShowProgress
from components.deploy.build_tools import make_zip
from components.sites.build import BUILDSPEC
from local.builds.buildspec import parse_buildspec
from local.builds.environment import BuildMachine, make_tool_path, prepare_node_folder, read_network_settings
from local.cloud import Cloud
from local.demo.demo import SITE, ConnectedProject, connect_project
from local.demo.site_checks import read_commit
from local.github import create_push_payload
from local.layers import find_host_architecture
from local.node import find_node

_CONFIG: Final = "open-next.config.mjs"
GOAL: Final = Goal(bound=1.2)
_METHOD: Final = """\
The example site is built and deployed. A bare build is a checkout of the commit, `npm ci` for the site
and for OpenNext, and `open-next build`, with the Node.js, the settings and the filled npm cache of builds
in the embedded cloud. The time of a push begins with the signed push. It ends with the first page of this
commit at the URL of the site. One bare build runs before the push and one after the push. The mean of both
times is used. Wall time is measured."""
_REMARK: Final = """\
In addition to a bare build, a push includes the wait in the queue, the start of the build, the check of
the tools, the packing and storing of the artifact, and the release with its smoke test. The benchmark
polls the status of the deployment every half second."""


def measure(show_progress: ShowProgress) -> Report:
    """Measure two bare builds and a push.

    Raises:
        ValueError: The push did not go live, or the site does not show its commit.
        CalledProcessError: A bare build failed. The error contains the output of the failed command.
    """
    with tempfile.TemporaryDirectory() as folder, run_cloud((SITE,)) as running:
        connected = connect_project(running, running.create_user(), create_silent_progress())
        environment = _make_build_environment(running)

        def run_bare_build(name: str) -> Mapping[str, float]:
            return _run_bare_build(connected, Path(folder) / name, environment, show_progress)

        show_progress("push: filling npm's cache")
        cached = _clone_repository(connected, Path(folder) / "cache", environment)
        _install_packages(cached, environment)
        _install_open_next(cached, environment)
        builds = [run_bare_build("before")]
        show_progress("push: from the push to the live site")
        seconds = _measure_push(connected)
        builds.append(run_bare_build("after"))
    totals = [sum(each.values()) for each in builds]
    mean = sum(totals) / len(totals)
    steps = ", ".join(
        f"{name} {sum(each[name] for each in builds) / len(builds):.1f} s" for name in builds[0]
    )
    return Report(
        title="Push to live",
        method=_METHOD,
        measurements=(
            Measurement(
                name="push to live / bare `npm ci && open-next build`",
                value=seconds / mean,
                goal=GOAL,
                detail=f"{seconds:.1f} s / {mean:.1f} s ({' and '.join(f'{each:.1f}' for each in totals)})",
                remark=f"{_REMARK} The bare build: {steps}.",
            ),
        ),
    )


def _measure_push(connected: ConnectedProject) -> float:
    sha = connected.repository.head
    payload = create_push_payload(
        repository_url=connected.repository.url, sha=sha, message="The example site"
    )
    began = time.perf_counter()
    answer = connected.webhook.deliver(payload)
    answer.raise_for_status()
    require_live(connected.client.wait_until(answer.json()["deploymentId"], ()))
    shown = read_commit(connected.visitor.get("/").text)
    seconds = time.perf_counter() - began
    if shown != sha:
        raise ValueError(f"the live site shows {shown}, not {sha}")
    return seconds


def _run_bare_build(
    connected: ConnectedProject, folder: Path, environment: Mapping[str, str], show_progress: ShowProgress
) -> Mapping[str, float]:
    """Run a bare build and return the seconds of each step."""
    show_progress("push: bare build")
    began = time.perf_counter()
    _clone_repository(connected, folder, environment)
    fetched = time.perf_counter()
    _install_packages(folder, environment)
    tools = _install_open_next(folder, environment)
    installed = time.perf_counter()
    config = f"../{tools.name}/{_CONFIG}"
    program = tools / "build_tools/node_modules/.bin/open-next"
    _run_command((str(program), "build", "--config-path", config), folder, environment)
    return {
        "checkout": fetched - began,
        "npm ci": installed - fetched,
        "open-next build": time.perf_counter() - installed,
    }


def _clone_repository(connected: ConnectedProject, folder: Path, environment: Mapping[str, str]) -> Path:
    _run_command(
        ("git", "clone", "--quiet", str(connected.repository.folder), str(folder)), ROOT, environment
    )
    return folder


def _install_packages(folder: Path, environment: Mapping[str, str]) -> None:
    _run_command(("npm", "ci", "--include=dev", "--no-audit", "--no-fund"), folder, environment)


def _install_open_next(folder: Path, environment: Mapping[str, str]) -> Path:
    """Install OpenNext next to the checkout, with a configuration, and return its folder."""
    tools = folder.with_name(f"{folder.name}-tools")
    with zipfile.ZipFile(io.BytesIO(make_zip())) as archive:
        archive.extractall(tools)
    command = ("npm", "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund")
    _run_command(command, tools / "build_tools", environment)
    plain = 'export { default } from "./build_tools/config/plain_config.mjs";\n'
    (tools / _CONFIG).write_text(plain, encoding="utf-8")
    return tools


def _run_command(command: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> None:
    subprocess.run(  # noqa: S603 - the build of the example site
        command, cwd=folder, env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL
    )


def _make_build_environment(running: Cloud) -> Mapping[str, str]:
    """Return the environment variables of a bare build, with the values of builds in the embedded cloud."""
    kept = ROOT / ".anchor"
    variables = parse_buildspec(BUILDSPEC.read_text(encoding="utf-8")).variables
    machine = BuildMachine(
        node=prepare_node_folder(find_node(), kept / "node"),
        npm_cache=Path(os.environ.get("npm_config_cache", kept / "npm-cache")),  # noqa: SIM112 - the name that npm uses
        endpoint_url=running.emulator.endpoint_url,
        host_environment=os.environ,
    )
    return {
        **read_network_settings(machine.host_environment),
        "PATH": make_tool_path(machine),
        "HOME": os.environ["HOME"],
        "LANG": "C.UTF-8",
        "npm_config_cache": str(machine.npm_cache),
        "NEXT_TELEMETRY_DISABLED": "1",
        "CI": "1",
        "ANCHOR_SHARP_VERSION": variables["ANCHOR_SHARP_VERSION"],
        "ANCHOR_LAMBDA_ARCH": {"x86_64": "x64"}.get(find_host_architecture(), "arm64"),
    }
