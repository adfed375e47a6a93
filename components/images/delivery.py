"""ImageDelivery: the distribution in front of the images bucket."""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.bucket import RetainedBucket
from components.aws.distribution import (
    NO_GEO_RESTRICTION,
    build_uncached_error_responses,
    create_origin_access_control,
)
from components.aws.distribution_domain import DistributionDomain, DistributionDomainArgs
from components.core.component import Part
from components.core.grants import Grant
from components.core.hosts import build_url
from components.core.scope import ResourceScope

_DAY: Final = 86_400
_YEAR: Final = 365 * _DAY
_METHODS: Final = ("GET", "HEAD")
# CloudFront must not cache these errors. S3 answers 403 for a missing image, but the image can be ready a
# moment later.
_ERRORS: Final = (403, 404)
# Images are untrusted, and an SVG can contain scripts. This policy stops a browser from running them.
_CONTENT_SECURITY_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@attrs.frozen(kw_only=True)
class ImageDeliveryArgs:
    """Arguments of `ImageDelivery`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        bucket: Images bucket, declared with `read_by_distribution`.
        prefix: Key prefix of the images. The path of a request is the key.
        cors_origins: Origins of the web pages that may read images.
        host: Custom host, or None.
        hosted_zone_id: Id of the Route 53 zone of `host`.
        url_pattern: URL of an image's host. `{host}` is replaced by the host.
    """

    scope: ResourceScope
    bucket: RetainedBucket
    prefix: str
    cors_origins: tuple[str, ...]
    host: str | None
    hosted_zone_id: str | None
    url_pattern: str


class ImageDelivery(Part):
    """The distribution that delivers the images. Visitors cannot read the images bucket directly.

    Attributes:
        distribution_id: Distribution id.
        domain_name: Domain name that AWS assigned.
        url: Base URL of the images, without a trailing slash.
    """

    def __init__(
        self, name: str, args: ImageDeliveryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(args.scope, opts)
        scope = args.scope
        self._cors_origins = args.cors_origins
        domain = DistributionDomain(
            name,
            DistributionDomainArgs(scope=scope, host=args.host, zone_id=args.hosted_zone_id),
            self.child_opts,
        )
        access = create_origin_access_control(self, name, suffix=name)
        distribution = aws.cloudfront.Distribution(
            name,
            comment=f"Images of {scope.prefix}",
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2",
            price_class="PriceClass_100",
            aliases=list(domain.aliases) or None,
            viewer_certificate=domain.viewer_certificate,
            origins=[
                aws.cloudfront.DistributionOriginArgs(
                    origin_id="images",
                    domain_name=args.bucket.domain_name,
                    origin_access_control_id=access.id,
                )
            ],
            default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
                target_origin_id="images",
                viewer_protocol_policy="redirect-to-https",
                allowed_methods=list(_METHODS),
                cached_methods=list(_METHODS),
                compress=True,
                cache_policy_id=self._create_cache_policy(name),
                response_headers_policy_id=self._create_headers_policy(name),
            ),
            custom_error_responses=build_uncached_error_responses(_ERRORS),
            restrictions=NO_GEO_RESTRICTION,
            # The distribution is retained like data, because pages that show images contain its domain name.
            opts=self.retained_child_opts,
        )
        domain.create_alias_records(distribution)
        args.bucket.allow_distribution(distribution_arn=distribution.arn, prefix=args.prefix)
        self.distribution_id = distribution.id
        self._arn = distribution.arn
        self.domain_name = distribution.domain_name
        self.url = build_url(args.url_pattern, args.host or distribution.domain_name)

    def grant_invalidate(self) -> Grant:
        """Allow creating invalidations of this distribution."""
        return Grant(actions=("cloudfront:CreateInvalidation",), resources=(self._arn,))

    def _create_cache_policy(self, name: str) -> pulumi.Output[str]:
        """Create the cache policy. Its key is only the path, because the object at a path never changes."""
        key = aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginArgs(
            headers_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs(
                header_behavior="none"
            ),
            cookies_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs(
                cookie_behavior="none"
            ),
            query_strings_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs(
                query_string_behavior="none"
            ),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        )
        return aws.cloudfront.CachePolicy(
            name,
            name=f"{self.scope.prefix}-{name}",
            min_ttl=0,
            default_ttl=_DAY,
            max_ttl=_YEAR,
            parameters_in_cache_key_and_forwarded_to_origin=key,
            opts=self.child_opts,
        ).id

    def _create_headers_policy(self, name: str) -> pulumi.Output[str]:
        return aws.cloudfront.ResponseHeadersPolicy(
            name,
            name=f"{self.scope.prefix}-{name}",
            cors_config=aws.cloudfront.ResponseHeadersPolicyCorsConfigArgs(
                access_control_allow_credentials=False,
                access_control_allow_origins=aws.cloudfront.ResponseHeadersPolicyCorsConfigAccessControlAllowOriginsArgs(
                    items=list(self._cors_origins)
                ),
                access_control_allow_methods=aws.cloudfront.ResponseHeadersPolicyCorsConfigAccessControlAllowMethodsArgs(
                    items=list(_METHODS)
                ),
                access_control_allow_headers=aws.cloudfront.ResponseHeadersPolicyCorsConfigAccessControlAllowHeadersArgs(
                    items=["Range"]
                ),
                access_control_expose_headers=aws.cloudfront.ResponseHeadersPolicyCorsConfigAccessControlExposeHeadersArgs(
                    items=["ETag"]
                ),
                access_control_max_age_sec=_DAY,
                origin_override=True,
            ),
            security_headers_config=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigArgs(
                content_security_policy=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigContentSecurityPolicyArgs(
                    content_security_policy=_CONTENT_SECURITY_POLICY, override=True
                ),
                content_type_options=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(
                    override=True
                ),
                strict_transport_security=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                    access_control_max_age_sec=_YEAR, include_subdomains=False, override=True
                ),
            ),
            opts=self.child_opts,
        ).id
