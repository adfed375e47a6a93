"""What one stage of anchor-deploy consists of: a table of contents of `components`."""

import pulumi
import pulumi_aws as aws

from components.aws.api import HttpApi, HttpApiArgs
from components.aws.identity import UserIdentity, UserIdentityArgs
from components.aws.package import DependencyLayers, DependencyLayersArgs, FunctionCode
from components.core.registration import enable_fast_registration
from components.core.stage import StageConfig
from components.deploy.collection import ReleaseCollection, ReleaseCollectionArgs
from components.deploy.functions import DeployFunctions
from components.deploy.pipeline import BuildPipeline, BuildPipelineArgs
from components.deploy.platform_api import PlatformApi, PlatformApiArgs
from components.deploy.store import DeployStore, DeployStoreArgs
from components.deploy.sweep import DeploymentSweep, DeploymentSweepArgs
from components.edge.shared_edge import SharedEdge, SharedEdgeArgs
from components.images.service import ImageService, ImageServiceArgs
from components.operations.alarms import Watched
from components.operations.operations import Operations, OperationsArgs
from components.shops.store import ShopStore, ShopStoreArgs
from components.sites.site import ZeroDowntimeSite, ZeroDowntimeSiteArgs

enable_fast_registration()

stage = StageConfig.load()
code = FunctionCode.load(stage)
account = aws.get_caller_identity_output().account_id
layers = DependencyLayers("layers", DependencyLayersArgs(stage=stage, code=code))

# What is kept
store = DeployStore("store", DeployStoreArgs(stage=stage, account=account))

# Who comes in, and where
users = UserIdentity("users", UserIdentityArgs(stage=stage))
api = HttpApi("platform", HttpApiArgs(stage=stage, issuer=users.issuer, audience=users.client_id))
edge = SharedEdge("edge", SharedEdgeArgs(stage=stage, assets_domain=store.assets.domain_name))
store.assets.serve(distribution_arn=edge.distribution_arn, under="assets/")

# From push to live
functions = DeployFunctions(stage=stage, account=account, code=code, layers=layers, store=store)
pipeline = BuildPipeline("deploy", BuildPipelineArgs(functions=functions, edge=edge))
platform = PlatformApi("api", PlatformApiArgs(functions=functions, pipeline=pipeline, edge=edge, api=api))
sweep = DeploymentSweep("sweep", DeploymentSweepArgs(functions=functions, pipeline=pipeline))
collection = ReleaseCollection("collection", ReleaseCollectionArgs(functions=functions, edge=edge))

sites = {
    site.name: ZeroDowntimeSite(
        site.name,
        ZeroDowntimeSiteArgs(
            stage=stage, account=account, memory=site.memory, host=edge.host_of(site.name), store=store
        ),
    )
    for site in stage.sites
}

# The image service, and the store of the web application that imports shops
images = ImageService(
    "images",
    ImageServiceArgs(
        stage=stage, account=account, code=code, layers=layers, issuer=users.issuer, audience=users.client_id
    ),
)
shops = ShopStore("shops", ShopStoreArgs(stage=stage, account=account))

# Who is told when something fails, and where to look
watched = Watched(
    functions=pipeline.functions
    | platform.functions
    | images.functions
    | sweep.functions
    | collection.functions,
    queues={"builds": pipeline.builds, "releases": pipeline.releases},
    dead_letters={"images-uploads": images.dead_letters},
    apis={"platform": api, "images": images.api},
    distributions={"edge": edge.distribution_id, "images": images.delivery.distribution_id},
)
Operations("operations", OperationsArgs(stage=stage, account=account, watched=watched))

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
pulumi.export("images", images.exported)
pulumi.export("shopStorePolicyArn", shops.policy_arn)
