"""Measures how old the pages of the site `revalidation` get under load, while it is released three times.

`python -m tests.conformance.freshness` requests a hundred pages with `revalidate = 2` all the time. A request
for a stale page starts its rendering. So an answer is late if it is older than the request of more than a
rendering and five seconds before it, less the lifetime. The exit status is 1 if an answer is late.
"""

import datetime as dt
import re
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from attrs import define, field
from rich.console import Console

from local.cloud import find_free_ports
from local.git_server import BRANCH
from local.progress import Progress
from tests.conformance.harness.builds import find_cache_folder
from tests.conformance.harness.exchange import Request, Server, send
from tests.conformance.harness.platform import Platform
from tests.conformance.harness.sites import find_site

SITE: Final = "revalidation"
PATHS: Final = ("/shop/", *(f"/shop/isr/{number}/" for number in range(98)), "/shop/isr/gr%C3%B6%C3%9Fe/")
RELEASES: Final = 3
LIFETIME: Final = 2.0
RENDERING: Final = 0.05
MARGIN: Final = 5.0
# Seconds between two requests for a page.
INTERVAL: Final = 2.0
# Seconds after a switch in which requests do not count, because they can reach the release before.
SETTLING: Final = 2.0
SECONDS_PER_RELEASE: Final = 30.0
_THREADS: Final = 8
_RENDERED_AT: Final = re.compile(rb'data-at="(\d+)"')


@define
class AgeMeter:
    """Requests pages in the background and records their ages.

    Attributes:
        server: The server.
        paths: The pages.
        ages: The ages of all answers since `begin`, in seconds.
        delays: By how many seconds the late answers since `begin` are late.
        failures: The answers that are no such page.
    """

    server: Server
    paths: Sequence[str]
    ages: list[float] = field(factory=list[float], init=False)
    delays: list[float] = field(factory=list[float], init=False)
    failures: list[str] = field(factory=list[str], init=False)
    _requested: dict[str, list[float]] = field(factory=dict[str, list[float]], init=False)
    _stopped: threading.Event = field(factory=threading.Event, init=False)
    _begins: float = field(default=0.0, init=False)

    def begin(self, delay: float) -> None:
        """Forget all answers, and record new ones after a delay in seconds."""
        self._begins = time.time() + delay
        self.ages, self.delays, self._requested = [], [], {}

    def run(self) -> None:
        """Request all pages again and again until `stop` is called."""
        with ThreadPoolExecutor(_THREADS) as threads:
            while not self._stopped.is_set():
                started = time.monotonic()
                list(threads.map(self._measure, self.paths))
                self._stopped.wait(max(0.0, started + INTERVAL - time.monotonic()))

    def stop(self) -> None:
        """End `run` after its present round."""
        self._stopped.set()

    def _measure(self, path: str) -> None:
        sent = time.time()
        answer = send(self.server, Request(method="GET", target=path, headers={}, body=None))
        found = _RENDERED_AT.search(answer.body)
        if found is None:
            self.failures.append(f"{path}: {answer.status}")
        elif sent >= self._begins:
            rendered = int(found[1]) / 1000
            before = self._requested.setdefault(path, [])
            earlier = [each for each in before if each <= sent - RENDERING - MARGIN]
            before.append(time.time())
            self.ages.append(sent - rendered)
            if earlier and rendered < earlier[-1] - LIFETIME:
                self.delays.append(earlier[-1] - LIFETIME - rendered)


def measure_releases() -> bool:
    """Release the site, print the ages of its pages, and return whether no answer is late."""
    console = Console(highlight=False, soft_wrap=True)
    progress = Progress(console)
    site = find_site(SITE)
    with Platform.start(
        [site.name],
        ports=find_free_ports(),
        cache=find_cache_folder(),
        clock=lambda: dt.datetime.now(dt.UTC),
        progress=progress,
    ) as platform:
        with progress.step("release 1") as step:
            live = platform.release(site, step.show)
        (project,) = platform.client.call("GET", "/projects")["projects"]
        meter = AgeMeter(live.server, PATHS)
        thread = threading.Thread(target=meter.run)
        thread.start()
        try:
            late = _wait_and_print(meter, console, 1)
            for number in range(2, RELEASES + 1):
                with progress.step(f"release {number}"):
                    deployment = platform.client.deploy(project["projectId"], branch=BRANCH)
                    platform.client.wait_until(deployment["deploymentId"], ())
                late += _wait_and_print(meter, console, number)
        finally:
            meter.stop()
            thread.join()
    for failure in meter.failures[:10]:
        console.print(f"no page: {failure}", style="red")
    return not late and not meter.failures


def _wait_and_print(meter: AgeMeter, console: Console, number: int) -> int:
    """Measure a release, print the ages, and return the number of late answers."""
    meter.begin(SETTLING)
    time.sleep(SETTLING + SECONDS_PER_RELEASE)
    ages = sorted(meter.ages)
    late = f"{len(meter.delays)} late, by up to {max(meter.delays, default=0.0):.1f} s"
    console.print(f"  release {number}: {len(ages)} answers, age p50 {ages[len(ages) // 2]:.1f} s; {late}")
    return len(meter.delays)


if __name__ == "__main__":
    sys.exit(not measure_releases())
