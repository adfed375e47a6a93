"""The Pulumi program of anchor-deploy. It creates the components of a stage and exports stack outputs."""

import pulumi

from components.aws.api import HttpApi, HttpApiArgs
from components.aws.identity import UserIdentity
from components.aws.package import DependencyLayers, DependencyLayersArgs, FunctionCode
from components.core.registration import enable_fast_registration
from components.core.stage import StageConfig
from components.deploy.collection import ReleaseCollection, ReleaseCollectionArgs
from components.deploy.functions import DeployFunctionFactory
from components.deploy.pipeline import BuildPipeline, BuildPipelineArgs
from components.deploy.platform_api import PlatformApi, PlatformApiArgs
from components.deploy.store import DeployStore, DeployStoreArgs
from components.deploy.sweep import DeploymentSweep, DeploymentSweepArgs
from components.edge.shared_edge import SharedEdge, SharedEdgeArgs
from components.images.service import ImageService, ImageServiceArgs
from components.operations.alarms import MonitoredResources
from components.operations.budget import BudgetArgs
from components.operations.operations import Operations, OperationsArgs
from components.shops.store import ShopStore, ShopStoreArgs
from components.sites.site import ZeroDowntimeSite, ZeroDowntimeSiteArgs

enable_fast_registration()

stage = StageConfig.load()
scope = stage.scope
code = FunctionCode.load(scope)
layers = DependencyLayers("layers", DependencyLayersArgs(scope=scope, code=code))

# Storage of the deploy platform: tables, buckets and keys
store = DeployStore("store", DeployStoreArgs(scope=scope, secrets_path=stage.secrets_path))

# Users, the API endpoint and the CloudFront distribution
users = UserIdentity("users", scope=scope, groups=("deploy", "images"))
api = HttpApi(
    "platform",
    HttpApiArgs(
        scope=scope,
        issuer=users.issuer,
        audience=users.client_id,
        cors_origins=stage.api_cors_origins,
        cors_headers=("Idempotency-Key", "If-Match"),
    ),
)
edge = SharedEdge(
    "edge",
    SharedEdgeArgs(
        scope=scope,
        assets_domain=store.assets.domain_name,
        domain=stage.domain,
        hosted_zone_id=stage.hosted_zone_id,
    ),
)
store.assets.allow_distribution(distribution_arn=edge.distribution_arn, prefix="assets/")

# Functions and queues that build and release deployments
factory = DeployFunctionFactory(scope=scope, code=code, layers=layers, store=store, quotas=stage.quotas)
pipeline = BuildPipeline(
    "deploy",
    BuildPipelineArgs(
        factory=factory,
        edge=edge,
        kept_releases=stage.kept_releases,
        edge_release_bytes=stage.edge_release_bytes,
        concurrent_builds=stage.concurrent_builds,
    ),
)
platform = PlatformApi("api", PlatformApiArgs(factory=factory, pipeline=pipeline, edge=edge, api=api))
sweep = DeploymentSweep("sweep", DeploymentSweepArgs(factory=factory, pipeline=pipeline))
collection = ReleaseCollection(
    "collection", ReleaseCollectionArgs(factory=factory, edge=edge, kept_releases=stage.kept_releases)
)

sites = {
    site.name: ZeroDowntimeSite(
        site.name,
        ZeroDowntimeSiteArgs(
            scope=scope,
            memory=site.memory,
            timeout=site.timeout,
            build_compute_type=site.build_compute_type,
            allow_vulnerable_next=site.allow_vulnerable_next,
            max_concurrency=site.max_concurrency,
            max_image_concurrency=site.max_image_concurrency,
            host=edge.get_site_host(site.name),
            url_pattern=stage.site_url,
            store=store,
        ),
    )
    for site in stage.sites
}
store.declare_sites(sites)

# The image service, and the storage of the shop import application
images = ImageService(
    "images",
    ImageServiceArgs(
        scope=scope,
        code=code,
        layers=layers,
        issuer=users.issuer,
        audience=users.client_id,
        cors_origins=stage.images.cors_origins,
        maximum_bytes=stage.images.maximum_bytes,
        quotas=stage.quotas,
        hosts=stage.image_hosts,
        hosted_zone_id=stage.images.hosted_zone_id,
        url_pattern=stage.site_url,
    ),
)
shops = ShopStore("shops", ShopStoreArgs(scope=scope))

# Alarms and the dashboard
monitored = MonitoredResources(
    functions=pipeline.functions
    | platform.functions
    | images.functions
    | sweep.functions
    | collection.functions,
    queues={"builds": pipeline.builds, "releases": pipeline.releases},
    dead_letter_queues={"images-uploads": images.dead_letter_queue},
    apis={"platform": api, "images": images.api},
    distributions={"edge": edge.distribution_id, "images": images.delivery.distribution_id},
)
Operations(
    "operations",
    OperationsArgs(
        scope=scope,
        metric_namespace=stage.metric_namespace,
        alert_emails=stage.alert_emails,
        budget=BudgetArgs.from_settings(stage.budget),
        monitored=monitored,
    ),
)

tables = {**store.tables, "images": images.table, **shops.tables}
tables |= {f"site-{name}-tags": site.tags for name, site in sites.items()}
buckets = {**store.buckets, "images": images.bucket}

pulumi.export("apiEndpoint", api.endpoint)
pulumi.export("apiId", api.api_id)
pulumi.export("userPoolId", users.pool_id)
pulumi.export("userPoolClientId", users.client_id)
pulumi.export("distributionId", edge.distribution_id)
pulumi.export("distributionDomain", edge.domain_name)
pulumi.export("keyValueStoreArn", edge.store_arn)
pulumi.export("tables", {key: {"name": each.table_name, "arn": each.arn} for key, each in tables.items()})
pulumi.export("buckets", {name: bucket.bucket_name for name, bucket in buckets.items()})
pulumi.export("sites", {name: site.url for name, site in sites.items()})
pulumi.export("queues", {"builds": pipeline.builds.url, "releases": pipeline.releases.url})
pulumi.export("images", images.stack_outputs)
pulumi.export("shopStore", shops.stack_outputs)
pulumi.export("shopStorePolicyArn", shops.policy_arn)
