"""CloudFront hooks for the emulator: distributions on this machine, and notifications of invalidations.

The emulator (ministack 1.5.33) names distributions `<id>.cloudfront.net` and serves them without a cache and
without the functions' KeyValueStore. Here the local edge serves them (local/edge/server.py). Their names are
below `localhost`, which always resolves to loopback (RFC 6761).

The emulator only records invalidations. The hook notifies the edge, which has the caches. Differences from
CloudFront: an invalidation is complete before the call returns, and there are no quotas or costs.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import Any, cast

from attrs import define, field
from ministack.services import cloudfront

DOMAIN = "cloudfront.localhost"

InvalidationListener = Callable[[str, Sequence[str]], None]
"""Called with a distribution's ID and the paths to remove from its cache."""

_Response = tuple[int, dict[str, str], bytes]


@define(eq=False)
class InvalidationPublisher:
    """A publisher of invalidations to registered listeners."""

    _listeners: list[InvalidationListener] = field(factory=list, init=False)

    @contextlib.contextmanager
    def subscribe(self, invalidated: InvalidationListener) -> Generator[None]:
        """Register a listener until the context ends. It must not block: the emulator's thread calls it."""
        self._listeners.append(invalidated)
        try:
            yield
        finally:
            self._listeners.remove(invalidated)

    def notify(self, distribution_id: str, paths: Sequence[str]) -> None:
        """Call all listeners."""
        for invalidated in tuple(self._listeners):
            invalidated(distribution_id, paths)


def install(invalidations: InvalidationPublisher) -> None:
    """Install the hooks."""

    def domain() -> str:
        return f"{_ORIGINAL_DOMAIN().partition('.')[0]}.{DOMAIN}"

    def create_invalidation(distribution_id: str, body: bytes) -> _Response:
        before = len(_batches(distribution_id))
        response = _ORIGINAL_CREATE_INVALIDATION(distribution_id, body)
        # A refused request, or one with a caller reference that was used before, invalidates nothing.
        for batch in _batches(distribution_id)[before:]:
            invalidations.notify(distribution_id, batch["InvalidationBatch"]["Paths"]["Items"])
        return response

    cloudfront._cloudfront_domain = domain
    cloudfront._create_invalidation = create_invalidation


def _batches(distribution_id: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", cloudfront._invalidations.get(distribution_id, []))


_ORIGINAL_DOMAIN = cloudfront._cloudfront_domain
_ORIGINAL_CREATE_INVALIDATION = cast("Callable[[str, bytes], _Response]", cloudfront._create_invalidation)
