"""SiteHosting: Next.js sites with their build pipeline, as one component of the provider."""

# Pulumi derives the provider's schema from these annotations. The text after a field becomes its description.

from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi

from components.aws.api import HttpApi, HttpApiArgs
from components.aws.identity import UserIdentity
from components.aws.package import DependencyLayers, DependencyLayersArgs, FunctionCode
from components.deploy.collection import ReleaseCollection, ReleaseCollectionArgs
from components.deploy.functions import DeployFunctionFactory
from components.deploy.pipeline import BuildPipeline, BuildPipelineArgs
from components.deploy.platform_api import PlatformApi, PlatformApiArgs
from components.deploy.store import DeployStore, DeployStoreArgs
from components.deploy.sweep import DeploymentSweep, DeploymentSweepArgs
from components.edge.shared_edge import SharedEdge, SharedEdgeArgs
from components.sites.site import ZeroDowntimeSite, ZeroDowntimeSiteArgs
from packages.components.anchor_deploy.provider.scope import ScopeArgs, create_scope


class SiteHostingArgs(TypedDict):
    """Arguments of SiteHosting."""

    scope: ScopeArgs
    """Values that the resources of the program share."""
    layers: str
    """Folder with the layers that the command anchor-layers created."""
    sites: list[str]
    """Names of the sites. Without a domain, there can be one site."""
    memory: NotRequired[int]
    """Memory of the functions that render pages, in MB. The default is 1024."""
    domain: NotRequired[str]
    """Parent domain of the sites: the host of a site is <site>.<domain>."""
    hosted_zone_id: NotRequired[str]
    """Id of the Route 53 zone of the domain."""
    concurrent_builds: NotRequired[int]
    """Number of builds that run at the same time. The default is 10."""
    kept_releases: NotRequired[int]
    """Number of newest releases kept for each project. The default is 10."""


class SiteHosting(pulumi.ComponentResource):
    """Next.js sites, with the pipeline that builds them and the API through which users deploy them."""

    api_endpoint: pulumi.Output[str]
    """URL of the API."""
    user_pool_id: pulumi.Output[str]
    """Id of the user pool."""
    user_pool_client_id: pulumi.Output[str]
    """Id of the user pool client with which users sign in."""
    urls: pulumi.Output[dict[str, str]]
    """URL of each site, by the name of the site."""

    def __init__(self, name: str, args: SiteHostingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("anchor:index:SiteHosting", name, None, opts)
        scope, children = create_scope(args["scope"]), pulumi.ResourceOptions(parent=self)
        code = FunctionCode.find(scope, Path(args["layers"]).absolute())
        layers = DependencyLayers("layers", DependencyLayersArgs(scope=scope, code=code), children)
        store = DeployStore("store", DeployStoreArgs(scope=scope), children)
        users = UserIdentity("users", scope=scope, opts=children)
        api_args = HttpApiArgs(scope=scope, issuer=users.issuer, audience=users.client_id)
        api = HttpApi("platform", api_args, children)
        edge = SharedEdge(
            "edge",
            SharedEdgeArgs(
                scope=scope,
                assets_domain=store.assets.domain_name,
                domain=args.get("domain"),
                hosted_zone_id=args.get("hosted_zone_id"),
            ),
            children,
        )
        store.assets.allow_distribution(distribution_arn=edge.distribution_arn, prefix="assets/")
        factory = DeployFunctionFactory(scope=scope, code=code, layers=layers, store=store)
        pipeline_args = BuildPipelineArgs(
            factory=factory, edge=edge, concurrent_builds=int(args.get("concurrent_builds", 10))
        )
        pipeline = BuildPipeline("deploy", pipeline_args, children)
        PlatformApi("api", PlatformApiArgs(factory=factory, pipeline=pipeline, edge=edge, api=api), children)
        DeploymentSweep("sweep", DeploymentSweepArgs(factory=factory, pipeline=pipeline), children)
        ReleaseCollection(
            "collection",
            ReleaseCollectionArgs(
                factory=factory, edge=edge, kept_releases=int(args.get("kept_releases", 10))
            ),
            children,
        )
        sites = {
            site: ZeroDowntimeSite(
                site,
                ZeroDowntimeSiteArgs(
                    scope=scope,
                    host=edge.get_site_host(site),
                    store=store,
                    memory=int(args.get("memory", 1024)),
                ),
                children,
            )
            for site in args["sites"]
        }
        store.declare_sites(sites)
        self.api_endpoint = pulumi.Output.from_input(api.endpoint)
        self.user_pool_id = users.pool_id
        self.user_pool_client_id = users.client_id
        self.urls = pulumi.Output.all(**{site: each.url for site, each in sites.items()})
        self.register_outputs(
            {
                "apiEndpoint": self.api_endpoint,
                "userPoolId": self.user_pool_id,
                "userPoolClientId": self.user_pool_client_id,
                "urls": self.urls,
            }
        )
