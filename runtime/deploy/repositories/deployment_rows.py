"""Rows of the deployments table: their keys, and the writes that change a status, alone or in a transaction.

A deployment in progress has a lease: its status must change before the lease ends. The sweep (`sweeping.py`)
finds expired leases by an index that only contains rows with a lease.
"""

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from runtime.deploy.errors import DeploymentNotFoundError, StaleDeploymentError
from runtime.deploy.model import Deployment, Status
from runtime.shared.aws import AwsResponse, DynamoDBClient, Item
from runtime.shared.converters import from_row, to_attribute_value, to_row
from runtime.shared.dynamodb import ConditionFailedError, build_update, translate_condition_errors

LEASES: Final[Mapping[Status, timedelta]] = {
    # SQS delivers the build message within seconds. If the deployment has to wait for the build slot
    # or for build capacity, the sweep extends the lease.
    Status.QUEUED: timedelta(minutes=5),
    # Time to start the build. It is shorter than the five minutes in which CodeBuild recognizes a repeated
    # request by its idempotency token.
    Status.BUILDING: timedelta(minutes=3),
    # This is longer than the timeout of a release (components/deploy/pipeline.py), because a deployment can
    # have to wait for another release of its project.
    Status.BUILT: timedelta(minutes=10),
    Status.DEPLOYING: timedelta(minutes=10),
}
"""How long a deployment can keep a status before the sweep examines it.

In other statuses, a deployment has no lease, except while its promotion is being finished (`SWITCH_LEASE`).
"""

BUILD_LEASE: Final = timedelta(minutes=5)
"""How long the sweep waits for the end of a build before it asks CodeBuild again."""

SWITCH_LEASE: Final = timedelta(minutes=2)
"""The lease of a promotion until its switch is finished. Longer than the promoting function's timeout."""

LEASE_SHARDS: Final = tuple(f"ACTIVE#{number}" for number in range(4))
"""The partitions of the lease index. A single partition would receive the writes of all projects."""

_DELIVERY_RETENTION: Final = timedelta(days=30)


def compute_lease_shard(deployment_id: str) -> str:
    """Return the partition of the lease index to which a deployment belongs."""
    return LEASE_SHARDS[zlib.crc32(deployment_id.encode()) % len(LEASE_SHARDS)]


def compute_lease_end(lease: timedelta, *, at: datetime) -> int:
    """Return the end of a lease in Unix seconds, as stored in rows."""
    return int((at + lease).timestamp())


def build_queued_row(deployment: Deployment) -> Item:
    """Return the row of a new deployment with its first lease."""
    lease = compute_lease_end(LEASES[Status.QUEUED], at=deployment.created_at)
    return {
        **to_row(deployment, lease=compute_lease_shard(deployment.deployment_id)),
        "leaseUntil": to_attribute_value(lease),
    }


def build_delivery_row(deployment: Deployment, delivery: str) -> Item:
    """Return the row of the projects table that records a webhook delivery, to recognize a repeated one."""
    return {
        "projectId": to_attribute_value(deployment.project_id),
        "sk": to_attribute_value(f"DELIVERY#{delivery}"),
        "deploymentId": to_attribute_value(deployment.deployment_id),
        "expiresAt": to_attribute_value(int((deployment.created_at + _DELIVERY_RETENTION).timestamp())),
    }


def build_deployment_key(project_id: str, deployment_id: str) -> Item:
    """Return the key of a deployment's row."""
    return {"projectId": {"S": project_id}, "deploymentId": {"S": deployment_id}}


