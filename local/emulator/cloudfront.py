"""CloudFront hooks for the emulator: local names of distributions, and notifications of invalidations.

The emulator (ministack 1.5.33) names distributions `<id>.cloudfront.net` and serves them without a cache and
without the functions' KeyValueStore. In the embedded cloud, the local edge serves the distributions
(local/edge/server.py). Their domain names end with `localhost`, which always resolves to loopback (RFC 6761).

The emulator only records invalidations. The hook also notifies the edge, which has the caches. Differences
from CloudFront: an invalidation is complete before the call returns, and there are no quotas or costs.
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
    def subscribe(self, listener: InvalidationListener) -> Generator[None]:
        """Register a listener until the context ends.

        The emulator's thread calls the listener, so the listener must not block.
        """
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def notify(self, distribution_id: str, paths: Sequence[str]) -> None:
        """Call all listeners."""
        for listener in tuple(self._listeners):
            listener(distribution_id, paths)


def install_cloudfront_hooks(invalidations: InvalidationPublisher) -> None:
    """Install the hooks."""

    def create_domain_name() -> str:
        return f"{_ORIGINAL_DOMAIN().partition('.')[0]}.{DOMAIN}"

    def create_invalidation(distribution_id: str, body: bytes) -> _Response:
        before = len(_list_batches(distribution_id))
        response = _ORIGINAL_CREATE_INVALIDATION(distribution_id, body)
        # Only a new batch invalidates paths. A refused request adds no batch, and a request that repeats the
        # caller reference of an earlier request adds no batch either.
        for batch in _list_batches(distribution_id)[before:]:
            invalidations.notify(distribution_id, batch["InvalidationBatch"]["Paths"]["Items"])
        return response

    cloudfront._cloudfront_domain = create_domain_name
    cloudfront._create_invalidation = create_invalidation


def _list_batches(distribution_id: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", cloudfront._invalidations.get(distribution_id, []))


_ORIGINAL_DOMAIN = cloudfront._cloudfront_domain
_ORIGINAL_CREATE_INVALIDATION = cast("Callable[[str, bytes], _Response]", cloudfront._create_invalidation)
