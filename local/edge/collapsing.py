"""Request collapsing of the local edge: simultaneous requests with the same key share one origin request.

It follows the CloudFront guide's "Simultaneous requests for the same object (request collapsing)".
"""

import asyncio

from attrs import define, evolve, field

from local.edge.cache import MAXIMUM_OBJECT_BYTES, CachedResponse, CacheKey


@define(eq=False)
class PendingFetch:
    """A request to the origin. Other requests with the same cache key can wait for its response.

    Attributes:
        invalidations: The cache's number of invalidations when the request started. A request that arrives
            after a later invalidation must not share the response.
    """

    invalidations: int
    _response: CachedResponse | None = field(default=None, init=False)
    _waiting: int = field(default=0, init=False)
    _settled: asyncio.Event = field(factory=asyncio.Event, init=False)

    @property
    def has_waiting_requests(self) -> bool:
        """Whether a request waits for the response."""
        return self._waiting > 0

    def share(self, response: CachedResponse) -> None:
        """Give the whole response to the waiting requests."""
        if not self._settled.is_set():
            self._response = response
            self._settled.set()

    def decline_sharing(self) -> None:
        """Make each waiting request fetch its own answer from the origin."""
        self._settled.set()

    async def wait(self, seconds: float) -> CachedResponse | None:
        """Wait for the response. Return None if the caller must send its own request to the origin.

        Args:
            seconds: The maximum time to wait. A limit is needed, because the response is shared only after
                the first viewer has read it.
        """
        self._waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await self._settled.wait()
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1
        return self._response


@define(eq=False)
class RequestCollapser:
    """The pending fetches by cache key."""

    _fetches: dict[CacheKey, PendingFetch] = field(factory=dict, init=False)

    def find(self, key: CacheKey, invalidations: int) -> PendingFetch | None:
        """Return the fetch that a request may wait for, or None.

        Args:
            key: The request's cache key.
            invalidations: The cache's number of invalidations when the request arrived.
        """
        fetch = self._fetches.get(key)
        return fetch if fetch and fetch.invalidations == invalidations else None

    def begin(self, key: CacheKey, invalidations: int) -> PendingFetch:
        """Register and return a new fetch.

        The new fetch replaces an older fetch of this key that started before the last invalidation.
        """
        fetch = self._fetches[key] = PendingFetch(invalidations)
        return fetch

    def close(self, key: CacheKey, fetch: PendingFetch) -> None:
        """Accept no further waiting requests. Requests that already wait for the fetch continue to wait."""
        if self._fetches.get(key) is fetch:
            del self._fetches[key]

    def end(self, key: CacheKey, fetch: PendingFetch) -> None:
        """Remove a fetch that has ended. Requests that still wait go to the origin."""
        self.close(key, fetch)
        fetch.decline_sharing()


@define(eq=False)
class ResponseRecording:
    """A recording of an answer's body. It stops if no request needs the body or if the body is too large.

    Attributes:
        head: The answer without its body.
        fetch: Shares the whole answer with waiting requests. None if no request may wait for this answer.
        size: The number of bytes of the body so far, also after the recording has stopped.
    """

    head: CachedResponse
    fetch: PendingFetch | None
    size: int = field(default=0, init=False)
    _chunks: list[bytes] | None = field(factory=list, init=False)

    def add(self, chunk: bytes) -> None:
        """Add the next part of the body."""
        self.size += len(chunk)
        if self.size > MAXIMUM_OBJECT_BYTES:
            self.stop()
        elif self._chunks is not None:
            self._chunks.append(chunk)

    def stop(self) -> None:
        """Discard the body and stop recording. The requests that wait for the answer go to the origin."""
        self._chunks = None
        if self.fetch is not None:
            self.fetch.decline_sharing()

    def finish(self) -> CachedResponse | None:
        """Share and return the whole answer. Return None if the answer was not recorded."""
        if self._chunks is None:
            return None
        answer = evolve(self.head, body=b"".join(self._chunks))
        if self.fetch is not None:
            self.fetch.share(answer)
        return answer
