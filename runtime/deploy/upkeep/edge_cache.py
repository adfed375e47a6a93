"""Invalidation of the edge cache, once after an upgrade that makes the cached responses unusable."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from attrs import field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.releases.edge_store import EdgeBusyError, EdgeStore
from runtime.shared.aws import CloudFrontClient
from runtime.shared.aws_errors import is_retryable
from runtime.shared.clock import format_time
from runtime.shared.logging import Log

GENERATION: Final = "1"
"""Increment this number if the whole edge cache must be invalidated once, and add the reason here.

- 1: before 0.2.0, CloudFront cached responses that middleware had made for one visitor (SECURITY.md).
"""

GENERATION_KEY: Final = "_edge-cache-generation"
"""The key of the generation in the edge's store. Hosts have no underscore, so no request can read it."""

_EVERYTHING: Final = "/*"


@frozen(kw_only=True)
class EdgeCache:
    """The cache of the sites' distribution.

    Attributes:
        client: Creates the CloudFront client, which is only needed once for each value of `GENERATION`.
        distribution_id: Id of the distribution.
        store: Records the `GENERATION` for which the cache was last invalidated.
    """

    client: Callable[[], CloudFrontClient] = field(repr=False)
    distribution_id: str
    store: EdgeStore

    def invalidate_once(self, log: Log, *, at: datetime) -> None:
        """Invalidate the whole cache if this was not yet done for this `GENERATION`. Idempotent.

        If AWS is busy, the next call retries.

        Args:
            log: Logger.
            at: Current time. It is part of the invalidation's caller reference, which must be unique.

        Raises:
            ClientError: AWS refuses the invalidation permanently.
            BotoCoreError: The platform made an invalid call.
        """
        try:
            if self.store.read(GENERATION_KEY) != GENERATION:
                self._invalidate(at)
                log.info("edge cache invalidated", generation=GENERATION)
        except (BotoCoreError, ClientError, EdgeBusyError) as error:
            if isinstance(error, ClientError | BotoCoreError) and not is_retryable(error):
                raise
            log.warning("the invalidation failed: the next run retries", reason=type(error).__name__)

    def _invalidate(self, at: datetime) -> None:
        self.client().create_invalidation(
            DistributionId=self.distribution_id,
            InvalidationBatch={
                "CallerReference": f"generation-{GENERATION}-{format_time(at)}",
                "Paths": {"Quantity": 1, "Items": [_EVERYTHING]},
            },
        )
        self.store.write(GENERATION_KEY, GENERATION)
