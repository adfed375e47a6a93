# ruff: noqa: D102, N803 - the client's parameters are AWS's own, documented there
"""The distribution in front of the images bucket: what its caches keep of an image, and for how long."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

from attrs import field, frozen
from botocore.exceptions import ClientError

from runtime.images.errors import ImageStillCachedError
from runtime.shared.aws import AwsResponse

_RETRYABLE_CODES: Final = frozenset({"Throttling", "TooManyInvalidationsInProgress"})


class CloudFrontClient(Protocol):
    """Calls of the `cloudfront` client."""

    def create_invalidation(self, *, DistributionId: str, InvalidationBatch: Mapping[str, Any]) -> AwsResponse: ...


@frozen(kw_only=True)
class ImageDistribution:
    """The distribution's caches.

    An invalidation is through within minutes at most. A distribution has at most 3,000 paths under way at a
    time ("Concurrent invalidation request maximum" in CloudFront's developer guide). The first 1,000 paths of
    a month are free for the whole account, each further one costs 0.005 USD ("Pay for file invalidation"): so
    it is asked only where an image that was delivered is deleted. What is in a visitor's own browser stays
    there until it expires.

    Attributes:
        client: Makes the CloudFront client. Few requests need it, so that no other waits for it.
        distribution_id: The distribution's id.
    """

    client: Callable[[], CloudFrontClient] = field(repr=False)
    distribution_id: str

    def invalidate(self, key: str, *, reference: str) -> None:
        """Have the caches drop an object.

        Args:
            key: The object's; it is gone, or the caches would fetch it again.
            reference: New for each call. CloudFront's API reference says that it answers a repeated request
                with the first one's invalidation; in fact it has been seen to refuse it (aws/aws-cdk#3878),
                and what was cached between the two would stay.

        Raises:
            ImageStillCachedError: CloudFront takes no more at the moment.
        """
        paths = [f"/{key}"]
        try:
            self.client().create_invalidation(
                DistributionId=self.distribution_id,
                InvalidationBatch={
                    "CallerReference": reference,
                    "Paths": {"Quantity": len(paths), "Items": paths},
                },
            )
        except ClientError as error:
            response = cast("Mapping[str, Any]", error.response)
            if response["Error"].get("Code") in _RETRYABLE_CODES:
                raise ImageStillCachedError from None
            raise
