"""Concurrent visitors of a site. They record the release that produced each answer.

Tests run this load during a switch. No answer may fail or mix two releases. Every request that started after
the switch must get the new release.
"""

import asyncio
import re
import threading
from time import monotonic
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from attrs import define, field, frozen

PATHS = ("/", "/posts/first", "/isr/tag", "/api/release", "/image")
_RELEASES = re.compile(r'(?:name="x-release" content="|data-testid="commit">|"release":")([0-9a-f]{40})')
_SCRIPTS = re.compile(r'src="(/_next/static/chunks/[^"]+\.js)"')


@frozen(kw_only=True)
class Answer:
    """One request and its result.

    Attributes:
        started_at: Seconds of `time.monotonic()`.
        ended_at: Seconds of `time.monotonic()`.
        releases: The commit IDs that the page and its scripts contain. Each ID stands for one release.
        error: The cause of a failure. Empty if the request succeeded.
    """

    path: str
    started_at: float
    ended_at: float
    releases: frozenset[str] = frozenset()
    error: str = ""


@define
class VisitorLoad:
    """Concurrent visitors of a site, active while the context manager is entered.

    Attributes:
        url: The site's public URL.
        visitors: The number of concurrent visitors.
        pause_seconds: The pause of each visitor between two pages. The pauses leave CPU time to the site.
    """

    url: str
    visitors: int = 6
    pause_seconds: float = 0.1
    answers: list[Answer] = field(factory=list[Answer], init=False)
    _stop: threading.Event = field(factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Start the visitors."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the visitors after their current requests."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    @property
    def failed_answers(self) -> list[Answer]:
        """The answers to failed requests."""
        return [answer for answer in self.answers if answer.error]

    @property
    def mixed_answers(self) -> list[Answer]:
        """The answers that name more than one release."""
        return [answer for answer in self.answers if len(answer.releases) > 1]

    def list_releases_since(self, instant: float) -> frozenset[str]:
        """Return the releases that answered the requests that started after `instant`."""
        return frozenset[str]().union(*(a.releases for a in self.answers if a.started_at > instant))

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        headers = {"Host": urlsplit(self.url).netloc}
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{urlsplit(self.url).port}", connector=connector, headers=headers
        ) as session:
            await asyncio.gather(*(self._load_pages(session, index) for index in range(self.visitors)))

    async def _load_pages(self, session: aiohttp.ClientSession, visitor_index: int) -> None:
        scripts: dict[str, frozenset[str]] = {}  # cached as in a browser, because hashed scripts never change
        visits = visitor_index  # so that the visitors start with different pages
        while not self._stop.is_set():
            path = PATHS[visits % len(PATHS)]
            visits += 1
            began = monotonic()
            try:
                text = await _get_text(session, path)
                releases = frozenset(_RELEASES.findall(text))
                for script in _SCRIPTS.findall(text):
                    if script not in scripts:
                        scripts[script] = frozenset(
                            re.findall(r'"([0-9a-f]{40})"', await _get_text(session, script))
                        )
                    releases |= scripts[script]
                error = "" if releases else f"{path} names no release"
            except (aiohttp.ClientError, TimeoutError) as problem:
                releases, error = frozenset[str](), f"{path}: {problem!r}"
            self.answers.append(
                Answer(path=path, started_at=began, ended_at=monotonic(), releases=releases, error=error)
            )
            await asyncio.sleep(self.pause_seconds)


async def _get_text(session: aiohttp.ClientSession, path: str) -> str:
    async with session.get(path, timeout=aiohttp.ClientTimeout(total=30)) as response:
        response.raise_for_status()
        return await response.text()
