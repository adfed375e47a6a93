"""DeployStore: all that the deploy platform keeps (T5, T6, B3, B4)."""

import attrs
import pulumi

from components.aws.bucket import RetainedBucket, RetainedBucketArgs
from components.aws.keys import PlatformKeys, PlatformKeysArgs
from components.aws.lifecycle import LifecycleRule
from components.aws.table import TenantTable, TenantTableArgs
from components.core.component import Component
from components.core.grants import Grant
from components.core.stage import StageConfig
from components.deploy import buckets, tables
from runtime.deploy.model import BUILDS_PARTITION


@attrs.frozen(kw_only=True)
class DeployStoreArgs:
    """What the store is made of.

    Attributes:
        stage: The stage it belongs to.
        account: The AWS account's id.
    """

    stage: StageConfig
    account: pulumi.Input[str]


class DeployStore(Component):
    """The tables, the buckets and the keys that the pipeline, the edge and the sites share.

    Attributes:
        projects: The projects table.
        deployments: The deployments table.
        artifacts: Where builds put what they built.
        logs: Where the logs of builds are kept.
        assets: From where the edge serves files, and where sites keep their cache.
        keys: The platform's keys.
    """

    def __init__(self, name: str, args: DeployStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("deploy_store", name, args.stage, opts)
        self._args = args
        stage = args.stage
        self.projects = TenantTable(
            "projects", TenantTableArgs(stage=stage, design=tables.PROJECTS), self.inside
        )
        self.deployments = TenantTable(
            "deployments", TenantTableArgs(stage=stage, design=tables.DEPLOYMENTS), self.inside
        )
        self.artifacts = self._bucket("artifacts", buckets.ARTIFACTS)
        self.logs = self._bucket("logs", buckets.LOGS)
        self.assets = self._bucket("assets", buckets.ASSETS, served=True)
        self.keys = PlatformKeys(PlatformKeysArgs(stage=stage, account=args.account), self.inside)
        self.register_outputs({})

    @property
    def tables(self) -> dict[str, TenantTable]:
        """Its tables, by name."""
        return {"projects": self.projects, "deployments": self.deployments}

    @property
    def buckets(self) -> dict[str, RetainedBucket]:
        """Its buckets, by name."""
        return {"artifacts": self.artifacts, "logs": self.logs, "assets": self.assets}

    def grant_turns(self) -> Grant:
        """Allow to see what runs and what waits for a build, and to let it wait no more.

        These are rows of the projects table, but no project's: none of those can be deleted with this.
        """
        return self.projects.grant("DeleteItem", "Query", partition=BUILDS_PARTITION)

    def _bucket(
        self, name: str, lifecycle: tuple[LifecycleRule, ...], *, served: bool = False
    ) -> RetainedBucket:
        return RetainedBucket(
            name,
            RetainedBucketArgs(
                stage=self.stage, account=self._args.account, lifecycle=lifecycle, served=served
            ),
            self.inside,
        )
