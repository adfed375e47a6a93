"""ReleaseCollection: takes away what old releases of sites leave behind (D6)."""

from typing import Final

import attrs
import pulumi

from components.aws.function import Function
from components.core.component import Component
from components.core.grants import Grant
from components.deploy.functions import DeployFunctions
from components.edge.shared_edge import SharedEdge

# What is left when the time is over, the next hour does (runtime/deploy/upkeep/collecting.py).
_TIMEOUT: Final = 900


@attrs.frozen(kw_only=True)
class ReleaseCollectionArgs:
    """What the collection is made of.

    Attributes:
        functions: Makes its function; their stage says how many releases are kept.
        edge: In which store a release has its host.
    """

    functions: DeployFunctions
    edge: SharedEdge


class ReleaseCollection(Component):
    """The function that, once an hour, removes the releases that no project keeps any more.

    Only here may code delete versions of functions and files of sites: `release` and `promote` cannot.

    Attributes:
        functions: The one function, by its name.
    """

    def __init__(
        self, name: str, args: ReleaseCollectionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        stage = args.functions.stage
        super().__init__("collection", name, stage, opts)
        function = args.functions.make(
            "collect",
            timeout=_TIMEOUT,
            layers=("base", "edge"),
            environment={
                "ASSETS_BUCKET": args.functions.store.assets.bucket_name,
                "KEY_VALUE_STORE_ARN": args.edge.store_arn,
                "DISTRIBUTION_ID": args.edge.distribution_id,
                "KEPT_RELEASES": str(stage.kept_releases),
            },
            grants=_grants(args),
            opts=self.inside,
        )
        self.functions: dict[str, Function] = {"collect": function}
        function.schedule("hourly", "rate(1 hour)")
        self.register_outputs({})


def _grants(args: ReleaseCollectionArgs) -> tuple[Grant, ...]:
    store, sites = args.functions.store, args.functions.sites
    return (
        store.projects.grant("ConditionCheckItem", "GetItem"),
        store.deployments.grant("GetItem", "UpdateItem"),
        store.deployments.grant_query("HeldIndex"),
        args.edge.grant("DescribeKeyValueStore", "GetKey", "UpdateKeys"),
        args.edge.grant_invalidate(),
        Grant(
            actions=(
                "lambda:DeleteAlias",
                # Of a version: IAM knows no other right than that of deleting the function itself.
                "lambda:DeleteFunction",
                "lambda:DeleteFunctionUrlConfig",
                "lambda:ListAliases",
                "lambda:ListVersionsByFunction",
            ),
            resources=(sites.functions,),
        ),
        store.assets.grant("DeleteObject", under="assets/"),
        store.assets.grant("DeleteObject", under="cache/"),
        store.assets.grant_list(under="assets/"),
        store.assets.grant_list(under="cache/"),
    )
