"""What one stage of anchor-deploy consists of: a table of contents of `components`."""

import pulumi
import pulumi_aws as aws

from components import deploy_buckets, deploy_tables
from components.api import HttpApi, HttpApiArgs
from components.bucket import RetainedBucket, RetainedBucketArgs
from components.identity import UserIdentity, UserIdentityArgs
from components.keys import PlatformKeys, PlatformKeysArgs
from components.package import FunctionCode
from components.pipeline import BuildPipeline, BuildPipelineArgs
from components.shared_edge import SharedEdge, SharedEdgeArgs
from components.site import ZeroDowntimeSite, ZeroDowntimeSiteArgs
from components.stage import StageConfig
from components.table import TenantTable, TenantTableArgs
from runtime.deploy.routes import ROUTES

stage = StageConfig.load()
code = FunctionCode.load(stage)
account = aws.get_caller_identity_output().account_id

# What is kept
projects = TenantTable("projects", TenantTableArgs(stage=stage, design=deploy_tables.PROJECTS))
deployments = TenantTable("deployments", TenantTableArgs(stage=stage, design=deploy_tables.DEPLOYMENTS))

artifacts = RetainedBucket(
    "artifacts", RetainedBucketArgs(stage=stage, account=account, lifecycle=deploy_buckets.ARTIFACTS)
)
logs = RetainedBucket("logs", RetainedBucketArgs(stage=stage, account=account, lifecycle=deploy_buckets.LOGS))
assets = RetainedBucket(
    "assets", RetainedBucketArgs(stage=stage, account=account, lifecycle=deploy_buckets.ASSETS, served=True)
)
buckets = {"artifacts": artifacts, "logs": logs, "assets": assets}

keys = PlatformKeys("keys", PlatformKeysArgs(stage=stage, account=account))

# Who comes in, and where
users = UserIdentity("users", UserIdentityArgs(stage=stage))
api = HttpApi("platform", HttpApiArgs(stage=stage, issuer=users.issuer, audience=users.client_id))
edge = SharedEdge("edge", SharedEdgeArgs(stage=stage, assets_domain=assets.domain_name))
assets.serve(distribution_arn=edge.distribution_arn, under="assets/")

# From push to live
pipeline = BuildPipeline(
    "deploy",
    BuildPipelineArgs(
        stage=stage,
        account=account,
        code=code,
        projects=projects,
        deployments=deployments,
        artifacts=artifacts,
        assets=assets,
        keys=keys,
        edge=edge,
        api_endpoint=api.endpoint,
    ),
)
api.route(ROUTES, pipeline.functions)

sites = {
    site.name: ZeroDowntimeSite(
        site.name,
        ZeroDowntimeSiteArgs(
            stage=stage,
            account=account,
            memory=site.memory,
            host=edge.host_of(site.name),
            projects=projects,
            artifacts=artifacts,
            assets=assets,
            logs=logs,
            keys=keys,
        ),
    )
    for site in stage.sites
}

tables = {"projects": projects, "deployments": deployments}
tables |= {f"site-{name}-tags": site.tags for name, site in sites.items()}

pulumi.export("apiEndpoint", api.endpoint)
pulumi.export("apiId", api.api_id)
pulumi.export("userPoolId", users.pool_id)
pulumi.export("userPoolClientId", users.client_id)
pulumi.export("distributionId", edge.distribution_id)
pulumi.export("distributionDomain", edge.domain_name)
pulumi.export("keyValueStoreArn", edge.store_arn)
pulumi.export(
    "tables", {name: {"name": table.table_name, "arn": table.arn} for name, table in tables.items()}
)
pulumi.export("buckets", {name: bucket.bucket_name for name, bucket in buckets.items()})
pulumi.export("sites", {name: site.url for name, site in sites.items()})
pulumi.export("queues", {"builds": pipeline.builds.url, "releases": pipeline.releases.url})
