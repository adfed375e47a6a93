"""ImageDelivery: the distribution in front of the images bucket (I3)."""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.bucket import RetainedBucket
from components.aws.distribution import EVERYWHERE, bucket_access, unkept_errors
from components.aws.distribution_domain import EdgeDomain, EdgeDomainArgs
from components.core.component import Part
from components.core.grants import Grant
from components.core.stage import StageConfig

_DAY: Final = 86_400
_YEAR: Final = 365 * _DAY
_METHODS: Final = ("GET", "HEAD")
# What S3 answers for who may not list: a missing image. It can be uploaded the next moment.
_ERRORS: Final = (403, 404)
# An image is a stranger's file, and an SVG can hold scripts: whoever opens one runs none of them.
_CONTENT_SECURITY_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@attrs.frozen(kw_only=True)
class ImageDeliveryArgs:
    """What the delivery is made of.

    Attributes:
        stage: The stage it belongs to, with the origins whose pages may read images.
        bucket: Where the images are; declared as served.
        under: The prefix of their keys. A request's path is the key.
    """

    stage: StageConfig
    bucket: RetainedBucket
    under: str


class ImageDelivery(Part):
    """A distribution that reads the bucket and nothing else, and is the only one that may.

    Attributes:
        distribution_id: Its id.
        domain_name: Its own domain name.
        url: The URL under which the images are, without a slash at the end.
    """

    def __init__(
        self, name: str, args: ImageDeliveryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(args.stage, opts)
        stage = args.stage
        host = stage.image_hosts[1] if stage.image_hosts else None
        domain = EdgeDomain(
            name, EdgeDomainArgs(stage=stage, host=host, zone=stage.images.hosted_zone_id), self.inside
        )
        access = bucket_access(self, name, called=name)
        distribution = aws.cloudfront.Distribution(
            name,
            comment=f"Images of {stage.prefix}",
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
                cache_policy_id=self._cache_policy(name),
                response_headers_policy_id=self._headers_policy(name),
            ),
            custom_error_responses=unkept_errors(_ERRORS),
            restrictions=EVERYWHERE,
            # Production keeps it: its name stands in the pages that show the images.
            opts=self.kept,
        )
        domain.point_to(distribution)
        args.bucket.serve(distribution_arn=distribution.arn, under=args.under)
        self.distribution_id = distribution.id
        self._arn = distribution.arn
        self.domain_name = distribution.domain_name
        self.url = stage.url_of(host or distribution.domain_name)

    def grant_invalidate(self) -> Grant:
        """Allow having this distribution's caches drop what they keep."""
        return Grant(actions=("cloudfront:CreateInvalidation",), resources=(self._arn,))

    def _cache_policy(self, name: str) -> pulumi.Output[str]:
        """The path alone is the key: what is under a path never changes."""
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
            name=f"{self.stage.prefix}-{name}",
            min_ttl=0,
            default_ttl=_DAY,
            max_ttl=_YEAR,
            parameters_in_cache_key_and_forwarded_to_origin=key,
            opts=self.inside,
        ).id

    def _headers_policy(self, name: str) -> pulumi.Output[str]:
        return aws.cloudfront.ResponseHeadersPolicy(
            name,
            name=f"{self.stage.prefix}-{name}",
            cors_config=aws.cloudfront.ResponseHeadersPolicyCorsConfigArgs(
                access_control_allow_credentials=False,
                access_control_allow_origins=aws.cloudfront.ResponseHeadersPolicyCorsConfigAccessControlAllowOriginsArgs(
                    items=list(self.stage.images.cors_origins)
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
            opts=self.inside,
        ).id
