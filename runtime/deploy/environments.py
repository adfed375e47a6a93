# ruff: noqa: D102 - variables are named by their type
"""The variables that the functions of `composition.py` read from the environments of handlers."""

from typing import Protocol

from runtime.deploy.repositories.usage import QuotaVariables


class TableNames(Protocol):
    """The variables with the names of the platform's tables."""

    @property
    def projects_table(self) -> str: ...
    @property
    def deployments_table(self) -> str: ...


class AuditTable(Protocol):
    """The variable with the name of the audit table."""

    @property
    def audit_table(self) -> str: ...


class BuildQueueUrl(Protocol):
    """The variable with the URL of the build queue."""

    @property
    def build_queue_url(self) -> str: ...


class ReleaseQueueUrl(Protocol):
    """The variable with the URL of the release queue."""

    @property
    def release_queue_url(self) -> str: ...


class SigningKey(Protocol):
    """The variable with the ARN of the platform's signing key."""

    @property
    def signing_key_arn(self) -> str: ...


class SecretsKey(Protocol):
    """The variable with the ARN of the key that encrypts the sites' secret variables."""

    @property
    def secrets_key_arn(self) -> str: ...


class DeployKeysPath(Protocol):
    """The variable with the Parameter Store folder of the stage's deploy keys."""

    @property
    def deploy_keys_path(self) -> str: ...


class KeyValueStore(Protocol):
    """The variable with the ARN of the edge's KeyValueStore."""

    @property
    def key_value_store_arn(self) -> str: ...


class MaxReceiveCount(Protocol):
    """The variable with the number of receives after which a message goes to the dead-letter queue."""

    @property
    def max_receive_count(self) -> str: ...


class SchedulerEnvironment(TableNames, BuildQueueUrl, Protocol):
    """The variables of all services that start or end builds.

    Attributes:
        concurrent_builds: Maximum number of builds that the stage runs at the same time.
    """

    @property
    def concurrent_builds(self) -> str: ...


class WebhookEnvironment(TableNames, AuditTable, BuildQueueUrl, SigningKey, QuotaVariables, Protocol):
    """The variables of `create_push_receiver`."""


class BuilderEnvironment(
    SchedulerEnvironment, MaxReceiveCount, SigningKey, SecretsKey, DeployKeysPath, Protocol
):
    """The variables of `create_builder`."""

    @property
    def artifacts_bucket(self) -> str: ...


class BuildEndEnvironment(SchedulerEnvironment, ReleaseQueueUrl, Protocol):
    """The variables of `create_build_result_recorder` and `create_sweeper`."""


class ApiEnvironment(SchedulerEnvironment, AuditTable, SigningKey, SecretsKey, QuotaVariables, Protocol):
    """The variables of `create_project_service`."""

    @property
    def api_endpoint(self) -> str: ...
    @property
    def logs_bucket(self) -> str: ...
    @property
    def max_projects(self) -> str: ...


class AssetsBucket(Protocol):
    """The variable with the name of the assets bucket."""

    @property
    def assets_bucket(self) -> str: ...


class KeptReleases(Protocol):
    """The variable with the number of newest releases that each project keeps."""

    @property
    def kept_releases(self) -> str: ...


class SwitchEnvironment(TableNames, KeyValueStore, AssetsBucket, Protocol):
    """The variables of all services that change the edge and the tables."""


class PromotionEnvironment(SwitchEnvironment, AuditTable, Protocol):
    """The variables of `create_switch`."""

    @property
    def max_promotions_per_minute(self) -> str: ...


class DeletionEnvironment(SwitchEnvironment, AuditTable, SecretsKey, DeployKeysPath, Protocol):
    """The variables of `create_project_deletion` and `create_deploy_key_service`."""


class ReleaserEnvironment(
    SwitchEnvironment, AuditTable, MaxReceiveCount, SigningKey, SecretsKey, KeptReleases, Protocol
):
    """The variables of `create_releaser`.

    Attributes:
        edge_release_bytes: Share of a release in the edge's KeyValueStore.
    """

    @property
    def artifacts_bucket(self) -> str: ...
    @property
    def edge_release_bytes(self) -> str: ...


class CollectorEnvironment(SwitchEnvironment, KeptReleases, Protocol):
    """The variables of `create_collector`."""

    @property
    def artifacts_bucket(self) -> str: ...


class EdgeCacheEnvironment(KeyValueStore, Protocol):
    """The variables of `create_edge_cache`."""

    @property
    def distribution_id(self) -> str: ...


class DeployKeyStoreEnvironment(SecretsKey, DeployKeysPath, Protocol):
    """The variables of the store of deploy keys."""
