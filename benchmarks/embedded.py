"""Embedded clouds for benchmarks, one at a time."""

import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from local.cloud import Cloud, Ports, find_free_ports
from local.progress import Progress
from tests.components.stages import STAGE_FILES
from tests.e2e.tiny_platform import TinyPlatform

ROOT: Final = Path(__file__).parent.parent
# The ports are chosen only once. One process can run several emulators, one after the other, and all of them
# must use the same port.
get_ports = cache(find_free_ports)


def create_silent_progress() -> Progress:
    """Return a progress display without output, because benchmarks report their own progress."""
    return Progress(console=Console(quiet=True))


@contextmanager
def run_cloud(sites: Sequence[str]) -> Generator[Cloud]:
    """Run an embedded cloud with these sites, without output."""
    ports: Ports = get_ports()
    with Cloud.start(
        root=ROOT, stage_files=STAGE_FILES, ports=ports, progress=create_silent_progress(), sites=sites
    ) as running:
        yield running


@contextmanager
def run_tiny_platform(site: str) -> Generator[TinyPlatform]:
    """Run an embedded cloud with one site. The repository of the site builds in two seconds."""
    with tempfile.TemporaryDirectory() as folder, run_cloud((site,)) as running:
        yield TinyPlatform(running, Path(folder))


def require_live(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the deployment if it is live.

    Raises:
        ValueError: The deployment is not live, so it cannot be measured.
    """
    if deployment["status"] != "live":
        raise ValueError(f"a release did not go live: {deployment}")
    return deployment
