"""ReleaseCollection: deletes old releases of sites, and cleans the sites of deleted projects."""

from typing import Final

import attrs
import pulumi

from components.aws.function import Function
from components.core.component import Component
from components.core.grants import Grant
from components.deploy.functions import DeployFunctionFactory
from components.edge.shared_edge import SharedEdge
from runtime.deploy.model import RELEASE_SECRETS_FOLDER, SITE_PARTITION_PREFIX

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

    It also removes everything on the site of a deleted project, so that another tenant can use the site. No
    other function of the platform has the permission to delete function versions and files of sites.

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
                "ARTIFACTS_BUCKET": args.factory.store.artifacts.bucket_name,
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
        store.projects.grant("BatchGetItem", "ConditionCheckItem", "GetItem"),
        # The quarantine of a site is in the row that binds the site to its last project.
        store.projects.grant("DeleteItem", "UpdateItem", partition_prefix=SITE_PARTITION_PREFIX),
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
                "lambda:GetFunctionConfiguration",
                "lambda:ListAliases",
                "lambda:ListVersionsByFunction",
                # A cleaned function gets placeholder code and no variables.
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ),
            resources=(sites.functions,),
        ),
        Grant(actions=("dynamodb:BatchWriteItem", "dynamodb:Scan"), resources=(sites.cache_tag_tables,)),
        Grant(actions=("sqs:PurgeQueue",), resources=(sites.revalidation_queues,)),
        # The function reads the names of secrets, but cannot decrypt the values.
        Grant(actions=("ssm:DeleteParameters", "ssm:GetParametersByPath"), resources=(sites.secret_folders,)),
        store.artifacts.grant("DeleteObject", prefix="artifacts/"),
        store.artifacts.grant_list(prefix="artifacts/"),
        store.assets.grant("DeleteObject", prefix="assets/"),
        store.assets.grant("DeleteObject", prefix="cache/"),
        store.assets.grant("DeleteObject", prefix=RELEASE_SECRETS_FOLDER),
        store.assets.grant_list(prefix="assets/"),
        store.assets.grant_list(prefix="cache/"),
        store.assets.grant_list(prefix=RELEASE_SECRETS_FOLDER),
    )
