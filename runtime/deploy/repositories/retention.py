"""Which releases are kept, and the rows of those that still hold something (D6).

A deployment holds something from the moment its release begins: versions, a key at the edge, files. From then
on its row is in `HeldIndex`, and it leaves that when nothing is left of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from runtime.deploy.errors import ReleaseInUseError
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.deployment_rows import deployment_key, write_existing
from runtime.deploy.repositories.projects import project_key
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    attribute_names,
    attribute_values,
    build_condition_check,
    build_update,
    named_condition_errors,
    query_all,
    write_transaction,
)

HELD: Final = "RELEASE"
"""The one partition of `HeldIndex`. It grows by a row per release, which a partition can take."""

_COLLECTED: Final = (Status.RETIRED, Status.SUPERSEDED, Status.FAILED)


@frozen(kw_only=True)
class HeldRelease:
    """What `HeldIndex` tells of a deployment: enough to decide, without reading its row."""

    project_id: str
    deployment_id: str
    status: Status
    collected_at: datetime | None = None


def beyond(held: Iterable[HeldRelease], *, kept: int) -> Iterator[HeldRelease]:
    """Yield what a project does not keep, oldest first: all but its newest releases and what is in use.

    A release that failed was never reachable; it is not kept and does not count.

    Args:
        held: What one project holds, in any order.
        kept: How many of the newest releases are kept, the live one among them if it is one of these.
    """
    by_age = sorted(held, key=lambda each: each.deployment_id)  # ULIDs sort by creation
    released = [each for each in by_age if each.status not in {Status.DEPLOYING, Status.FAILED}]
    newest = {each.deployment_id for each in released[-kept:]}
    for each in by_age:
        if each.status in _COLLECTED and each.deployment_id not in newest:
            yield each


@frozen(kw_only=True)
class RetentionRepository:
    """Reads `HeldIndex`, and writes what collection does to a deployment.

    Attributes:
        client: Low-level DynamoDB client.
        deployments_table: Name of the deployments table.
        projects_table: Name of the projects table.
    """

    client: DynamoDBClient
    deployments_table: str
    projects_table: str

    def held(self) -> Sequence[HeldRelease]:
        """List what every project holds, oldest first (index `HeldIndex`, eventually consistent).

        One call per 1 MB: some 5,000 releases.
        """
        rows = query_all(
            self.client,
            TableName=self.deployments_table,
            IndexName="HeldIndex",
            KeyConditionExpression="#held = :held",
            ExpressionAttributeNames=attribute_names("#held"),
            ExpressionAttributeValues=attribute_values(held=HELD),
        )
        return [from_row(row, HeldRelease) for row in rows]

    def take(self, held: HeldRelease, *, at: datetime) -> None:
        """Write that a release is collected, unless its project's site leads to it or is about to.

        From then on it cannot be promoted. One transaction over the deployment and its project, which may be
        gone: a promote writes the same two.

        Raises:
            ReleaseInUseError: It is live, or being promoted, or collected already.
        """
        unused = "#status IN (:retired, :superseded, :failed) AND attribute_not_exists(#collectedAt)"
        taken = build_update(
            self.deployments_table,
            deployment_key(held.project_id, held.deployment_id),
            "SET #collectedAt = :at",
            when=unused,
            at=at,
            retired=Status.RETIRED,
            superseded=Status.SUPERSEDED,
            failed=Status.FAILED,
        )
        not_led_to = build_condition_check(
            self.projects_table,
            project_key(held.project_id),
            when="(attribute_not_exists(#live) OR #live.#deploymentId <> :deployment)"
            " AND (attribute_not_exists(#serving) OR #serving <> :deployment)",
            deployment=held.deployment_id,
        )
        try:
            write_transaction(self.client, {"Update": taken}, not_led_to)
        except TransactionRefusedError:
            raise ReleaseInUseError(held.deployment_id) from None

    def mark(self, deployment: Deployment, *, at: datetime) -> None:
        """Write that a release is collected, whatever leads to it: its host was found reachable after all, or
        its project is being deleted. Repeatable; the time is then the last one.

        Raises:
            DeploymentNotFoundError: There is no such deployment.
        """  # noqa: D205 - one sentence
        write_existing(self.client, self.deployments_table, deployment, "SET #collectedAt = :at", at=at)

    def finish(self, deployment: Deployment) -> None:
        """Write that nothing is left of a collected release. Repeatable.

        Raises:
            ReleaseInUseError: It was marked again since it was read, or never.
        """
        write = build_update(
            self.deployments_table,
            deployment_key(deployment.project_id, deployment.deployment_id),
            "REMOVE #release, #held",
            when="#collectedAt = :read",
            read=deployment.collected_at,
        )
        try:
            with named_condition_errors():
                self.client.update_item(**write)
        except ConditionFailedError:
            raise ReleaseInUseError(deployment.deployment_id) from None
