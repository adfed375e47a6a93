"""DeployStore: tables, buckets and keys of the deploy platform."""

import json
from collections.abc import Iterable

import attrs
import pulumi
import pulumi_aws as aws

from components.aws.bucket import RetainedBucket, RetainedBucketArgs
from components.aws.keys import PlatformKeys, PlatformKeysArgs
from components.aws.lifecycle import LifecycleRule
from components.aws.table import TenantTable, TenantTableArgs
from components.core.component import Component
from components.core.grants import Grant
from components.core.scope import ResourceScope
from components.deploy import buckets, tables
from components.deploy.audit_table import AUDIT
from components.deploy.build_tools import BuildTools
from runtime.deploy.model import BUILDS_PARTITION, RELEASE_SECRETS_FOLDER, SITES_PARTITION


@attrs.frozen(kw_only=True)
class DeployStoreArgs:
    """Arguments of `DeployStore`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        secrets_path: Parent of the sites' paths in Parameter Store, such as `/shop-dev/sites`. The default is
            the scope's prefix and `/sites`.
    """

    scope: ResourceScope
    secrets_path: str | None = None


class DeployStore(Component):
    """The tables, buckets and keys that the pipeline, the edge and the sites share.

    Attributes:
        projects: Projects table.
        deployments: Deployments table.
        audit: Table of the audit log. Functions only put rows into it, and never change or delete them.
        artifacts: Bucket of build artifacts.
        build_tools: What the builds of all sites run.
        logs: Bucket of build logs.
        assets: Bucket of the files that the edge serves, and of the sites' caches.
        keys: Keys of the platform.
        secrets_path: Parent of the sites' paths in Parameter Store.
        deploy_keys_path: Path of the deploy keys in Parameter Store, next to `secrets_path`. The builds of
            sites have no access to it.
    """

    def __init__(self, name: str, args: DeployStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("deploy_store", name, args.scope, opts)
        scope = args.scope
        self.projects = TenantTable(
            "projects", TenantTableArgs(scope=scope, design=tables.PROJECTS), self.child_opts
        )
        self.deployments = TenantTable(
            "deployments", TenantTableArgs(scope=scope, design=tables.DEPLOYMENTS), self.child_opts
        )
        self.audit = TenantTable("audit", TenantTableArgs(scope=scope, design=AUDIT), self.child_opts)
        self.artifacts = self._create_bucket("artifacts", buckets.ARTIFACTS)
        self.build_tools = BuildTools(self.artifacts, scope, self.child_opts)
        self.logs = self._create_bucket("logs", buckets.LOGS)
        self.assets = self._create_bucket("assets", buckets.ASSETS, read_by_distribution=True)
        self.keys = PlatformKeys(PlatformKeysArgs(scope=scope), self.child_opts)
        self.secrets_path = args.secrets_path or f"/{scope.prefix}/sites"
        self.deploy_keys_path = f"{self.secrets_path.rpartition('/')[0]}/deploy-keys"
        self.register_outputs({})

    @property
    def tables(self) -> dict[str, TenantTable]:
        """Tables by name."""
        return {"projects": self.projects, "deployments": self.deployments, "audit": self.audit}

    @property
    def buckets(self) -> dict[str, RetainedBucket]:
        """Buckets by name."""
        return {"artifacts": self.artifacts, "logs": self.logs, "assets": self.assets}

    def grant_scheduling_of_builds(self) -> tuple[Grant, ...]:
        """Allow reading the rows of running and waiting builds, and deleting the rows of waiting builds.

        These rows are in a separate partition of the projects table. So the grants do not allow deleting a
        project.
        """
        return (
            self.projects.grant("DeleteItem", "Query", partition_key=BUILDS_PARTITION),
            self.projects.grant_in_transactions("DeleteItem", partition_key=BUILDS_PARTITION),
        )

    def grant_replacement_of_release_secrets(self) -> tuple[Grant, ...]:
        """Allow writing the encrypted secrets of releases, and replacing those of older releases.

        The grants do not allow decrypting them.
        """
        return (
            self.assets.grant("GetObject", "PutObject", prefix=RELEASE_SECRETS_FOLDER),
            self.assets.grant_list(prefix=RELEASE_SECRETS_FOLDER),
        )

    def declare_sites(self, names: Iterable[str]) -> None:
        """Write the names of all sites to the projects table, so that the API can list them."""
        item = {
            "projectId": {"S": SITES_PARTITION},
            "sk": {"S": SITES_PARTITION},
            "names": {"L": [{"S": name} for name in sorted(names)]},
        }
        aws.dynamodb.TableItem(
            "sites",
            table_name=self.projects.table_name,
            hash_key="projectId",
            range_key="sk",
            item=json.dumps(item),
            opts=self.child_opts,
        )

    def _create_bucket(
        self, name: str, lifecycle: tuple[LifecycleRule, ...], *, read_by_distribution: bool = False
    ) -> RetainedBucket:
        return RetainedBucket(
            name,
            RetainedBucketArgs(
                scope=self.scope,
                lifecycle=lifecycle,
                read_by_distribution=read_by_distribution,
            ),
            self.child_opts,
        )
