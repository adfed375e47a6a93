"""Measures how old the pages of the site `revalidation` get under load, while it is released three times.

`python -m tests.conformance.freshness` requests a hundred pages with `revalidate = 2` all the time, also
during the releases. As under `next start`, a request for a stale page starts its rendering. So an answer is
late if the page was also requested more than a rendering and five seconds before, and was older than its
lifetime at that time. The exit status is 1 if an answer is late, if a page is older than before without a
release, or if an answer is no page.
"""

import datetime as dt
import re
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from attrs import define, field, frozen
from rich.console import Console
from rich.table import Table

from local.cloud import find_free_ports
from local.git_server import BRANCH
from local.progress import Progress, Step
from tests.conformance.harness.builds import find_cache_folder
from tests.conformance.harness.exchange import Request, Server, send
from tests.conformance.harness.platform import Platform, ReleaseError
from tests.conformance.harness.sites import find_site

SITE: Final = "revalidation"
PATHS: Final = ("/shop/", *(f"/shop/isr/{number}/" for number in range(98)), "/shop/isr/gr%C3%B6%C3%9Fe/")
RELEASES: Final = 3
LIFETIME: Final = 2.0
RENDERING: Final = 0.05
MARGIN: Final = 5.0
# Seconds between two requests for a page.
INTERVAL: Final = 2.0
SECONDS_PER_RELEASE: Final = 30.0
_THREADS: Final = 8
_EXAMPLES: Final = 10
_RENDERED_AT: Final = re.compile(rb'data-at="(\d+)"')


@define
class PageHistory:
    """The answers for one page.

    Attributes:
        rendered: The time at which the page of the last answer was rendered.
        answered: The times of the answers since the last release, oldest first.
        releases: The number of releases that have replaced the page by the page of their build.
    """

    rendered: float = 0.0
    answered: list[float] = field(factory=list[float])
    releases: int = 0


@define
class AgeRecord:
    """The ages of all pages, from the times of requests and of renderings. All times are in seconds.

    Attributes:
        releases: The number of releases that have started to replace the first one.
        ages: The ages of the answers since `begin`.
        judged: The ages of those answers that a former request has made fresh.
        delays: By how many seconds the late answers since `begin` are late.
        failures: The pages that became older without a release, and the answers that are no page.
    """

    releases: int = 0
    ages: list[float] = field(factory=list[float], init=False)
    judged: list[float] = field(factory=list[float], init=False)
    delays: list[float] = field(factory=list[float], init=False)
    failures: list[str] = field(factory=list[str], init=False)
    _pages: dict[str, PageHistory] = field(factory=dict[str, PageHistory], init=False)

    def begin(self) -> None:
        """Begin the row of another release. The histories of the pages go on."""
        self.ages, self.judged, self.delays = [], [], []

    def add(self, path: str, *, sent: float, answered: float, rendered: float) -> None:
        """Add an answer. The answers for a page must be added in their order."""
        page = self._pages.setdefault(path, PageHistory())
        if rendered < page.rendered:
            # A release has replaced the page by the page of its build, which is older.
            page.answered.clear()
            page.releases += 1
            if page.releases > self.releases:
                self.failures.append(f"{path}: {page.rendered - rendered:.1f} s older than the answer before")
        page.rendered = rendered
        self.ages.append(sent - rendered)
        former = [each for each in page.answered if each <= sent - RENDERING - MARGIN]
        page.answered.append(answered)
        if former:
            self.judged.append(sent - rendered)
            if rendered < former[-1] - LIFETIME:
                self.delays.append(former[-1] - LIFETIME - rendered)


