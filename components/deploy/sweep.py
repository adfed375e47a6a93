"""DeploymentSweep: nothing of the deploy platform stands still for good (P9)."""

from typing import Final

import attrs
import pulumi

from components.aws.function import Function
from components.core.component import Component
from components.core.grants import Grant
from components.deploy.functions import DeployFunctions
from components.deploy.pipeline import BuildPipeline

# Until the next one. Two at once do no harm, but no good either.
_TIMEOUT: Final = 60


@attrs.frozen(kw_only=True)
class DeploymentSweepArgs:
    """What the sweep is made of.

    Attributes:
        functions: Makes its function.
        pipeline: Whose messages it sends again.
    """

    functions: DeployFunctions
    pipeline: BuildPipeline


class DeploymentSweep(Component):
    """The function that, once a minute, looks at deployments that have stayed as they are for too long.

    It repeats what messages and events do, and asks CodeBuild; it starts, stops and releases nothing itself.

    Attributes:
        functions: The one function, by its name.
    """

    def __init__(
        self, name: str, args: DeploymentSweepArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sweep", name, args.functions.stage, opts)
        function = args.functions.make(
            "sweep",
            timeout=_TIMEOUT,
            environment={
                "BUILD_QUEUE_URL": args.pipeline.builds.url,
                "CONCURRENT_BUILDS": str(args.functions.stage.concurrent_builds),
                "RELEASE_QUEUE_URL": args.pipeline.releases.url,
            },
            grants=_grants(args),
            opts=self.inside,
        )
        self.functions: dict[str, Function] = {"sweep": function}
        function.schedule("every-minute", "rate(1 minute)")
        self.register_outputs({})


def _grants(args: DeploymentSweepArgs) -> tuple[Grant, ...]:
    store, sites = args.functions.store, args.functions.sites
    return (
        store.projects.grant("ConditionCheckItem", "GetItem", "UpdateItem"),
        store.grant_turns(),
        store.deployments.grant("ConditionCheckItem", "GetItem", "Query", "UpdateItem"),
        store.deployments.grant_query("LeaseIndex"),
        Grant(
            actions=("codebuild:BatchGetBuilds", "codebuild:ListBuildsForProject"), resources=(sites.builds,)
        ),
        Grant(actions=("logs:GetLogEvents",), resources=(sites.build_logs,)),
        args.pipeline.builds.grant_send(),
        args.pipeline.releases.grant_send(),
    )
