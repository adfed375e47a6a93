"""A load of concurrent visitors on a site, who note which release each answer came from.

Run it around a switch: no answer may fail, none may mix two releases, and every request that began after
the switch must have been answered by the new one.
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

PAGES = ("/", "/posts/first", "/isr/tag", "/api/release", "/image")
_RELEASES = re.compile(r'(?:name="x-release" content="|data-testid="commit">|"release":")([0-9a-f]{40})')
_SCRIPTS = re.compile(r'src="(/_next/static/chunks/[^"]+\.js)"')


@frozen(kw_only=True)
class Answer:
    """One answered (or failed) request.

    `began` and `ended` are seconds of `time.monotonic()`; `releases` are the distinct commits that
    the answer names, in its page and in the scripts the page loads; `error` says how it failed.
    """

    path: str
    began: float
    ended: float
    releases: frozenset[str] = frozenset()
    error: str = ""


@define
class Load:
    """`visitors` concurrent visitors of the site at `url`, from entering the block to leaving it.

    Each waits `pause` seconds between two pages, to leave something of the machine to what is watched.
    """

    url: str
    visitors: int = 6
    pause: float = 0.1
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
        """Stop the visitors; their last requests are answered first."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    @property
    def failed(self) -> list[Answer]:
        """The answers that failed."""
        return [answer for answer in self.answers if answer.error]

    @property
    def mixed(self) -> list[Answer]:
        """The answers in which more than one release took part."""
        return [answer for answer in self.answers if len(answer.releases) > 1]

    def releases_since(self, instant: float) -> frozenset[str]:
        """The releases that answered requests begun after `instant`."""
        return frozenset[str]().union(*(a.releases for a in self.answers if a.began > instant))

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        headers = {"Host": urlsplit(self.url).netloc}
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{urlsplit(self.url).port}", connector=connector, headers=headers
        ) as session:
            await asyncio.gather(*(self._visit(session, number) for number in range(self.visitors)))

    async def _visit(self, session: aiohttp.ClientSession, number: int) -> None:
        scripts: dict[str, frozenset[str]] = {}  # a browser's cache: hashed scripts never change
        turn = number
        while not self._stop.is_set():
            path = PAGES[turn % len(PAGES)]
            turn += 1
            began = monotonic()
            try:
                text = await _get(session, path)
                releases = frozenset(_RELEASES.findall(text))
                for script in _SCRIPTS.findall(text):
                    if script not in scripts:
                        scripts[script] = frozenset(
                            re.findall(r'"([0-9a-f]{40})"', await _get(session, script))
                        )
                    releases |= scripts[script]
                error = "" if releases else f"{path} names no release"
            except (aiohttp.ClientError, TimeoutError) as problem:
                releases, error = frozenset[str](), f"{path}: {problem!r}"
            self.answers.append(
                Answer(path=path, began=began, ended=monotonic(), releases=releases, error=error)
            )
            await asyncio.sleep(self.pause)


async def _get(session: aiohttp.ClientSession, path: str) -> str:
    async with session.get(path, timeout=aiohttp.ClientTimeout(total=30)) as response:
        response.raise_for_status()
        return await response.text()
