"""Cache policies and the response headers policy of the shared distribution."""

from typing import Final

import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.scope import ResourceScope
from runtime.deploy.releases.build_output.shared_cache import (
    CACHE_HEADER,
    IMAGE_KEY_HEADERS,
    PAGE_KEY_HEADERS,
)

# Headers in every cache key. The viewer-request function sets them; viewers cannot set them. The headers for
# the release and the host separate the pages of sites, and make invalidations after a release unnecessary.
# CACHE_HEADER has a unique value for each request whose response must not be shared. CloudFront therefore
# cannot reuse that response, even if the origin's Cache-Control allows it. A max_ttl of zero would not be an
# alternative: CloudFront would then use no headers in the cache key and would not compress responses.
_EVERY_KEY: Final = ("x-anchor-release", CACHE_HEADER, "x-forwarded-host")
_PREVIEW_COOKIE: Final = "__prerender_bypass"
_YEAR: Final = 31_536_000


class EdgePolicies(Part):
    """The cache policies and the response headers policy of a distribution.

    Attributes:
        pages: Id of the cache policy for pages.
        images: Id of the cache policy for optimized images. Its cache key contains the image types that the
            browser accepts.
        hashed: Id of the cache policy for files with a hash in their name.
        headers: Id of the response headers policy.
    """

    def __init__(self, *, scope: ResourceScope, opts: pulumi.ResourceOptions) -> None:
        super().__init__(scope, opts)
        self.pages = self._create_cache_policy(
            "pages",
            # CloudFront allows at most ten headers in a cache key.
            headers=(*_EVERY_KEY, *PAGE_KEY_HEADERS),
            cookies=(_PREVIEW_COOKIE,),
            query_strings=True,
        )
        self.images = self._create_cache_policy(
            "images", headers=(*_EVERY_KEY, *IMAGE_KEY_HEADERS), cookies=(), query_strings=True
        )
        self.hashed = self._create_cache_policy("hashed", headers=_EVERY_KEY, cookies=(), query_strings=False)
        self.headers = self._create_headers_policy()

    def _create_cache_policy(
        self, name: str, *, headers: tuple[str, ...], cookies: tuple[str, ...], query_strings: bool
    ) -> pulumi.Output[str]:
        key = aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginArgs(
            headers_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs(
                header_behavior="whitelist",
                headers=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigHeadersArgs(
                    items=list(headers)
                ),
            ),
            cookies_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs(
                cookie_behavior="whitelist" if cookies else "none",
                cookies=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigCookiesArgs(
                    items=list(cookies)
                )
                if cookies
                else None,
            ),
            query_strings_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs(
                query_string_behavior="all" if query_strings else "none"
            ),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        )
        return aws.cloudfront.CachePolicy(
            name,
            name=f"{self.scope.prefix}-{name}",
            # With a default_ttl of zero, CloudFront does not cache responses without Cache-Control. The
            # wrapper of the release's functions sets that header
            # (runtime/deploy/releases/origin/anchor-cache-control.mjs).
            min_ttl=0,
            default_ttl=0,
            max_ttl=_YEAR,
            parameters_in_cache_key_and_forwarded_to_origin=key,
            opts=self.child_opts,
        ).id

    def _create_headers_policy(self) -> pulumi.Output[str]:
        """Create the policy that adds Strict-Transport-Security to responses without this header.

        This header changes nothing for visitors, because the distribution redirects HTTP to HTTPS. Other
        security headers could break a site, for example a site that another site shows in a frame.
        """
        return aws.cloudfront.ResponseHeadersPolicy(
            "security",
            name=f"{self.scope.prefix}-security",
            security_headers_config=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigArgs(
                strict_transport_security=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                    access_control_max_age_sec=_YEAR, include_subdomains=False, override=False
                ),
            ),
            opts=self.child_opts,
        ).id
