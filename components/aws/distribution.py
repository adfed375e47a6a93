"""Helpers that all CloudFront distributions use."""

from collections.abc import Sequence
from typing import Final

import pulumi_aws as aws

from components.core.component import Component, Part

NO_GEO_RESTRICTION: Final = aws.cloudfront.DistributionRestrictionsArgs(
    geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
)
"""Allows viewers in all countries. CloudFront requires a value for this setting."""


def create_origin_access_control(
    owner: Component | Part, name: str, *, suffix: str
) -> aws.cloudfront.OriginAccessControl:
    """Create the origin access control that lets a distribution read a private bucket.

    Args:
        owner: Component that the distribution belongs to.
        name: Name of the Pulumi resource.
        suffix: Part of the origin access control's name after the scope's prefix.
    """
    return aws.cloudfront.OriginAccessControl(
        name,
        name=f"{owner.scope.prefix}-{suffix}",
        origin_access_control_origin_type="s3",
        signing_behavior="always",
        signing_protocol="sigv4",
        opts=owner.child_opts,
    )


def build_uncached_error_responses(
    statuses: Sequence[int],
) -> list[aws.cloudfront.DistributionCustomErrorResponseArgs]:
    """Return error settings for these statuses. They stop CloudFront from caching errors for 10 seconds."""
    return [
        aws.cloudfront.DistributionCustomErrorResponseArgs(error_code=status, error_caching_min_ttl=0)
        for status in statuses
    ]
