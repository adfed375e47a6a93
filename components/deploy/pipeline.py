"""BuildPipeline: the steps from a push to a live release."""

import json
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.function import Function
from components.aws.queue import Queue, QueueArgs
from components.core.component import Component
from components.core.grants import Grant
from components.core.limits.concurrency import count_batches
from components.core.limits.edge_budget import MAX_RELEASE_BYTES
from components.deploy.functions import DeployFunctionFactory
from components.edge.shared_edge import SharedEdge
from runtime.deploy.model import KEY_HANDOVER_FOLDER

# MB. 1,769 MB give the function `release` one CPU core. It compresses and hashes the code of functions.
_RELEASE_MEMORY: Final = 1769
# `/tmp` must hold the artifact and, at the same time, the zips of three functions: server, image and
# revalidation (runtime/deploy/releases/bundles.py).
_RELEASE_STORAGE: Final = 2048
# In seconds; equal to the time limit of a build. If the orchestrator crashes, SQS delivers the message again
# after this time. After a temporary error of AWS, the orchestrator shortens the visibility timeout of the
# message (runtime/deploy/builds/building.py).
_BUILD_VISIBILITY_TIMEOUT: Final = 1800
_RELEASE_TIMEOUT: Final = 300


@attrs.frozen(kw_only=True)
class BuildPipelineArgs:
    """Arguments of `BuildPipeline`.

    Attributes:
        factory: Factory that creates the component's functions.
        edge: Edge whose KeyValueStore holds the live release of each site.
        kept_releases: Number of newest releases kept for each project.
        edge_release_bytes: Share of a release in the edge's KeyValueStore
            (`components.core.limits.edge_budget`).
        concurrent_builds: Number of builds that run at the same time, of all projects together. Other builds
            wait in order. Set CodeBuild's quota to at least this number; above the quota, CodeBuild starts
            builds in any order.
    """

    factory: DeployFunctionFactory
    edge: SharedEdge
    kept_releases: int = 10
    edge_release_bytes: int = MAX_RELEASE_BYTES
    concurrent_builds: int = 10


