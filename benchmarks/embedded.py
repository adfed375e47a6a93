"""An embedded cloud for benchmarks, one at a time."""

import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from local.cloud import Cloud, Ports, find_free_ports
from local.progress import Progress
from tests.e2e.tiny_platform import TinyPlatform

ROOT: Final = Path(__file__).parent.parent
# A process may have several emulators one after the other, if they take the same port.
_ports = cache(find_free_ports)


def quiet() -> Progress:
    """Shows nothing: a benchmark says itself what it does."""
    return Progress(console=Console(quiet=True))


@contextmanager
def cloud(sites: Sequence[str]) -> Generator[Cloud]:
    """An embedded cloud with these sites, that shows nothing."""
    ports: Ports = _ports()
    with Cloud.start(root=ROOT, ports=ports, progress=quiet(), sites=sites) as running:
        yield running


@contextmanager
def tiny_platform(site: str) -> Generator[TinyPlatform]:
    """An embedded cloud with one site, for a repository that is built in two seconds."""
    with tempfile.TemporaryDirectory() as folder, cloud((site,)) as running:
        yield TinyPlatform(running, Path(folder))


def live(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """The deployment.

    Raises:
        ValueError: It did not go live: then there is nothing to measure.
    """
    if deployment["status"] != "live":
        raise ValueError(f"a release did not go live: {deployment}")
    return deployment
