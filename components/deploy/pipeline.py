"""BuildPipeline: from a push to a live release (P, D)."""

import json
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.function import Function
from components.aws.queue import Queue, QueueArgs
from components.core.component import Component
from components.core.grants import Grant
from components.deploy.functions import DeployFunctions
from components.edge.shared_edge import SharedEdge

# A release moves whole bundles through its memory; CPU, by which it zips and hashes, comes with memory.
_RELEASE_MEMORY: Final = 1769
# The artifact, and beside it the zips of three functions cut out of it
# (runtime/deploy/releases/build_output/artifact.py).
_RELEASE_STORAGE: Final = 2048
# A build may take 30 minutes. Until then the message that started it stays hidden.
_BUILD_VISIBILITY: Final = 1800
_RELEASE_TIMEOUT: Final = 300


@attrs.frozen(kw_only=True)
class BuildPipelineArgs:
    """What the pipeline is made of.

    Attributes:
        functions: Makes its functions.
        edge: In which store a release is switched.
    """

    functions: DeployFunctions
    edge: SharedEdge


class BuildPipeline(Component):
    """The queues and the functions between a push and a release.

    A push is recorded by `webhook` and waits in the build queue; `orchestrator` starts its build; EventBridge
    tells `build-events` how it ended; a good one waits in the release queue; `release` puts it live. The
    build itself calls none of them: it runs code of strangers.

    Attributes:
        builds: The build queue.
        releases: The release queue; one project's releases follow each other.
        functions: Its functions, by the name that a route has for them (`runtime.deploy.api.routes`).
    """

    def __init__(
        self, name: str, args: BuildPipelineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        stage = args.functions.stage
        super().__init__("pipeline", name, stage, opts)
        self._args = args
        self._store = args.functions.store
        self._sites = args.functions.sites
        self.builds = Queue("builds", QueueArgs(stage=stage, visibility=_BUILD_VISIBILITY), self.inside)
        self.releases = Queue(
            "releases", QueueArgs(stage=stage, visibility=6 * _RELEASE_TIMEOUT, fifo=True), self.inside
        )
        self.functions: dict[str, Function] = {
            "webhook": self._webhook(),
            "orchestrator": self._orchestrator(),
            "build-events": self._build_events(),
            "release": self._release(),
        }
        self.functions["orchestrator"].consume(self.builds)
        self.functions["release"].consume(self.releases)
        self._tell_ends_of_builds_to(self.functions["build-events"])
        self.register_outputs({})

    def _webhook(self) -> Function:
        store = self._store
        return self._args.functions.make(
            "webhook",
            opts=self.inside,
            # GitHub waits ten seconds for its answer.
            timeout=10,
            environment={"BUILD_QUEUE_URL": self.builds.url, "SIGNING_KEY_ARN": store.keys.signing_arn},
            grants=(
                store.projects.grant("GetItem", "PutItem", "UpdateItem"),
                store.deployments.grant("GetItem", "PutItem"),
                store.keys.grant_sign(),
                self.builds.grant_send(),
            ),
        )

    def _orchestrator(self) -> Function:
        store = self._store
        return self._args.functions.make(
            "orchestrator",
            opts=self.inside,
            timeout=60,
            environment={
                "ARTIFACTS_BUCKET": store.artifacts.bucket_name,
                "BUILD_QUEUE_URL": self.builds.url,
                "CONCURRENT_BUILDS": str(self.stage.concurrent_builds),
                "MAX_RECEIVE_COUNT": str(self.builds.max_receive_count),
                "SIGNING_KEY_ARN": store.keys.signing_arn,
                "SECRETS_KEY_ARN": store.keys.secrets_arn,
            },
            grants=(
                self.builds.grant_consume(),
                # When CodeBuild is full, a message need not wait for half an hour.
                self.builds.grant_show_again(),
                # A failed build's place goes to who is next.
                self.builds.grant_send(),
                store.projects.grant("GetItem", "UpdateItem"),
                # Who has a turn waits no more; who waits is `queued`.
                store.grant_turns(),
                store.deployments.grant("ConditionCheckItem", "GetItem", "Query", "UpdateItem"),
                # Stopped is a build whose deployment was cancelled while it was being started; looked for is
                # one that may have been started before.
                Grant(
                    actions=(
                        "codebuild:BatchGetBuilds",
                        "codebuild:ListBuildsForProject",
                        "codebuild:StartBuild",
                        "codebuild:StopBuild",
                    ),
                    resources=(self._sites.builds,),
                ),
                store.keys.grant_sign(),
                Grant(actions=("ssm:PutParameter",), resources=(self._sites.server_actions_keys,)),
                store.keys.grant_encrypt(self._sites.server_actions_keys),
            ),
        )

    def _build_events(self) -> Function:
        store = self._store
        return self._args.functions.make(
            "build-events",
            opts=self.inside,
            timeout=60,
            environment={
                "BUILD_QUEUE_URL": self.builds.url,
                "CONCURRENT_BUILDS": str(self.stage.concurrent_builds),
                "RELEASE_QUEUE_URL": self.releases.url,
            },
            grants=(
                store.projects.grant("UpdateItem"),
                store.grant_turns(),
                store.deployments.grant("ConditionCheckItem", "GetItem", "Query", "UpdateItem"),
                Grant(actions=("logs:GetLogEvents",), resources=(self._sites.build_logs,)),
                self.builds.grant_send(),
                self.releases.grant_send(),
            ),
        )

    def _release(self) -> Function:
        store, edge, sites = self._store, self._args.edge, self._sites
        return self._args.functions.make(
            "release",
            opts=self.inside,
            timeout=_RELEASE_TIMEOUT,
            memory=_RELEASE_MEMORY,
            storage=_RELEASE_STORAGE,
            layers=("base", "edge"),
            environment={
                "ARTIFACTS_BUCKET": store.artifacts.bucket_name,
                "ASSETS_BUCKET": store.assets.bucket_name,
                "KEY_VALUE_STORE_ARN": edge.store_arn,
                "MAX_RECEIVE_COUNT": str(self.releases.max_receive_count),
                "SIGNING_KEY_ARN": store.keys.signing_arn,
            },
            grants=(
                self.releases.grant_consume(),
                # A switch checks that its deployment has not ended; a failure, that no site leads to it.
                store.projects.grant("ConditionCheckItem", "GetItem", "UpdateItem"),
                store.deployments.grant("ConditionCheckItem", "GetItem", "UpdateItem"),
                store.artifacts.grant("GetObject", under="artifacts/"),
                # To who may not list, S3 does not say that an artifact is missing, but that it is forbidden.
                store.artifacts.grant_list(),
                # The zips of the functions, beside the artifact they were cut out of.
                store.artifacts.grant("PutObject", under="artifacts/*/functions/"),
                store.assets.grant("PutObject", under="assets/"),
                store.assets.grant("PutObject", under="cache/"),
                store.assets.grant_list(under="assets/"),
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
                edge.grant("DescribeKeyValueStore", "GetKey", "PutKey", "UpdateKeys"),
                store.keys.grant_sign(),
                Grant(actions=("ssm:GetParametersByPath",), resources=(sites.secrets,)),
                store.keys.grant_decrypt(sites.secrets),
            ),
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
        allowed = function.allow_invoke("build-ended", service="events.amazonaws.com", source_arn=rule.arn)
        aws.cloudwatch.EventTarget(
            "build-ended",
            target_id="build-events",
            rule=rule.name,
            arn=function.arn,
            # An event that comes before the right to call the function is lost.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )
