"""The releases that a project keeps, and the rows of deployments that still hold resources.

A deployment holds resources from the start of its release: function versions, an edge key, files. From then
on, the deployment's row is in `HeldIndex`, until all these resources are deleted.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from runtime.deploy.errors import ReleaseInUseError
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.deployment_rows import build_deployment_key, update_deployment
from runtime.deploy.repositories.projects import build_project_key
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    build_attribute_names,
    build_attribute_values,
    build_condition_check,
    build_update,
    query_all,
    translate_condition_errors,
    write_transaction,
)

HELD_PARTITION: Final = "RELEASE"
"""The only partition of `HeldIndex`. One partition suffices, because each release adds only one row."""

_REMOVED: Final = "its release was removed, because the project only keeps its newest releases"
_COLLECTABLE: Final = (Status.READY, Status.RETIRED, Status.SUPERSEDED, Status.FAILED)


@frozen(kw_only=True)
class HeldRelease:
    """The attributes of a deployment in `HeldIndex`. They suffice to decide whether its release is kept."""

    project_id: str
    deployment_id: str
    status: Status
    collected_at: datetime | None = None


def find_collectable_releases(held: Iterable[HeldRelease], *, kept: int) -> Iterator[HeldRelease]:
    """Yield the releases that a project does not keep, oldest first.

    A project keeps its newest releases and the releases in use. At most half of the newest releases can be
    `ready`, or one if only one is kept. So the builds of a pinned project do not displace the releases to
    which its owner can return. A failed release was never live. It is never kept, and does not count as one
    of the newest.

    Args:
        held: All releases of one project that still have resources, in any order.
        kept: Number of newest releases to keep, including the live one if it is among them.
    """
    by_age = sorted(held, key=lambda each: each.deployment_id)  # ULIDs sort by creation
    surplus = {each.deployment_id for each in by_age if each.status is Status.READY}
    surplus -= set(sorted(surplus)[-max(1, kept // 2) :])
    released = [
        each.deployment_id
        for each in by_age
        if each.status not in {Status.DEPLOYING, Status.FAILED} and each.deployment_id not in surplus
    ]
    newest = set(released[-kept:])
    for each in by_age:
        if each.status in _COLLECTABLE and each.deployment_id not in newest:
            yield each


@frozen(kw_only=True)
class RetentionRepository:
    """Reads of `HeldIndex`, and the writes that the collector makes to a deployment.

    Attributes:
        client: Low-level DynamoDB client.
        deployments_table: Name of the deployments table.
        projects_table: Name of the projects table.
    """

    client: DynamoDBClient
    deployments_table: str
    projects_table: str

    def list_held_releases(self) -> Sequence[HeldRelease]:
        """Return the held releases of all projects, oldest first (index `HeldIndex`, eventually consistent).

        Makes one call per 1 MB, which is about 5,000 releases.
        """
        rows = query_all(
            self.client,
            TableName=self.deployments_table,
            IndexName="HeldIndex",
            KeyConditionExpression="#held = :held",
            ExpressionAttributeNames=build_attribute_names("#held"),
            ExpressionAttributeValues=build_attribute_values(held=HELD_PARTITION),
        )
        return [from_row(row, HeldRelease) for row in rows]

    def mark_collected_if_unused(self, held: HeldRelease, *, at: datetime) -> None:
        """Mark a release as collected, unless it is live or is becoming live.

        From then on, the release cannot be promoted, and a `ready` one becomes `superseded`. Makes one
        transaction over the deployment and its project. A deleted project is no error. A promotion writes or
        checks the same two rows, so either the promotion or this call succeeds.

        Raises:
            ReleaseInUseError: The release is live, is being promoted, or was already collected.
        """
        change, unused = "SET #collectedAt = :at", "attribute_not_exists(#collectedAt)"
        values: dict[str, object] = {"at": at, "superseded": Status.SUPERSEDED}
        if held.status is Status.READY:
            change += ", #status = :superseded, #statusReason = :reason"
            unused += " AND #status = :ready"
            values |= {"ready": Status.READY, "reason": _REMOVED}
        else:
            unused += " AND #status IN (:retired, :superseded, :failed)"
            values |= {"retired": Status.RETIRED, "failed": Status.FAILED}
        collected = build_update(
            self.deployments_table,
            build_deployment_key(held.project_id, held.deployment_id),
            change,
            when=unused,
            **values,
        )
        not_live = build_condition_check(
            self.projects_table,
            build_project_key(held.project_id),
            when="(attribute_not_exists(#live) OR #live.#deploymentId <> :deployment)"
            " AND (attribute_not_exists(#serving) OR #serving <> :deployment)",
            deployment=held.deployment_id,
        )
        try:
            write_transaction(self.client, {"Update": collected}, not_live)
        except TransactionRefusedError:
            raise ReleaseInUseError(held.deployment_id) from None

    def mark_collected(self, deployment: Deployment, *, at: datetime) -> None:
        """Mark a release as collected, whether or not it is live. A repeated call replaces `collectedAt`.

        Used if an earlier collection was interrupted before it removed the release's host from the edge, or
        if the project is being deleted.

        Raises:
            DeploymentNotFoundError: The deployment does not exist.
        """
        update_deployment(self.client, self.deployments_table, deployment, "SET #collectedAt = :at", at=at)

    def clear_release(self, deployment: Deployment) -> None:
        """Remove a collected release from its row, because all its resources are deleted. Idempotent.

        Raises:
            ReleaseInUseError: The release was marked as collected again after `deployment` was read, or was
                never marked as collected.
        """
        if deployment.collected_at is None:
            raise ReleaseInUseError(deployment.deployment_id)
        write = build_update(
            self.deployments_table,
            build_deployment_key(deployment.project_id, deployment.deployment_id),
            "REMOVE #release, #held",
            when="#collectedAt = :read",
            read=deployment.collected_at,
        )
        try:
            with translate_condition_errors():
                self.client.update_item(**write)
        except ConditionFailedError:
            raise ReleaseInUseError(deployment.deployment_id) from None
