"""What the shared distribution caches by, and which headers it adds (D8)."""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.stage import StageConfig
from runtime.deploy.releases.build_output.shared_cache import (
    CACHE_HEADER,
    IMAGE_KEY_HEADERS,
    PAGE_KEY_HEADERS,
)

# In every cache key; the viewer-request function sets them, viewers cannot. With the release and the
# viewer's host, a new release needs no invalidation, and no site is answered with another's page.
# CACHE_HEADER is unique for each request whose answer may not be shared: CloudFront gives it to nobody else,
# whatever the origin says. A maximum of zero seconds would not do: CloudFront then takes no headers into the
# key and compresses nothing.
_EVERY_KEY: Final = ("x-anchor-release", CACHE_HEADER, "x-forwarded-host")
_PREVIEW_COOKIE: Final = "__prerender_bypass"
_YEAR: Final = 31_536_000


@attrs.frozen(kw_only=True)
class EdgePoliciesArgs:
    """What the policies are made of.

    Attributes:
        stage: The stage they belong to.
    """

    stage: StageConfig


class EdgePolicies(Part):
    """The cache policies and the response headers policy of a distribution.

    Attributes:
        pages: The id of the cache policy for what a site's server renders.
        images: The id of the cache policy for optimised images, which differ by the types a browser accepts.
        hashed: The id of the cache policy for files with a hash in their name.
        headers: The id of the response headers policy.
    """

    def __init__(self, args: EdgePoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.stage, opts)
        self.pages = self._cache(
            # CloudFront allows ten headers in a cache key.
            "pages",
            headers=(*_EVERY_KEY, *PAGE_KEY_HEADERS),
            cookies=(_PREVIEW_COOKIE,),
            queries=True,
        )
        self.images = self._cache(
            "images", headers=(*_EVERY_KEY, *IMAGE_KEY_HEADERS), cookies=(), queries=True
        )
        self.hashed = self._cache("hashed", headers=_EVERY_KEY, cookies=(), queries=False)
        self.headers = self._security_headers()

    def _cache(
        self, name: str, *, headers: tuple[str, ...], cookies: tuple[str, ...], queries: bool
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
                query_string_behavior="all" if queries else "none"
            ),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        )
        return aws.cloudfront.CachePolicy(
            name,
            name=f"{self.stage.prefix}-{name}",
            # Nothing is kept without a time: the wrapper of the release's functions writes it
            # (runtime/deploy/releases/origin/anchor-cache-control.mjs).
            min_ttl=0,
            default_ttl=0,
            max_ttl=_YEAR,
            parameters_in_cache_key_and_forwarded_to_origin=key,
            opts=self.inside,
        ).id

    def _security_headers(self) -> pulumi.Output[str]:
        """Headers for every answer. Where a site sends its own, that one is kept, but for TLS."""
        return aws.cloudfront.ResponseHeadersPolicy(
            "security",
            name=f"{self.stage.prefix}-security",
            security_headers_config=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigArgs(
                strict_transport_security=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                    access_control_max_age_sec=_YEAR, include_subdomains=False, override=True
                ),
                content_type_options=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(
                    override=True
                ),
                frame_options=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
                    frame_option="SAMEORIGIN", override=False
                ),
                referrer_policy=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
                    referrer_policy="strict-origin-when-cross-origin", override=False
                ),
            ),
            opts=self.inside,
        ).id
