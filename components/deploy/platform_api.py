"""PlatformApi: the routes of the platform's API and their functions."""

import attrs
import pulumi

from components.aws.api import HttpApi
from components.aws.function import Function
from components.core.component import Component
from components.core.grants import Grant
from components.deploy.functions import DeployFunctionFactory
from components.deploy.pipeline import BuildPipeline
from components.edge.shared_edge import SharedEdge
from runtime.deploy.api.routes import ROUTES


@attrs.frozen(kw_only=True)
class PlatformApiArgs:
    """Arguments of `PlatformApi`.

    Attributes:
        factory: Factory that creates the component's functions.
        pipeline: Pipeline whose build queue receives the messages of new deployments. The pipeline's webhook
            function handles one of the routes.
        edge: Edge whose KeyValueStore holds the live release of each site.
        api: HTTP API. Its URL is part of the webhook URLs.
    """

    factory: DeployFunctionFactory
    pipeline: BuildPipeline
    edge: SharedEdge
    api: HttpApi


class PlatformApi(Component):
    """The routes of the API and the functions for signed-in users.

    `promote` handles the routes that change the edge or a deploy key. `api` handles the other routes. The
    webhook function, which GitHub calls, belongs to `BuildPipeline`.

    Attributes:
        functions: Functions by the name that routes use (`runtime.deploy.api.routes`).
    """

    def __init__(self, name: str, args: PlatformApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        alias_opts = pulumi.ResourceOptions(transformations=[_build_alias_transformation(args.pipeline)])
        super().__init__(
            "platform_api", name, args.factory.scope, pulumi.ResourceOptions.merge(opts, alias_opts)
        )
        self.functions: dict[str, Function] = {
            "promote": self._create_promote_function(args),
            "api": self._create_api_function(args),
        }
        args.api.add_routes(ROUTES, args.pipeline.functions | self.functions, not_found="api")
        self.register_outputs({})

    def _create_promote_function(self, args: PlatformApiArgs) -> Function:
        store, edge, sites = args.factory.store, args.edge, args.factory.site_arns
        return args.factory.create(
            "promote",
            opts=self.child_opts,
            timeout=30,
            layers=("base", "edge"),
            environment={
                "ASSETS_BUCKET": store.assets.bucket_name,
                "AUDIT_TABLE": store.audit.table_name,
                "KEY_VALUE_STORE_ARN": edge.store_arn,
                "SECRETS_KEY_ARN": store.keys.secrets_arn,
                "DEPLOY_KEYS_PATH": store.deploy_keys_path,
                "MAX_PROMOTIONS_PER_MINUTE": str(args.factory.quotas.promotions_per_minute),
            },
            grants=(
                store.projects.grant("DeleteItem", "GetItem", "UpdateItem"),
                # ConditionCheckItem: the transaction that makes a deployment live also checks the status of
                # the deployment.
                store.deployments.grant("ConditionCheckItem", "GetItem", "Query", "UpdateItem"),
                store.deployments.grant_query("DeploymentIdIndex"),
                store.audit.grant("PutItem"),
                Grant(actions=("lambda:UpdateAlias",), resources=(sites.functions,)),
                edge.grant("DescribeKeyValueStore", "GetKey", "PutKey", "UpdateKeys"),
                # Deleting a project also deletes its secrets and its deploy key. The function reads their
                # names, but cannot decrypt the values.
                Grant(
                    actions=("ssm:DeleteParameters", "ssm:GetParametersByPath"),
                    resources=(sites.secrets, sites.deploy_keys),
                ),
                Grant(actions=("ssm:PutParameter",), resources=(sites.deploy_keys,)),
                store.keys.grant_encrypt(sites.deploy_keys),
                # When a release becomes live for the first time, older releases get its secrets. Deleting a
                # project also empties the objects with the secrets of its releases.
                *store.grant_replacement_of_release_secrets(),
            ),
        )

    def _create_api_function(self, args: PlatformApiArgs) -> Function:
        store, sites, builds = args.factory.store, args.factory.site_arns, args.pipeline.builds
        return args.factory.create(
            "api",
            opts=self.child_opts,
            timeout=15,
            environment={
                "AUDIT_TABLE": store.audit.table_name,
                "SIGNING_KEY_ARN": store.keys.signing_arn,
                "SECRETS_KEY_ARN": store.keys.secrets_arn,
                "API_ENDPOINT": args.api.endpoint,
                "BUILD_QUEUE_URL": builds.url,
                "CONCURRENT_BUILDS": str(args.pipeline.concurrent_builds),
                "LOGS_BUCKET": store.logs.bucket_name,
                "MAX_PROJECTS": str(args.factory.quotas.projects),
                **args.factory.deployment_quotas,
            },
            grants=(
                store.projects.grant(
                    "BatchGetItem", "ConditionCheckItem", "GetItem", "PutItem", "UpdateItem"
                ),
                *store.grant_scheduling_of_builds(),
                store.projects.grant_query("UserIdIndex"),
                store.deployments.grant("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem"),
                store.deployments.grant_query("DeploymentIdIndex"),
                store.audit.grant("PutItem", "Query"),
                # StopBuild: to stop the build of a canceled deployment. After a cancellation, the function
                # sends a message for the next deployment to the build queue. It also sends a message for each
                # deployment that a user starts through the API.
                Grant(actions=("codebuild:StopBuild",), resources=(sites.build_project_arns,)),
                builds.grant_send(),
                Grant(actions=("logs:GetLogEvents",), resources=(sites.build_log_arns,)),
                Grant(actions=("logs:FilterLogEvents",), resources=(sites.function_log_arns,)),
                store.logs.grant("GetObject", prefix="logs/builds/"),
                # Without this permission, S3 answers 403 instead of 404 for a missing log.
                store.logs.grant_list(),
                store.keys.grant_sign(),
                Grant(actions=("ssm:DeleteParameter", "ssm:PutParameter"), resources=(sites.secrets,)),
                store.keys.grant_encrypt(sites.secrets),
            ),
        )


def _build_alias_transformation(former_parent: pulumi.Resource) -> pulumi.ResourceTransformation:
    """Return a transformation that adds a Pulumi alias with the former parent to every child resource.

    In earlier versions of the program, `BuildPipeline` was the parent of these resources. Without the alias,
    an update would replace the resources. Remove this transformation after every stage has been deployed with
    it.
    """

    def add_alias(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not isinstance(args.resource, pulumi.CustomResource):
            return None
        alias = pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=former_parent)])
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, alias))

    return add_alias