def build_status_update(  # noqa: PLR0913 - the parts of a status write
    table: str,
    key: Item,
    to: Status,
    *,
    expected: Status | tuple[Status, ...],
    at: datetime,
    extra_set: str = "",
    extra_condition: str = "",
    starts_lease: bool = True,
    **by_name: object,
) -> dict[str, Any]:
    """Return the arguments of the update that sets a deployment's status and starts or ends its lease.

    Args:
        table: Name of the deployments table.
        key: Result of `build_deployment_key`.
        to: The new status.
        expected: The status, or one of the statuses, that the row must have.
        at: Becomes `updatedAt`.
        extra_set: Further assignments, such as `, #failure = :failure`.
        extra_condition: Further conditions, such as ` AND #userId = :user`.
        starts_lease: Whether a new lease starts and the number of retries becomes 0. False if the deployment
            can already have the new status.
        by_name: Value of each `:value` placeholder of `extra_set` and `extra_condition`.
    """
    expected = expected if isinstance(expected, tuple) else (expected,)
    marks = {f"was{number}": status for number, status in enumerate(expected)}
    change = f"SET #status = :to, #updatedAt = :at{extra_set}"
    if to not in LEASES:
        # A promoted deployment may still have the reason why it did not go live earlier.
        change += " REMOVE #lease, #leaseUntil, #putOff, #redrives" + (
            ", #statusReason" if to is Status.LIVE else ""
        )
    elif starts_lease:
        change += ", #lease = :lease, #leaseUntil = :leaseUntil REMOVE #putOff, #redrives"
        by_name["lease"] = compute_lease_shard(key["deploymentId"]["S"])
        by_name["leaseUntil"] = compute_lease_end(LEASES[to], at=at)
    return build_update(
        table,
        key,
        change,
        when=f"#status IN ({', '.join(f':{mark}' for mark in marks)}){extra_condition}",
        to=to,
        at=at,
        **marks,
        **by_name,
    )


def build_transition_update(
    table: str, deployment: Deployment, to: Status, *, at: datetime, extra_set: str = "", **by_name: object
) -> dict[str, Any]:
    """Return the arguments of the update that moves a deployment to another status.

    The update fails if the deployment no longer has the status in which it was read.

    Raises:
        StaleDeploymentError: `TRANSITIONS` does not allow the change.
    """
    deployment.with_status(to, at=at)
    key = build_deployment_key(deployment.project_id, deployment.deployment_id)
    return build_status_update(
        table,
        key,
        to,
        expected=deployment.status,
        at=at,
        extra_set=extra_set,
        extra_condition="",
        starts_lease=True,
        **by_name,
    )


def build_deployment_read(table: str, project_id: str, deployment_id: str) -> dict[str, Any]:
    """Return the arguments of the call that reads a deployment (strongly consistent)."""
    return {
        "TableName": table,
        "Key": build_deployment_key(project_id, deployment_id),
        "ConsistentRead": True,
    }


def parse_deployment(answer: AwsResponse) -> Deployment:
    """Return the deployment in the answer of `get_item`.

    Raises:
        DeploymentNotFoundError: The deployment does not exist.
    """
    if "Item" not in answer:
        raise DeploymentNotFoundError
    return from_row(answer["Item"], Deployment)


def update_deployment(
    client: DynamoDBClient, table: str, deployment: Deployment, change: str, **by_name: object
) -> Deployment:
    """Change a deployment in any status, and return its new state. Makes one call. Idempotent.

    Args:
        client: Low-level DynamoDB client.
        table: Name of the deployments table.
        deployment: The deployment. Only its ids are used.
        change: Update expression with `#attribute` and `:value`.
        by_name: A model value for each `:value`.

    Raises:
        DeploymentNotFoundError: The deployment does not exist.
    """
    key = build_deployment_key(deployment.project_id, deployment.deployment_id)
    write = build_update(table, key, change, when="attribute_exists(#projectId)", **by_name)
    try:
        with translate_condition_errors():
            answer = client.update_item(**write, ReturnValues="ALL_NEW")
    except ConditionFailedError:
        raise DeploymentNotFoundError from None
    return from_row(answer["Attributes"], Deployment)


def build_switch_lease_update(
    table: str, deployment: Deployment, *, when: str, at: datetime, **by_name: object
) -> dict[str, Any]:
    """Return the update that gives a promoted deployment a lease until its switch is finished."""
    return build_update(
        table,
        build_deployment_key(deployment.project_id, deployment.deployment_id),
        "SET #lease = :lease, #leaseUntil = :leaseUntil",
        when=when,
        lease=compute_lease_shard(deployment.deployment_id),
        leaseUntil=compute_lease_end(SWITCH_LEASE, at=at),
        **by_name,
    )


def create_stale_error(deployment: Deployment, to: Status, item: Item | None) -> StaleDeploymentError:
    """Return the error for a refused change of a deployment's status.

    `item` is the deployment's current row. It is None or empty if there is no row, or if the condition of
    another row failed.
    """
    found = item["status"]["S"] if item else None
    return StaleDeploymentError(deployment.deployment_id, to=to, found=found)
