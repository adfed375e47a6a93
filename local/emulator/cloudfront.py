"""The emulator's CloudFront, completed: distributions that lead to this machine, and invalidations.

The emulator (ministack 1.5.33) names distributions `<id>.cloudfront.net` and would serve them itself, without
their functions' store and without a cache. Here they are served by the local edge (local/edge/server.py), and
every name below `localhost` is loopback's (RFC 6761).

Invalidations it only writes down: the edge, which has the caches, is told of them here. Not as CloudFront:
one is through before the call is answered, and nobody counts how many are under way or what they cost.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import Any, cast

from attrs import define, field
from ministack.services import cloudfront

DOMAIN = "cloudfront.localhost"

Invalidated = Callable[[str, Sequence[str]], None]
"""Is told of a distribution's id and of the paths that its caches have to forget."""

_Response = tuple[int, dict[str, str], bytes]


@define(eq=False)
class Invalidations:
    """Who is told of invalidations."""

    _told: list[Invalidated] = field(factory=list, init=False)

    @contextlib.contextmanager
    def telling(self, invalidated: Invalidated) -> Generator[None]:
        """Tell somebody, in the emulator's thread, until the context is left. They must not block."""
        self._told.append(invalidated)
        try:
            yield
        finally:
            self._told.remove(invalidated)

    def tell(self, distribution_id: str, paths: Sequence[str]) -> None:
        """Tell everybody."""
        for invalidated in tuple(self._told):
            invalidated(distribution_id, paths)


def install(invalidations: Invalidations) -> None:
    """Put the hooks in place."""

    def domain() -> str:
        return f"{_ORIGINAL_DOMAIN().partition('.')[0]}.{DOMAIN}"

    def create_invalidation(distribution_id: str, body: bytes) -> _Response:
        before = len(_batches(distribution_id))
        response = _ORIGINAL_CREATE_INVALIDATION(distribution_id, body)
        # One that is refused, or was made before with the same reference, invalidates nothing.
        for batch in _batches(distribution_id)[before:]:
            invalidations.tell(distribution_id, batch["InvalidationBatch"]["Paths"]["Items"])
        return response

    cloudfront._cloudfront_domain = domain
    cloudfront._create_invalidation = create_invalidation


def _batches(distribution_id: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", cloudfront._invalidations.get(distribution_id, []))


_ORIGINAL_DOMAIN = cloudfront._cloudfront_domain
_ORIGINAL_CREATE_INVALIDATION = cast("Callable[[str, bytes], _Response]", cloudfront._create_invalidation)
