"""PlatformApi: the routes of the platform's API and the functions behind them (A)."""

import attrs
import pulumi

from components.aws.api import HttpApi
from components.aws.function import Function
from components.core.component import Component
from components.core.grants import Grant
from components.deploy.functions import DeployFunctions
from components.deploy.pipeline import BuildPipeline
from components.edge.shared_edge import SharedEdge
from runtime.deploy.api.routes import ROUTES


@attrs.frozen(kw_only=True)
class PlatformApiArgs:
    """Arguments of `PlatformApi`.

    Attributes:
        functions: Makes its functions.
        pipeline: Its build queue receives deployments; its webhook function answers one of the routes.
        edge: Its KeyValueStore leads visitors to the promoted release.
        api: The gateway. Its URL is part of the URLs of webhooks.
    """

    functions: DeployFunctions
    pipeline: BuildPipeline
    edge: SharedEdge
    api: HttpApi


class PlatformApi(Component):
    """The routes of the API, and the functions that answer signed-in users.

    `promote` answers the routes that change the edge, `api` the others. The webhook, which answers GitHub, is
    a function of `BuildPipeline`.

    Attributes:
        functions: Its functions, by the name that a route has for them (`runtime.deploy.api.routes`).
    """

    def __init__(self, name: str, args: PlatformApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        moved = pulumi.ResourceOptions(transformations=[_alias_of_children(args.pipeline)])
        super().__init__(
            "platform_api", name, args.functions.stage, pulumi.ResourceOptions.merge(opts, moved)
        )
        self.functions: dict[str, Function] = {"promote": self._promote(args), "api": self._api(args)}
        args.api.route(ROUTES, args.pipeline.functions | self.functions)
        self.register_outputs({})

    def _promote(self, args: PlatformApiArgs) -> Function:
        store, edge = args.functions.store, args.edge
        return args.functions.make(
            "promote",
            opts=self.inside,
            timeout=30,
            layers=("base", "edge"),
            environment={"KEY_VALUE_STORE_ARN": edge.store_arn},
            grants=(
                store.projects.grant("DeleteItem", "GetItem", "UpdateItem"),
                # The deployment is checked in the transaction that lets the project lead to it.
                store.deployments.grant("ConditionCheckItem", "GetItem", "Query", "UpdateItem"),
                store.deployments.grant_query("DeploymentIdIndex"),
                Grant(actions=("lambda:UpdateAlias",), resources=(args.functions.sites.functions,)),
                edge.grant("DescribeKeyValueStore", "GetKey", "PutKey", "UpdateKeys"),
                # A project's secrets go with it. Encrypted as they are looked up, nobody can read them here.
                Grant(
                    actions=("ssm:DeleteParameters", "ssm:GetParametersByPath"),
                    resources=(args.functions.sites.secrets,),
                ),
            ),
        )

    def _api(self, args: PlatformApiArgs) -> Function:
        store, sites, builds = args.functions.store, args.functions.sites, args.pipeline.builds
        return args.functions.make(
            "api",
            opts=self.inside,
            timeout=15,
            environment={
                "SIGNING_KEY_ARN": store.keys.signing_arn,
                "SECRETS_KEY_ARN": store.keys.secrets_arn,
                "API_ENDPOINT": args.api.endpoint,
                "BUILD_QUEUE_URL": builds.url,
                "CONCURRENT_BUILDS": str(self.stage.concurrent_builds),
                "LOGS_BUCKET": store.logs.bucket_name,
            },
            grants=(
                store.projects.grant(
                    "BatchGetItem", "ConditionCheckItem", "GetItem", "PutItem", "UpdateItem"
                ),
                store.grant_turns(),
                store.projects.grant_query("UserIdIndex"),
                store.deployments.grant("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem"),
                store.deployments.grant_query("DeploymentIdIndex"),
                # A cancel stops the build and sends the next one on its way; a deployment by hand is sent.
                Grant(actions=("codebuild:StopBuild",), resources=(sites.builds,)),
                builds.grant_send(),
                Grant(actions=("logs:GetLogEvents",), resources=(sites.build_logs,)),
                store.logs.grant("GetObject", under="logs/builds/"),
                # To who may not list, S3 does not say that a log is missing, but that it is forbidden.
                store.logs.grant_list(),
                store.keys.grant_sign(),
                Grant(actions=("ssm:DeleteParameter", "ssm:PutParameter"), resources=(sites.secrets,)),
                store.keys.grant_encrypt(sites.secrets),
            ),
        )


def _alias_of_children(former: pulumi.Resource) -> pulumi.ResourceTransformation:
    """Return a transformation that keeps the identity of children which stood below another component.

    The functions were part of `BuildPipeline` once: without the alias, an update would replace them. It can
    be removed when every stage was deployed with it.
    """

    def add_alias(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not isinstance(args.resource, pulumi.CustomResource):
            return None
        alias = pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=former)])
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, alias))

    return add_alias