@define
class Load:
    """Visitors that request all pages again and again, in the background.

    Attributes:
        server: The server.
        paths: The pages.
        record: The ages of the pages.
    """

    server: Server
    paths: Sequence[str]
    record: AgeRecord = field(factory=AgeRecord, init=False)
    _stopped: threading.Event = field(factory=threading.Event, init=False)

    def run(self) -> None:
        """Request all pages until `stop` is called."""
        with ThreadPoolExecutor(_THREADS) as threads:
            while not self._stopped.is_set():
                started = time.monotonic()
                list(threads.map(self._request, self.paths))
                self._stopped.wait(max(0.0, started + INTERVAL - time.monotonic()))

    def stop(self) -> None:
        """End `run` after its present round."""
        self._stopped.set()

    def _request(self, path: str) -> None:
        sent = time.time()
        answer = send(self.server, Request(method="GET", target=path, headers={}, body=None))
        found = _RENDERED_AT.search(answer.body)
        if found is None:
            self.record.failures.append(f"{path}: no page, but status {answer.status}")
        else:
            self.record.add(path, sent=sent, answered=time.time(), rendered=int(found[1]) / 1000)


@frozen(kw_only=True)
class Row:
    """The result of one release.

    Attributes:
        release: The number of the release.
        answers: The number of answers, from the start of the release to the start of the next one.
        median: The median of their ages in seconds.
        oldest: The age of the oldest page that a former request should have renewed, in seconds.
        delays: By how many seconds the late answers are late.
    """

    release: int
    answers: int
    median: float
    oldest: float
    delays: tuple[float, ...]


def make_row(release: int, record: AgeRecord) -> Row:
    """Return the result of a release from the answers since `AgeRecord.begin`."""
    ages = sorted(record.ages)
    return Row(
        release=release,
        answers=len(ages),
        median=ages[len(ages) // 2] if ages else 0.0,
        oldest=max(record.judged, default=0.0),
        delays=tuple(record.delays),
    )


def measure_releases(console: Console) -> bool:
    """Release the site, print the ages of its pages, and return whether no answer is late or missing.

    Raises:
        ReleaseError: A release did not go live.
    """
    progress = Progress(console)
    site = find_site(SITE)
    rows: list[Row] = []
    with Platform.start(
        [site.name],
        ports=find_free_ports(),
        cache=find_cache_folder(),
        clock=lambda: dt.datetime.now(dt.UTC),
        progress=progress,
    ) as platform:
        with progress.step(f"{site.name}: built and released") as step:
            live = platform.release(site, step.show)
        (project,) = platform.client.call("GET", "/projects")["projects"]
        load = Load(live.server, PATHS)
        thread = threading.Thread(target=load.run)
        thread.start()
        try:
            for number in range(1, RELEASES + 1):
                load.record.begin()
                with progress.step(f"{site.name}: release {number} under load") as step:
                    if number > 1:
                        load.record.releases += 1
                        _release_again(platform, project["projectId"], step)
                    _wait(load.record, step)
                    step.detail = f"{len(load.record.ages)} answers"
                rows.append(make_row(number, load.record))
        finally:
            load.stop()
            thread.join()
    _print_rows(console, rows)
    for failure in load.record.failures[:_EXAMPLES]:
        console.print(failure, style="red", markup=False)
    return not load.record.failures and all(row.answers and not row.delays for row in rows)


def _release_again(platform: Platform, project_id: str, step: Step) -> None:
    deployment = platform.client.deploy(project_id, branch=BRANCH)
    ended = platform.client.wait_until(
        deployment["deploymentId"], (), poll=0.2, on_poll=lambda shown: step.show(shown["status"])
    )
    if ended["status"] != "live":
        raise ReleaseError(ended)


def _wait(record: AgeRecord, step: Step) -> None:
    end = time.monotonic() + SECONDS_PER_RELEASE
    while (left := end - time.monotonic()) > 0:
        step.show(f"{len(record.ages)} answers, {len(record.delays)} late, {left:.0f} s left")
        time.sleep(min(1.0, left))


def _print_rows(console: Console, rows: Sequence[Row]) -> None:
    table = Table("release", "answers", "median age", "oldest page", "limit", "late", "")
    limit = LIFETIME + RENDERING + MARGIN
    for row in rows:
        late = f"{len(row.delays)}, by up to {max(row.delays):.1f} s" if row.delays else "0"
        table.add_row(
            str(row.release),
            str(row.answers),
            f"{row.median:.1f} s",
            f"{row.oldest:.1f} s",
            f"{limit:.1f} s",
            late,
            "LATE" if row.delays or not row.answers else "ok",
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(not measure_releases(Console(highlight=False, soft_wrap=True)))
