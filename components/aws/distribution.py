"""What distributions have in common: how they read a bucket, what they keep of errors, whom they answer."""

from collections.abc import Sequence
from typing import Final

import pulumi_aws as aws

from components.core.component import Component, Part

EVERYWHERE: Final = aws.cloudfront.DistributionRestrictionsArgs(
    geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
)
"""No country is left out. CloudFront wants it said."""


def bucket_access(owner: Component | Part, name: str, *, called: str) -> aws.cloudfront.OriginAccessControl:
    """Make the signature by which a distribution reads a bucket that is closed to everybody else.

    Args:
        owner: What the distribution belongs to.
        name: The resource's name.
        called: The signature's name after the stage's prefix.
    """
    return aws.cloudfront.OriginAccessControl(
        name,
        name=f"{owner.stage.prefix}-{called}",
        origin_access_control_origin_type="s3",
        signing_behavior="always",
        signing_protocol="sigv4",
        opts=owner.inside,
    )


def unkept_errors(statuses: Sequence[int]) -> list[aws.cloudfront.DistributionCustomErrorResponseArgs]:
    """Have answers of these statuses not kept: unless told so, CloudFront keeps one for ten seconds."""
    return [
        aws.cloudfront.DistributionCustomErrorResponseArgs(error_code=status, error_caching_min_ttl=0)
        for status in statuses
    ]
