"""One Next.js site: a push to its repository is built, released without downtime and served by CloudFront."""

import pulumi
from anchor_deploy import (
    BuildPipeline,
    BuildPipelineArgs,
    DependencyLayers,
    DependencyLayersArgs,
    DeployFunctionFactory,
    DeploymentSweep,
    DeploymentSweepArgs,
    DeployStore,
    DeployStoreArgs,
    FunctionCode,
    HttpApi,
    HttpApiArgs,
    PlatformApi,
    PlatformApiArgs,
    ReleaseCollection,
    ReleaseCollectionArgs,
    ResourceScope,
    SharedEdge,
    SharedEdgeArgs,
    UserIdentity,
    ZeroDowntimeSite,
    ZeroDowntimeSiteArgs,
)

stack = pulumi.get_stack()
scope = ResourceScope(prefix=f"shop-{stack}", retain=stack == "production", tags={"Project": "shop"})
code = FunctionCode.load(scope)
layers = DependencyLayers("layers", DependencyLayersArgs(scope=scope, code=code))

# Storage, users, the API of the command line, and the CloudFront distribution
store = DeployStore("store", DeployStoreArgs(scope=scope))
users = UserIdentity("users", scope=scope)
api = HttpApi("platform", HttpApiArgs(scope=scope, issuer=users.issuer, audience=users.client_id))
edge = SharedEdge("edge", SharedEdgeArgs(scope=scope, assets_domain=store.assets.domain_name))
store.assets.allow_distribution(distribution_arn=edge.distribution_arn, prefix="assets/")

# From a push to a live release. The sweep continues stuck deployments. The collection deletes old releases.
factory = DeployFunctionFactory(scope=scope, code=code, layers=layers, store=store)
pipeline = BuildPipeline("deploy", BuildPipelineArgs(factory=factory, edge=edge, concurrent_builds=2))
PlatformApi("api", PlatformApiArgs(factory=factory, pipeline=pipeline, edge=edge, api=api))
DeploymentSweep("sweep", DeploymentSweepArgs(factory=factory, pipeline=pipeline))
ReleaseCollection("collection", ReleaseCollectionArgs(factory=factory, edge=edge))

site = ZeroDowntimeSite(
    "shop", ZeroDowntimeSiteArgs(scope=scope, host=edge.get_site_host("shop"), store=store)
)
store.declare_sites(["shop"])

pulumi.export("url", site.url)
pulumi.export("distributionId", edge.distribution_id)
pulumi.export("apiEndpoint", api.endpoint)
pulumi.export("userPoolId", users.pool_id)
pulumi.export("userPoolClientId", users.client_id)