class BuildPipeline(Component):
    """The queues and functions between a push and a release.

    `webhook` records a push and sends a message to the build queue. `orchestrator` starts the build.
    EventBridge reports the end of the build to `build-events`. If the build succeeded, `build-events` sends a
    message to the release queue, and `release` makes the build live. The build has no permission to call
    these functions, because it runs untrusted code.

    Attributes:
        builds: Build queue.
        releases: Release queue (FIFO). The releases of one project run one after the other.
        functions: Functions by the name that routes use (`runtime.deploy.api.routes`).
        concurrent_builds: Number of builds that run at the same time.
    """

    def __init__(
        self, name: str, args: BuildPipelineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        scope = args.factory.scope
        super().__init__("pipeline", name, scope, opts)
        self._args = args
        self.concurrent_builds = args.concurrent_builds
        self._store = args.factory.store
        self._sites = args.factory.site_arns
        self.builds = Queue(
            "builds", QueueArgs(scope=scope, visibility_timeout=_BUILD_VISIBILITY_TIMEOUT), self.child_opts
        )
        self.releases = Queue(
            "releases",
            QueueArgs(scope=scope, visibility_timeout=6 * _RELEASE_TIMEOUT, fifo=True),
            self.child_opts,
        )
        self.functions: dict[str, Function] = {
            "webhook": self._create_webhook(),
            "orchestrator": self._create_orchestrator(),
            "build-events": self._create_build_events(),
            "release": self._create_release(),
        }
        # If the orchestrator ran more batches at the same time, no more builds would start. If more releases
        # ran at the same time, their writes to the shared KeyValueStore would conflict more often.
        batches = count_batches(args.concurrent_builds)
        self.functions["orchestrator"].consume(self.builds, max_concurrency=batches)
        # The orchestrator sends messages to its own queue: for the next builds in order, and for builds that
        # CodeBuild has refused and that must be tried again.
        self.functions["orchestrator"].allow_recursion()
        self.functions["release"].consume(self.releases, max_concurrency=batches)
        self._send_build_events_to(self.functions["build-events"])
        self.register_outputs({})

    def _create_webhook(self) -> Function:
        store = self._store
        return self._args.factory.create(
            "webhook",
            opts=self.child_opts,
            # GitHub waits ten seconds for a response.
            timeout=10,
            environment={
                "AUDIT_TABLE": store.audit.table_name,
                "BUILD_QUEUE_URL": self.builds.url,
                "SIGNING_KEY_ARN": store.keys.signing_arn,
                **self._args.factory.deployment_quotas,
            },
            grants=(
                # ConditionCheckItem: the transaction that creates a deployment checks the build minutes.
                store.projects.grant("ConditionCheckItem", "GetItem", "PutItem", "UpdateItem"),
                store.deployments.grant("GetItem", "PutItem"),
                store.audit.grant("PutItem"),
                store.keys.grant_sign(),
                self.builds.grant_send(),
            ),
        )

    def _create_orchestrator(self) -> Function:
        store = self._store
        return self._args.factory.create(
            "orchestrator",
            opts=self.child_opts,
            timeout=60,
            concurrency=count_batches(self.concurrent_builds),
            environment={
                "ARTIFACTS_BUCKET": store.artifacts.bucket_name,
                "BUILD_QUEUE_URL": self.builds.url,
                "CONCURRENT_BUILDS": str(self.concurrent_builds),
                "MAX_RECEIVE_COUNT": str(self.builds.max_receive_count),
                "SIGNING_KEY_ARN": store.keys.signing_arn,
                "SECRETS_KEY_ARN": store.keys.secrets_arn,
                "DEPLOY_KEYS_PATH": store.deploy_keys_path,
            },
            grants=(
                self.builds.grant_consume(),
                # After a temporary error of AWS, the function shortens the visibility timeout of half an
                # hour, so that SQS delivers the message again after one or two minutes.
                self.builds.grant_change_visibility(),
                # If a build cannot start, the function sends a message for the next deployment in order.
                self.builds.grant_send(),
                store.projects.grant("GetItem", "UpdateItem"),
                # The function removes a build from the waiting builds when it starts the build.
                *store.grant_scheduling_of_builds(),
                store.deployments.grant("ConditionCheckItem", "GetItem", "Query", "UpdateItem"),
                # StopBuild: to stop the build of a deployment that was canceled while the build started.
                # ListBuildsForProject: to find the build that an earlier attempt has perhaps started.
                Grant(
                    actions=(
                        "codebuild:BatchGetBuilds",
                        "codebuild:ListBuildsForProject",
                        "codebuild:StartBuild",
                        "codebuild:StopBuild",
                    ),
                    resources=(self._sites.build_project_arns,),
                ),
                store.keys.grant_sign(),
                Grant(actions=("ssm:PutParameter",), resources=(self._sites.server_actions_keys,)),
                store.keys.grant_encrypt(self._sites.server_actions_keys),
                # For a private repository, the function reads the deploy key and hands it over to the build:
                # it writes an object, and presigns a URL to read this object and one to delete it.
                Grant(actions=("ssm:GetParameters",), resources=(self._sites.deploy_keys,)),
                store.keys.grant_decrypt(self._sites.deploy_keys),
                store.artifacts.grant("DeleteObject", "GetObject", "PutObject", prefix=KEY_HANDOVER_FOLDER),
            ),
        )

    def _create_build_events(self) -> Function:
        store = self._store
        return self._args.factory.create(
            "build-events",
            opts=self.child_opts,
            timeout=60,
            environment={
                "BUILD_QUEUE_URL": self.builds.url,
                "CONCURRENT_BUILDS": str(self.concurrent_builds),
                "RELEASE_QUEUE_URL": self.releases.url,
            },
            grants=(
                store.projects.grant("UpdateItem"),
                *store.grant_scheduling_of_builds(),
                store.deployments.grant("ConditionCheckItem", "GetItem", "Query", "UpdateItem"),
                Grant(actions=("logs:GetLogEvents",), resources=(self._sites.build_log_arns,)),
                self.builds.grant_send(),
                self.releases.grant_send(),
            ),
        )

    def _create_release(self) -> Function:
        store, edge, sites = self._store, self._args.edge, self._sites
        return self._args.factory.create(
            "release",
            opts=self.child_opts,
            concurrency=count_batches(self.concurrent_builds),
            timeout=_RELEASE_TIMEOUT,
            memory=_RELEASE_MEMORY,
            storage=_RELEASE_STORAGE,
            layers=("base", "edge"),
            environment={
                "ARTIFACTS_BUCKET": store.artifacts.bucket_name,
                "ASSETS_BUCKET": store.assets.bucket_name,
                "AUDIT_TABLE": store.audit.table_name,
                "KEY_VALUE_STORE_ARN": edge.store_arn,
                "KEPT_RELEASES": str(self._args.kept_releases),
                "EDGE_RELEASE_BYTES": str(self._args.edge_release_bytes),
                "MAX_RECEIVE_COUNT": str(self.releases.max_receive_count),
                "SIGNING_KEY_ARN": store.keys.signing_arn,
                "SECRETS_KEY_ARN": store.keys.secrets_arn,
            },
            grants=(
                self.releases.grant_consume(),
                # ConditionCheckItem: the switch to a release checks that its deployment has not ended. The
                # write that marks a deployment as failed checks that the deployment is not live.
                store.projects.grant("ConditionCheckItem", "GetItem", "UpdateItem"),
                store.deployments.grant("ConditionCheckItem", "GetItem", "UpdateItem"),
                store.audit.grant("PutItem"),
                # Before a release, the function withdraws the releases that the project no longer keeps.
                store.deployments.grant_query("HeldIndex"),
                store.artifacts.grant("GetObject", prefix="artifacts/"),
                # Without this permission, S3 answers 403 instead of 404 for a missing artifact.
                store.artifacts.grant_list(),
                # The function uploads the zips of a release's functions next to the artifact.
                store.artifacts.grant("PutObject", prefix="artifacts/*/functions/"),
                store.assets.grant("PutObject", prefix="assets/"),
                store.assets.grant("PutObject", prefix="cache/"),
                store.assets.grant_list(prefix="assets/"),
                Grant(
                    actions=("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"),
                    resources=(sites.cache_tag_tables,),
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
                store.keys.grant_encrypt_for_releases(),
                *store.grant_replacement_of_release_secrets(),
            ),
        )

    def _send_build_events_to(self, function: Function) -> None:
        rule = aws.cloudwatch.EventRule(
            "build-ended",
            name=f"{self.scope.prefix}-build-ended",
            description="Builds of sites that ended, with any result",
            event_pattern=json.dumps(
                {
                    "source": ["aws.codebuild"],
                    "detail-type": ["CodeBuild Build State Change"],
                    "detail": {
                        "project-name": [{"prefix": f"{self.scope.prefix}-site-"}],
                        "build-status": ["SUCCEEDED", "FAILED", "FAULT", "STOPPED", "TIMED_OUT"],
                    },
                }
            ),
            opts=self.child_opts,
        )
        allowed = function.allow_invoke("build-ended", service="events.amazonaws.com", source_arn=rule.arn)
        aws.cloudwatch.EventTarget(
            "build-ended",
            target_id="build-events",
            rule=rule.name,
            arn=function.arn,
            # The permission is created before the target. Without the permission, an event would be lost.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )
