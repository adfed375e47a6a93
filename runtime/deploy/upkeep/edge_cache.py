"""Invalidates the edge's cache once after an upgrade, if what it keeps must not be served any more."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from attrs import field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from runtime.deploy.releases.edge_store import EdgeBusyError, EdgeStore
from runtime.shared.aws import AwsResponse
from runtime.shared.aws_errors import is_retryable
from runtime.shared.clock import format_time
from runtime.shared.logging import Log

GENERATION: Final = "1"
"""Raise this number to invalidate the whole cache of the edge once, and add the reason here.

- 1: before 0.2.0, CloudFront kept answers that middleware had made for one visitor (SECURITY.md).
"""

GENERATION_KEY: Final = "_edge-cache-generation"
"""Its key in the edge's store. No host has an underscore, so no request can ask for it."""

_EVERYTHING: Final = "/*"


class CloudFrontClient(Protocol):
    """Calls of the `cloudfront` client."""

    def create_invalidation(
        self,
        *,
        DistributionId: str,  # noqa: N803 - AWS's own name
        InvalidationBatch: Mapping[str, Any],  # noqa: N803 - AWS's own name
    ) -> AwsResponse:
        """https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html."""
        ...


@frozen(kw_only=True)
class EdgeCache:
    """The cache of the sites' distribution.

    Attributes:
        client: Makes the CloudFront client, which is needed once per generation.
        distribution_id: The distribution's id.
        store: Where the generation of what the edge keeps is noted.
    """

    client: Callable[[], CloudFrontClient] = field(repr=False)
    distribution_id: str
    store: EdgeStore

    def invalidate_once(self, log: Log, *, at: datetime) -> None:
        """Invalidate everything that an older generation left in the cache. Repeatable.

        If AWS is busy, the next call tries again.

        Args:
            log: For what happens.
            at: Now. It makes the reference of the invalidation new, because CloudFront refuses a used one.

        Raises:
            ClientError: AWS refuses the invalidation for a reason that does not pass by itself.
        """
        try:
            if self.store.read(GENERATION_KEY) != GENERATION:
                self._invalidate(at)
                log.info("the edge's cache was invalidated", generation=GENERATION)
        except (BotoCoreError, ClientError, EdgeBusyError) as error:
            if isinstance(error, ClientError) and not is_retryable(error):
                raise
            log.warning("the invalidation is left to the next run", reason=type(error).__name__)

    def _invalidate(self, at: datetime) -> None:
        self.client().create_invalidation(
            DistributionId=self.distribution_id,
            InvalidationBatch={
                "CallerReference": f"generation-{GENERATION}-{format_time(at)}",
                "Paths": {"Quantity": 1, "Items": [_EVERYTHING]},
            },
        )
        self.store.write(GENERATION_KEY, GENERATION)
