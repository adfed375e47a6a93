"""SharedEdge: the one distribution in front of every site of a stage, and the store of where hosts lead."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.distribution import EVERYWHERE, bucket_access, unkept_errors
from components.aws.distribution_domain import EdgeDomain, EdgeDomainArgs
from components.core.component import Component
from components.core.errors import DeclarationError
from components.core.grants import Grant
from components.core.stage import StageConfig
from components.edge.policies import EdgePolicies, EdgePoliciesArgs

StoreAction = Literal["DescribeKeyValueStore", "GetKey", "PutKey", "UpdateKeys"]

VIEWER_REQUEST: Final = Path(__file__).with_name("viewer-request.js")
VIEWER_RESPONSE: Final = Path(__file__).with_name("viewer-response.js")
_LARGEST_FUNCTION: Final = 10_240
# AWS's own policy "AllViewerExceptHostHeader": a function URL answers only to its own host.
_ALL_VIEWER_EXCEPT_HOST: Final = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


@attrs.frozen(kw_only=True)
class SharedEdgeArgs:
    """What the edge is made of.

    Attributes:
        stage: The stage it belongs to.
        assets_domain: Where CloudFront finds the assets bucket.
        viewer_request: The file with the CloudFront Function that leads a request to its origin.
        viewer_response: The file with the CloudFront Function that writes the visitor's Cache-Control.

    Raises:
        DeclarationError: A function is larger than CloudFront takes.
    """

    stage: StageConfig
    assets_domain: pulumi.Input[str]
    viewer_request: Path = VIEWER_REQUEST
    viewer_response: Path = VIEWER_RESPONSE

    def __attrs_post_init__(self) -> None:
        for file in (self.viewer_request, self.viewer_response):
            size = file.stat().st_size
            if size > _LARGEST_FUNCTION:
                raise DeclarationError(f"{file} has {size} bytes; CloudFront allows {_LARGEST_FUNCTION}")


class SharedEdge(Component):
    """The distribution. New sites and new releases never touch it: they are keys in its store.

    Attributes:
        distribution_arn: The distribution's ARN, which the assets bucket lets in.
        distribution_id: Its id.
        domain_name: Its own domain name.
        store_arn: The ARN of the KeyValueStore.
    """

    def __init__(self, name: str, args: SharedEdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shared_edge", name, args.stage, opts)
        stage = args.stage
        store = aws.cloudfront.KeyValueStore(name, name=f"{stage.prefix}-{name}", opts=self.kept)
        function = aws.cloudfront.Function(
            name,
            name=f"{stage.prefix}-viewer-request",
            runtime="cloudfront-js-2.0",
            code=args.viewer_request.read_text(encoding="utf-8"),
            key_value_store_associations=[store.arn],
            publish=True,
            opts=self.inside,
        )
        response_function = aws.cloudfront.Function(
            f"{name}-response",
            name=f"{stage.prefix}-viewer-response",
            runtime="cloudfront-js-2.0",
            code=args.viewer_response.read_text(encoding="utf-8"),
            publish=True,
            opts=self.inside,
        )
        # Hashed files have one Cache-Control for caches and visitors: a second call for each would cost as
        # much as the first one and change nothing.
        for_files = {"viewer-request": function.arn}
        functions = {**for_files, "viewer-response": response_function.arn}
        policies = EdgePolicies(EdgePoliciesArgs(stage=stage), self.inside)
        access = bucket_access(self, name, called="assets")
        domain = EdgeDomain(
            name,
            EdgeDomainArgs(stage=stage, host=stage.domain, zone=stage.hosted_zone_id, wildcard=True),
            opts=self.inside,
        )
        distribution = aws.cloudfront.Distribution(
            name,
            comment=f"Sites of {stage.prefix}",
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            # Without South America and Oceania, which cost most.
            price_class="PriceClass_200",
            aliases=list(domain.aliases) or None,
            viewer_certificate=domain.viewer_certificate,
            origins=[
                # The function chooses it by this id for what lies in the bucket.
                aws.cloudfront.DistributionOriginArgs(
                    origin_id="assets", domain_name=args.assets_domain, origin_access_control_id=access.id
                ),
                _SERVER,
            ],
            default_cache_behavior=_default_behaviour(policies, functions),
            ordered_cache_behaviors=[
                _behaviour("/_next/static/*", policies.hashed, policies, for_files),
                _behaviour("/_next/image*", policies.images, policies, functions),
                # Of sites with a base path. Their hashed files need none: the function leaves nothing of such
                # a request that would be in another cache key.
                _behaviour("/*/_next/image*", policies.images, policies, functions),
            ],
            # A site's error is not the next visitor's.
            custom_error_responses=unkept_errors(_ERRORS),
            restrictions=EVERYWHERE,
            # Production keeps it: records point to its own name, which without a domain is the site's host.
            opts=self.kept,
        )
        domain.point_to(distribution)
        self.distribution_arn = distribution.arn
        self.distribution_id = distribution.id
        self.domain_name = distribution.domain_name
        self.store_arn = store.arn
        self.register_outputs({"domainName": distribution.domain_name, "storeArn": store.arn})

    def host_of(self, site: str) -> pulumi.Input[str]:
        """The host under which a site is served."""
        return f"{site}.{self.stage.domain}" if self.stage.domain else self.domain_name

    def grant_invalidate(self) -> Grant:
        """Allow invalidating what this distribution keeps."""
        return Grant(actions=("cloudfront:CreateInvalidation",), resources=(self.distribution_arn,))

    def grant(self, *actions: StoreAction) -> Grant:
        """Allow `actions` on the keys of the store."""
        return Grant(
            actions=tuple(f"cloudfront-keyvaluestore:{action}" for action in actions),
            resources=(self.store_arn,),
        )


_ERRORS: Final = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
"""The status codes CloudFront keeps by itself, as its Developer Guide lists them."""

# Where every request goes that the function leaves alone, and what gives protocol and timeouts when it names
# the function URL of a release instead. Nothing answers at this address, by RFC 2606.
_SERVER: Final = aws.cloudfront.DistributionOriginArgs(
    origin_id="server",
    domain_name="no-release.invalid",
    custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
        http_port=80,
        https_port=443,
        origin_protocol_policy="https-only",
        origin_ssl_protocols=["TLSv1.2"],
        # Longer than the server function may take, so that its own answer to a timeout is what a viewer sees.
        origin_read_timeout=60,
        origin_keepalive_timeout=60,
    ),
)
_VIEWER_PROTOCOL: Final = "redirect-to-https"


def _default_behaviour(
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


def _behaviour(
    path: str,
    cache_policy: pulumi.Input[str],
    policies: EdgePolicies,
    functions: Mapping[str, pulumi.Input[str]],
) -> aws.cloudfront.DistributionOrderedCacheBehaviorArgs:
    """A path with a cache key of its own; all else is as by default, so that it can go to the server too."""
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
