"""DeploymentSweep: continues or ends deployments that are stuck."""

from typing import Final

import attrs
import pulumi

from components.aws.function import Function
from components.core.component import Component
from components.core.grants import Grant
from components.deploy.functions import DeployFunctionFactory
from components.deploy.pipeline import BuildPipeline

# With this timeout, a run ends before the next run starts. Overlapping runs would be harmless but useless.
_TIMEOUT: Final = 60


@attrs.frozen(kw_only=True)
class DeploymentSweepArgs:
    """Arguments of `DeploymentSweep`.

    Attributes:
        factory: Factory that creates the component's function.
        pipeline: Pipeline to whose queues the function sends lost messages again.
    """

    factory: DeployFunctionFactory
    pipeline: BuildPipeline


class DeploymentSweep(Component):
    """The function that checks deployments whose lease has expired. It runs once a minute.

    The function sends lost messages again. If the event for the end of a build was lost, the function reads
    the build's state from CodeBuild. It does not start, stop or release a build itself.

    Attributes:
        functions: A mapping that contains only this function, by its name.
    """

    def __init__(
        self, name: str, args: DeploymentSweepArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sweep", name, args.factory.scope, opts)
        function = args.factory.create(
            "sweep",
            timeout=_TIMEOUT,
            environment={
                "BUILD_QUEUE_URL": args.pipeline.builds.url,
                "CONCURRENT_BUILDS": str(args.pipeline.concurrent_builds),
                "RELEASE_QUEUE_URL": args.pipeline.releases.url,
            },
            grants=_build_grants(args),
            opts=self.child_opts,
        )
        self.functions: dict[str, Function] = {"sweep": function}
        function.schedule("every-minute", "rate(1 minute)")
        self.register_outputs({})


def _build_grants(args: DeploymentSweepArgs) -> tuple[Grant, ...]:
    store, sites = args.factory.store, args.factory.site_arns
    return (
        store.projects.grant("ConditionCheckItem", "GetItem", "UpdateItem"),
        *store.grant_scheduling_of_builds(),
        store.deployments.grant("ConditionCheckItem", "GetItem", "Query", "UpdateItem"),
        store.deployments.grant_query("LeaseIndex"),
        Grant(
            actions=("codebuild:BatchGetBuilds", "codebuild:ListBuildsForProject"),
            resources=(sites.build_project_arns,),
        ),
        Grant(actions=("logs:GetLogEvents",), resources=(sites.build_log_arns,)),
        args.pipeline.builds.grant_send(),
        args.pipeline.releases.grant_send(),
    )
