"""BuildPipeline: from a push to a live release (P, D), and the functions of the API (A)."""

import json
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.component import Component
from components.deploy_store import DeployStore
from components.function import Function, PythonFunction, PythonFunctionArgs
from components.grant import Grant
from components.package import DependencyLayers, FunctionCode, LayerName
from components.queue import Queue, QueueArgs
from components.shared_edge import SharedEdge
from components.site_names import EverySite
from components.stage import StageConfig

_MEMORY: Final = 512
# A release moves whole bundles through its memory; CPU, by which it zips and hashes, comes with memory.
_RELEASE_MEMORY: Final = 1769
# The artifact, and beside it the zips of three functions that are cut out of it (runtime/deploy/artifact.py).
_RELEASE_STORAGE: Final = 2048
# A build may take 30 minutes. Until then the message that started it stays hidden.
_BUILD_VISIBILITY: Final = 1800
_RELEASE_TIMEOUT: Final = 300


@attrs.frozen(kw_only=True)
class BuildPipelineArgs:
    """What the pipeline is made of.

    Attributes:
        stage: The stage it belongs to.
        account: The AWS account's id.
        code: The code of the functions.
        layers: The layers with their dependencies.
        store: What the platform keeps.
        edge: In which store a release is switched.
        api_endpoint: The URL of the API, of which the URLs of webhooks are made.
    """

    stage: StageConfig
    account: pulumi.Input[str]
    code: FunctionCode
    layers: DependencyLayers
    store: DeployStore
    edge: SharedEdge
    api_endpoint: pulumi.Input[str]


class BuildPipeline(Component):
    """The queues and the functions between a push and a release.

    A push is recorded by `webhook` and waits in the build queue; `orchestrator` starts its build; EventBridge
    tells `build-events` how it ended; a good one waits in the release queue; `release` puts it live. The
    build itself calls none of them: it runs code of strangers.

    Attributes:
        builds: The build queue.
        releases: The release queue; one project's releases follow each other.
        functions: Its functions, by the name that `runtime.deploy.routes` uses where a route leads to them.
    """

    def __init__(
        self, name: str, args: BuildPipelineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("pipeline", name, args.stage, opts)
        self._args = args
        self._sites = EverySite(stage=args.stage, account=args.account)
        self.builds = Queue("builds", QueueArgs(stage=args.stage, visibility=_BUILD_VISIBILITY), self.inside)
        self.releases = Queue(
            "releases", QueueArgs(stage=args.stage, visibility=6 * _RELEASE_TIMEOUT, fifo=True), self.inside
        )
        self.functions: dict[str, Function] = {
            "webhook": self._webhook(),
            "orchestrator": self._orchestrator(),
            "build-events": self._build_events(),
            "release": self._release(),
            "promote": self._promote(),
            "api": self._api(),
        }
        self.functions["orchestrator"].consume(self.builds)
        self.functions["release"].consume(self.releases)
        self._tell_ends_of_builds_to(self.functions["build-events"])
        self.register_outputs({})

    def _webhook(self) -> Function:
        args = self._args
        return self._function(
            "webhook",
            # GitHub waits ten seconds for its answer.
            timeout=10,
            environment={"BUILD_QUEUE_URL": self.builds.url, "SIGNING_KEY_ARN": args.store.keys.signing_arn},
            grants=(
                args.store.projects.grant("GetItem", "PutItem", "UpdateItem"),
                args.store.deployments.grant("GetItem", "PutItem"),
                args.store.keys.grant_sign(),
                self.builds.grant_send(),
            ),
        )

    def _orchestrator(self) -> Function:
        args = self._args
        return self._function(
            "orchestrator",
            timeout=60,
            environment={
                "ARTIFACTS_BUCKET": args.store.artifacts.bucket_name,
                "SIGNING_KEY_ARN": args.store.keys.signing_arn,
                "SECRETS_KEY_ARN": args.store.keys.secrets_arn,
            },
            grants=(
                self.builds.grant_consume(),
                args.store.projects.grant("GetItem", "UpdateItem"),
                args.store.deployments.grant("GetItem", "Query", "UpdateItem"),
                # Stopped is a build whose deployment was cancelled while it was being started.
                Grant(
                    actions=("codebuild:StartBuild", "codebuild:StopBuild"), resources=(self._sites.builds,)
                ),
                args.store.keys.grant_sign(),
                Grant(actions=("ssm:PutParameter",), resources=(self._sites.server_actions_keys,)),
                args.store.keys.grant_encrypt(self._sites.server_actions_keys),
            ),
        )

    def _build_events(self) -> Function:
        args = self._args
        return self._function(
            "build-events",
            timeout=60,
            environment={"BUILD_QUEUE_URL": self.builds.url, "RELEASE_QUEUE_URL": self.releases.url},
            grants=(
                args.store.projects.grant("UpdateItem"),
                args.store.deployments.grant("GetItem", "Query", "UpdateItem"),
                Grant(actions=("logs:GetLogEvents",), resources=(self._sites.build_logs,)),
                self.builds.grant_send(),
                self.releases.grant_send(),
            ),
        )

    def _release(self) -> Function:
        args, sites = self._args, self._sites
        return self._function(
            "release",
            timeout=_RELEASE_TIMEOUT,
            memory=_RELEASE_MEMORY,
            storage=_RELEASE_STORAGE,
            layers=("base", "edge"),
            environment={
                "ARTIFACTS_BUCKET": args.store.artifacts.bucket_name,
                "ASSETS_BUCKET": args.store.assets.bucket_name,
                "KEY_VALUE_STORE_ARN": args.edge.store_arn,
                "SIGNING_KEY_ARN": args.store.keys.signing_arn,
            },
            grants=(
                self.releases.grant_consume(),
                args.store.projects.grant("GetItem", "UpdateItem"),
                args.store.deployments.grant("GetItem", "UpdateItem"),
                args.store.artifacts.grant("GetObject", under="artifacts/"),
                # To who may not list, S3 does not say that an artifact is missing, but that it is forbidden.
                args.store.artifacts.grant_list(),
                # The zips of the functions, beside the artifact they were cut out of.
                args.store.artifacts.grant("PutObject", under="artifacts/*/functions/"),
                args.store.assets.grant("PutObject", under="assets/"),
                args.store.assets.grant("PutObject", under="cache/"),
                args.store.assets.grant_list(under="assets/"),
                Grant(
                    actions=("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"),
                    resources=(sites.tag_tables,),
                ),
                Grant(
                    actions=(
                        "lambda:AddPermission",
                        "lambda:CreateAlias",
                        "lambda:CreateFunctionUrlConfig",
                        "lambda:GetAlias",
                        "lambda:GetFunctionConfiguration",
                        "lambda:GetFunctionUrlConfig",
                        "lambda:InvokeFunction",
                        "lambda:PublishVersion",
                        "lambda:UpdateAlias",
                        "lambda:UpdateFunctionCode",
                        "lambda:UpdateFunctionConfiguration",
                    ),
                    resources=(sites.functions,),
                ),
                args.edge.grant("DescribeKeyValueStore", "GetKey", "PutKey", "UpdateKeys"),
                args.store.keys.grant_sign(),
                Grant(actions=("ssm:GetParametersByPath",), resources=(sites.secrets,)),
                args.store.keys.grant_decrypt(sites.secrets),
            ),
        )

    def _promote(self) -> Function:
        args = self._args
        return self._function(
            "promote",
            timeout=30,
            layers=("base", "edge"),
            environment={"KEY_VALUE_STORE_ARN": args.edge.store_arn},
            grants=(
                args.store.projects.grant("GetItem", "UpdateItem"),
                args.store.deployments.grant("GetItem", "UpdateItem"),
                args.store.deployments.grant_query("DeploymentIdIndex"),
                Grant(actions=("lambda:UpdateAlias",), resources=(self._sites.functions,)),
                args.edge.grant("DescribeKeyValueStore", "GetKey", "PutKey"),
            ),
        )

    def _api(self) -> Function:
        args, sites = self._args, self._sites
        return self._function(
            "api",
            timeout=15,
            environment={
                "SIGNING_KEY_ARN": args.store.keys.signing_arn,
                "SECRETS_KEY_ARN": args.store.keys.secrets_arn,
                "API_ENDPOINT": args.api_endpoint,
                "BUILD_QUEUE_URL": self.builds.url,
            },
            grants=(
                args.store.projects.grant(
                    "BatchGetItem", "ConditionCheckItem", "GetItem", "PutItem", "UpdateItem"
                ),
                args.store.projects.grant_query("UserIdIndex"),
                args.store.deployments.grant("GetItem", "Query", "UpdateItem"),
                args.store.deployments.grant_query("DeploymentIdIndex"),
                # A cancel stops the build and sends the next one on its way.
                Grant(actions=("codebuild:StopBuild",), resources=(sites.builds,)),
                self.builds.grant_send(),
                args.store.keys.grant_sign(),
                Grant(actions=("ssm:DeleteParameter", "ssm:PutParameter"), resources=(sites.secrets,)),
                args.store.keys.grant_encrypt(sites.secrets),
            ),
        )

    def _function(  # noqa: PLR0913 - what the six functions differ by
        self,
        name: str,
        *,
        timeout: int,
        environment: dict[str, pulumi.Input[str]],
        grants: tuple[Grant, ...],
        memory: int = _MEMORY,
        storage: int = 512,
        layers: tuple[LayerName, ...] = ("base",),
    ) -> Function:
        args = self._args
        return PythonFunction(
            name,
            PythonFunctionArgs(
                stage=args.stage,
                handler=f"runtime.deploy.handlers.{name.replace('-', '_')}.handle",
                timeout=timeout,
                memory=memory,
                storage=storage,
                code=args.code.archive,
                layers=tuple(args.layers.arns[layer] for layer in layers),
                environment={
                    "PROJECTS_TABLE": args.store.projects.table_name,
                    "DEPLOYMENTS_TABLE": args.store.deployments.table_name,
                    **environment,
                },
                grants=grants,
            ),
            self.inside,
        )

    def _tell_ends_of_builds_to(self, function: Function) -> None:
        rule = aws.cloudwatch.EventRule(
            "build-ended",
            name=f"{self.stage.prefix}-build-ended",
            description="Builds of sites that ended, whichever way",
            event_pattern=json.dumps(
                {
                    "source": ["aws.codebuild"],
                    "detail-type": ["CodeBuild Build State Change"],
                    "detail": {
                        "project-name": [{"prefix": f"{self.stage.prefix}-site-"}],
                        "build-status": ["SUCCEEDED", "FAILED", "FAULT", "STOPPED", "TIMED_OUT"],
                    },
                }
            ),
            opts=self.inside,
        )
        function.allow_invoke("build-ended", service="events.amazonaws.com", source_arn=rule.arn)
        aws.cloudwatch.EventTarget(
            "build-ended", target_id="build-events", rule=rule.name, arn=function.arn, opts=self.inside
        )
