"""The Pulumi program of anchor-deploy. It creates the components of a stage and exports stack outputs."""

import pulumi
import pulumi_aws as aws

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
from components.operations.operations import Operations, OperationsArgs
from components.shops.store import ShopStore, ShopStoreArgs
from components.sites.site import ZeroDowntimeSite, ZeroDowntimeSiteArgs

enable_fast_registration()

stage = StageConfig.load()
code = FunctionCode.load(stage)
account = aws.get_caller_identity_output().account_id
layers = DependencyLayers("layers", DependencyLayersArgs(stage=stage, code=code))

# Storage of the deploy platform: tables, buckets and keys
store = DeployStore("store", DeployStoreArgs(stage=stage, account=account))

# Users, the API endpoint and the CloudFront distribution
users = UserIdentity("users", stage=stage)
api = HttpApi("platform", HttpApiArgs(stage=stage, issuer=users.issuer, audience=users.client_id))
edge = SharedEdge("edge", SharedEdgeArgs(stage=stage, assets_domain=store.assets.domain_name))
store.assets.allow_distribution(distribution_arn=edge.distribution_arn, prefix="assets/")

# Functions and queues that build and release deployments
factory = DeployFunctionFactory(stage=stage, account=account, code=code, layers=layers, store=store)
pipeline = BuildPipeline("deploy", BuildPipelineArgs(factory=factory, edge=edge))
platform = PlatformApi("api", PlatformApiArgs(factory=factory, pipeline=pipeline, edge=edge, api=api))
sweep = DeploymentSweep("sweep", DeploymentSweepArgs(factory=factory, pipeline=pipeline))
collection = ReleaseCollection("collection", ReleaseCollectionArgs(factory=factory, edge=edge))

sites = {
    site.name: ZeroDowntimeSite(
        site.name,
        ZeroDowntimeSiteArgs(
            stage=stage, account=account, memory=site.memory, host=edge.get_site_host(site.name), store=store
        ),
    )
    for site in stage.sites
}

# The image service, and the storage of the shop import application
images = ImageService(
    "images",
    ImageServiceArgs(
        stage=stage, account=account, code=code, layers=layers, issuer=users.issuer, audience=users.client_id
    ),
)
shops = ShopStore("shops", ShopStoreArgs(stage=stage, account=account))

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
Operations("operations", OperationsArgs(stage=stage, account=account, monitored=monitored))

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
pulumi.export("shopStorePolicyArn", shops.policy_arn)
