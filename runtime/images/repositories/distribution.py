"""Cache invalidation of the CloudFront distribution in front of the images bucket."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from attrs import field, frozen
from botocore.exceptions import ClientError

from runtime.images.errors import ImageStillCachedError
from runtime.shared.aws import CloudFrontClient

_RETRYABLE_CODES: Final = frozenset({"Throttling", "TooManyInvalidationsInProgress"})


@frozen(kw_only=True)
class ImageDistribution:
    """The distribution's caches.

    An invalidation completes within minutes. A distribution has at most 3,000 paths in progress at once
    ("Concurrent invalidation request maximum" in CloudFront's developer guide). An account's first 1,000
    paths of a month are free, and each further path costs 0.005 USD ("Pay for file invalidation"). So this
    service makes an invalidation only when a delivered image is deleted. An invalidation does not change the
    caches of browsers: these keep the image until it expires there.

    Attributes:
        client: Creates the CloudFront client. Few requests need it, so it is created when needed.
        distribution_id: Id of the distribution.
    """

    client: Callable[[], CloudFrontClient] = field(repr=False)
    distribution_id: str

    def invalidate(self, key: str, *, reference: str) -> None:
        """Remove an object from the caches.

        Args:
            key: Key of the object. Delete the object first. Otherwise the caches would read it again.
            reference: Id that only this call uses. By CloudFront's API reference, a call with a repeated
                reference returns the first invalidation. An object that was cached since then would stay.
                In practice, CloudFront can also refuse a repeated reference (aws/aws-cdk#3878).

        Raises:
            ImageStillCachedError: CloudFront accepts no more invalidations at the moment.
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
