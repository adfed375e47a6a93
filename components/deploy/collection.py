"""ReleaseCollection: deletes old releases of sites."""

from typing import Final

import attrs
import pulumi

from components.aws.function import Function
from components.core.component import Component
from components.core.grants import Grant
from components.deploy.functions import DeployFunctionFactory
from components.edge.shared_edge import SharedEdge

# A run stops before this timeout. The next run continues where the previous run ended
# (runtime/deploy/upkeep/collecting.py).
_TIMEOUT: Final = 900


@attrs.frozen(kw_only=True)
class ReleaseCollectionArgs:
    """Arguments of `ReleaseCollection`.

    Attributes:
        factory: Factory that creates the component's function.
        edge: Edge whose KeyValueStore holds the hosts of releases.
        kept_releases: Number of newest releases kept for each project, for rollback. The live release is
            always kept.
    """

    factory: DeployFunctionFactory
    edge: SharedEdge
    kept_releases: int = 10


class ReleaseCollection(Component):
    """A function that runs once an hour. It deletes releases that their projects no longer keep.

    No other function of the platform has the permission to delete function versions and files of sites.

    Attributes:
        functions: A mapping that contains only this function, by its name.
    """

    def __init__(
        self, name: str, args: ReleaseCollectionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("collection", name, args.factory.scope, opts)
        function = args.factory.create(
            "collect",
            timeout=_TIMEOUT,
            layers=("base", "edge"),
            environment={
                "ASSETS_BUCKET": args.factory.store.assets.bucket_name,
                "KEY_VALUE_STORE_ARN": args.edge.store_arn,
                "DISTRIBUTION_ID": args.edge.distribution_id,
                "KEPT_RELEASES": str(args.kept_releases),
            },
            grants=_build_grants(args),
            opts=self.child_opts,
        )
        self.functions: dict[str, Function] = {"collect": function}
        function.schedule("hourly", "rate(1 hour)")
        self.register_outputs({})


def _build_grants(args: ReleaseCollectionArgs) -> tuple[Grant, ...]:
    store, sites = args.factory.store, args.factory.site_arns
    return (
        store.projects.grant("ConditionCheckItem", "GetItem"),
        store.deployments.grant("GetItem", "UpdateItem"),
        store.deployments.grant_query("HeldIndex"),
        args.edge.grant("DescribeKeyValueStore", "GetKey", "UpdateKeys"),
        args.edge.grant_invalidate(),
        Grant(
            actions=(
                "lambda:DeleteAlias",
                # The collection deletes versions, not functions. IAM has the same action for both.
                "lambda:DeleteFunction",
                "lambda:DeleteFunctionUrlConfig",
                "lambda:ListAliases",
                "lambda:ListVersionsByFunction",
            ),
            resources=(sites.functions,),
        ),
        store.assets.grant("DeleteObject", prefix="assets/"),
        store.assets.grant("DeleteObject", prefix="cache/"),
        store.assets.grant_list(prefix="assets/"),
        store.assets.grant_list(prefix="cache/"),
    )
