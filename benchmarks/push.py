"""From a push to the live site, against the bare build of the same commit (issue 5, line 12)."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.embedded import ROOT, cloud, live, quiet
from benchmarks.model import Goal, Measurement, Report, Say
from local.builds.environment import BuildMachine, build_tool_path, prepare_node_folder, read_network_settings
from local.cloud import Cloud
from local.demo.demo import SITE, ConnectedProject, connect
from local.demo.site_checks import read_commit
from local.github import create_push_payload
from local.node import find_node

GOAL: Final = Goal(bound=1.2)
_METHOD: Final = """\
The example site. Bare: a checkout of the commit, in which `npm ci` and `open-next build` run, with the Node.js, the
settings and the npm cache that builds of the embedded cloud have; the cache is filled before. Push: from the signed push
to the first page of that commit at the site's own address, everything in between. A bare build goes before the push and
one after it, of which the mean counts. Wall time."""  # noqa: E501 - Markdown, wrapped at 120
_REMARK: Final = """\
What a push takes beyond the bare build: the queue and the start of the build, checking the toolchain, packing and
storing the artifact, and the release with its smoke test. The statuses are asked for every half second."""  # noqa: E501 - the same


def measure(say: Say) -> Report:
    """Build and push.

    Raises:
        ValueError: The push did not go live, or its page is not there.
        CalledProcessError: The bare build failed; its output is in the error.
    """
    with tempfile.TemporaryDirectory() as folder, cloud((SITE,)) as running:
        connected = connect(running, running.create_user(), quiet())
        environment = _environment(running)

        def bare(name: str) -> Mapping[str, float]:
            return _bare(connected, Path(folder) / name, environment, say)

        say("push: filling npm's cache")
        _npm_ci(_checkout(connected, Path(folder) / "cache", environment), environment)
        builds = [bare("before")]
        say("push: from the push to the live site")
        seconds = _push(connected)
        builds.append(bare("after"))
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


def _push(connected: ConnectedProject) -> float:
    sha = connected.repository.head
    payload = create_push_payload(
        repository_url=connected.repository.url, sha=sha, message="The example site"
    )
    began = time.perf_counter()
    answer = connected.webhook.deliver(payload)
    answer.raise_for_status()
    live(connected.client.wait_until(answer.json()["deploymentId"], ()))
    shown = read_commit(connected.visitor.get("/").text)
    seconds = time.perf_counter() - began
    if shown != sha:
        raise ValueError(f"the live site shows {shown}, not {sha}")
    return seconds


def _bare(
    connected: ConnectedProject, folder: Path, environment: Mapping[str, str], say: Say
) -> Mapping[str, float]:
    """Seconds of each step of a bare build."""
    say("push: bare build")
    began = time.perf_counter()
    _checkout(connected, folder, environment)
    fetched = time.perf_counter()
    _npm_ci(folder, environment)
    installed = time.perf_counter()
    _run(("node_modules/.bin/open-next", "build"), folder, environment)
    return {
        "checkout": fetched - began,
        "npm ci": installed - fetched,
        "open-next build": time.perf_counter() - installed,
    }


def _checkout(connected: ConnectedProject, folder: Path, environment: Mapping[str, str]) -> Path:
    _run(("git", "clone", "--quiet", str(connected.repository.folder), str(folder)), ROOT, environment)
    return folder


def _npm_ci(folder: Path, environment: Mapping[str, str]) -> None:
    _run(("npm", "ci", "--include=dev", "--no-audit", "--no-fund"), folder, environment)


def _run(command: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> None:
    subprocess.run(  # noqa: S603 - the example site's own build
        command, cwd=folder, env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL
    )


def _environment(running: Cloud) -> Mapping[str, str]:
    """What builds have, as far as a bare one needs it."""
    kept = ROOT / ".anchor"
    machine = BuildMachine(
        node=prepare_node_folder(find_node(), kept / "node"),
        npm_cache=Path(os.environ.get("npm_config_cache", kept / "npm-cache")),  # noqa: SIM112 - npm's own name
        endpoint_url=running.emulator.endpoint_url,
        host_environment=os.environ,
    )
    return {
        **read_network_settings(machine.host_environment),
        "PATH": build_tool_path(machine),
        "HOME": os.environ["HOME"],
        "LANG": "C.UTF-8",
        "npm_config_cache": str(machine.npm_cache),
        "NEXT_TELEMETRY_DISABLED": "1",
        "CI": "1",
    }
