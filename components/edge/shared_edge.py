"""SharedEdge: the distribution of all sites, and the KeyValueStore that maps hosts to releases."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.distribution import (
    NO_GEO_RESTRICTION,
    build_uncached_error_responses,
    create_origin_access_control,
)
from components.aws.distribution_domain import DistributionDomain, DistributionDomainArgs
from components.core.component import Component
from components.core.grants import Grant
from components.core.scope import ResourceScope
from components.edge.function_code import read_function_code
from components.edge.policies import EdgePolicies

StoreAction = Literal["DescribeKeyValueStore", "GetKey", "PutKey", "UpdateKeys"]

VIEWER_REQUEST: Final = Path(__file__).with_name("viewer-request.js")
VIEWER_RESPONSE: Final = Path(__file__).with_name("viewer-response.js")
# AWS managed policy "AllViewerExceptHostHeader". A function URL accepts only its own host name.
_ALL_VIEWER_EXCEPT_HOST: Final = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


@attrs.frozen(kw_only=True)
class SharedEdgeArgs:
    """Arguments of `SharedEdge`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        assets_domain: Domain name of the assets bucket.
        domain: Parent domain of the sites: a site's host is `<site>.<domain>`. Without it, there is one site,
            on the host name that AWS assigns to the distribution.
        hosted_zone_id: Id of the Route 53 zone for the certificate and the records of `domain`.
        viewer_request: File of the CloudFront Function that selects the origin of a request.
        viewer_response: File of the CloudFront Function that writes the visitor's Cache-Control.

    Raises:
        DeclarationError: A function is larger than CloudFront allows.
    """

    scope: ResourceScope
    assets_domain: pulumi.Input[str]
    domain: str | None = None
    hosted_zone_id: str | None = None
    viewer_request: Path = VIEWER_REQUEST
    viewer_response: Path = VIEWER_RESPONSE

    def __attrs_post_init__(self) -> None:
        for file in (self.viewer_request, self.viewer_response):
            read_function_code(file)


class SharedEdge(Component):
    """The distribution of all sites. A new site or release only adds keys to its KeyValueStore.

    Attributes:
        distribution_arn: Distribution ARN.
        distribution_id: Distribution id.
        domain_name: Domain name that AWS assigned.
        store_arn: ARN of the KeyValueStore.
    """

    def __init__(self, name: str, args: SharedEdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shared_edge", name, args.scope, opts)
        scope = args.scope
        store = aws.cloudfront.KeyValueStore(
            name, name=f"{scope.prefix}-{name}", opts=self.retained_child_opts
        )
        function = aws.cloudfront.Function(
            name,
            name=f"{scope.prefix}-viewer-request",
            runtime="cloudfront-js-2.0",
            code=read_function_code(args.viewer_request),
            key_value_store_associations=[store.arn],
            publish=True,
            opts=self.child_opts,
        )
        response_function = aws.cloudfront.Function(
            f"{name}-response",
            name=f"{scope.prefix}-viewer-response",
            runtime="cloudfront-js-2.0",
            code=read_function_code(args.viewer_response),
            publish=True,
            opts=self.child_opts,
        )
        # Hashed files get no viewer-response function, because their Cache-Control is the same for caches and
        # visitors. The function would change nothing and would cost as much as the viewer-request function.
        hashed_functions = {"viewer-request": function.arn}
        functions = {**hashed_functions, "viewer-response": response_function.arn}
        policies = EdgePolicies(scope=scope, opts=self.child_opts)
        access = create_origin_access_control(self, name, suffix="assets")
        domain = DistributionDomain(
            name,
            DistributionDomainArgs(scope=scope, host=args.domain, zone_id=args.hosted_zone_id, wildcard=True),
            opts=self.child_opts,
        )
        distribution = aws.cloudfront.Distribution(
            name,
            comment=f"Sites of {scope.prefix}",
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            # The distribution uses all edge locations except those in South America and Oceania, which are
            # the most expensive ones.
            price_class="PriceClass_200",
            aliases=list(domain.aliases) or None,
            viewer_certificate=domain.viewer_certificate,
            origins=[
                # The viewer-request function selects this origin by its id.
                aws.cloudfront.DistributionOriginArgs(
                    origin_id="assets", domain_name=args.assets_domain, origin_access_control_id=access.id
                ),
                _SERVER,
            ],
            default_cache_behavior=_build_default_behavior(policies, functions),
            ordered_cache_behaviors=[
                _build_path_behavior("/_next/static/*", policies.hashed, policies, hashed_functions),
                _build_path_behavior("/_next/image*", policies.images, policies, functions),
                # This behavior is for sites with a base path. Their hashed files need no additional behavior:
                # the viewer-request function removes everything from requests for these files that could
                # change the cache key.
                _build_path_behavior("/*/_next/image*", policies.images, policies, functions),
            ],
            # CloudFront must not serve the error response for one visitor to the next visitor.
            custom_error_responses=build_uncached_error_responses(_ERRORS),
            restrictions=NO_GEO_RESTRICTION,
            # The distribution is retained like data, because DNS records point to its domain name. Without a
            # domain, this domain name is the site's host.
            opts=self.retained_child_opts,
        )
        domain.create_alias_records(distribution)
        self._domain = args.domain
        self.distribution_arn = distribution.arn
        self.distribution_id = distribution.id
        self.domain_name = distribution.domain_name
        self.store_arn = store.arn
        self.register_outputs({"domainName": distribution.domain_name, "storeArn": store.arn})

    def get_site_host(self, site: str) -> pulumi.Input[str]:
        """Return the host of a site."""
        return f"{site}.{self._domain}" if self._domain else self.domain_name

    def grant_invalidate(self) -> Grant:
        """Allow creating invalidations of this distribution."""
        return Grant(actions=("cloudfront:CreateInvalidation",), resources=(self.distribution_arn,))

    def grant(self, *actions: StoreAction) -> Grant:
        """Allow actions on the keys of the KeyValueStore."""
        return Grant(
            actions=tuple(f"cloudfront-keyvaluestore:{action}" for action in actions),
            resources=(self.store_arn,),
        )


_ERRORS: Final = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
"""Status codes that CloudFront caches by default, as listed in its Developer Guide."""

# Default origin. The viewer-request function replaces its domain name with the host of a function URL. The
# request keeps the protocol and timeouts of this origin. This domain name can never exist (RFC 2606).
_SERVER: Final = aws.cloudfront.DistributionOriginArgs(
    origin_id="server",
    domain_name="no-release.invalid",
    custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
        http_port=80,
        https_port=443,
        origin_protocol_policy="https-only",
        origin_ssl_protocols=["TLSv1.2"],
        # Longer than the timeout of the server function, so that viewers receive the function's own timeout
        # response.
        origin_read_timeout=60,
        origin_keepalive_timeout=60,
    ),
)
_VIEWER_PROTOCOL: Final = "redirect-to-https"


def _build_default_behavior(
    policies: EdgePolicies, functions: Mapping[str, pulumi.Input[str]]
) -> aws.cloudfront.DistributionDefaultCacheBehaviorArgs:
    return aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
        target_origin_id="server",
        viewer_protocol_policy=_VIEWER_PROTOCOL,
        allowed_methods=list(_METHODS),
        cached_methods=["GET", "HEAD"],
        compress=True,
        cache_policy_id=policies.pages,
        origin_request_policy_id=_ALL_VIEWER_EXCEPT_HOST,
        response_headers_policy_id=policies.headers,
        function_associations=[
            aws.cloudfront.DistributionDefaultCacheBehaviorFunctionAssociationArgs(
                event_type=event_type, function_arn=arn
            )
            for event_type, arn in functions.items()
        ],
    )


def _build_path_behavior(
    path: str,
    cache_policy: pulumi.Input[str],
    policies: EdgePolicies,
    functions: Mapping[str, pulumi.Input[str]],
) -> aws.cloudfront.DistributionOrderedCacheBehaviorArgs:
    """Return the cache behavior for a path pattern.

    It differs from the default behavior only in the cache policy and the edge functions. Its origin is
    `server`, too, because the viewer-request function can send these requests to a function URL.
    """
    return aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
        path_pattern=path,
        target_origin_id="server",
        viewer_protocol_policy=_VIEWER_PROTOCOL,
        allowed_methods=list(_METHODS),
        cached_methods=["GET", "HEAD"],
        compress=True,
        cache_policy_id=cache_policy,
        origin_request_policy_id=_ALL_VIEWER_EXCEPT_HOST,
        response_headers_policy_id=policies.headers,
        function_associations=[
            aws.cloudfront.DistributionOrderedCacheBehaviorFunctionAssociationArgs(
                event_type=event_type, function_arn=arn
            )
            for event_type, arn in functions.items()
        ],
    )
