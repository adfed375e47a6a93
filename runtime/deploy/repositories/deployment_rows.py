"""Rows of the deployments table: their key, and the writes that move one on, alone or in a transaction.

A deployment that is under way has a lease: until then whoever works on it has to have moved it on. The sweep
looks at what is past its lease (`sweeping.py`), by an index that holds nothing but what has one.
"""

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from runtime.deploy.errors import DeploymentNotFoundError, StaleDeploymentError
from runtime.deploy.model import Deployment, Status
from runtime.shared.aws import AwsResponse, DynamoDBClient, Item
from runtime.shared.converters import from_row, to_attribute_value, to_row
from runtime.shared.dynamodb import ConditionFailedError, build_update, named_condition_errors

LEASES: Final[Mapping[Status, timedelta]] = {
    # A message is taken within seconds, or the project's slot is taken for as long as a build.
    Status.QUEUED: timedelta(minutes=5),
    # To start a build: within five minutes CodeBuild knows the token of the request again.
    Status.BUILDING: timedelta(minutes=3),
    # Longer than one release may take (components/deploy/pipeline.py): those of a project follow each other.
    Status.BUILT: timedelta(minutes=10),
    Status.DEPLOYING: timedelta(minutes=10),
}
"""How long a deployment may stay as it is before the sweep looks at it. The other statuses are ends."""

BUILD_LEASE: Final = timedelta(minutes=5)
"""How long the sweep waits for the end of a build before it asks CodeBuild, each time."""

SWITCH_LEASE: Final = timedelta(minutes=2)
"""How long a promote has for the rest of its switch: longer than its function may run."""

LEASE_SHARDS: Final = tuple(f"ACTIVE#{number}" for number in range(4))
"""The partitions of the index: one alone would take all writes of all projects."""

_DELIVERY_REMEMBERED: Final = timedelta(days=30)


def lease_shard(deployment_id: str) -> str:
    """Return the partition of the index that a deployment is in while it is under way."""
    return LEASE_SHARDS[zlib.crc32(deployment_id.encode()) % len(LEASE_SHARDS)]


def lease_end(lease: timedelta, *, at: datetime) -> int:
    """Return the end of a lease in Unix seconds, as rows have it."""
    return int((at + lease).timestamp())


def queued_row(deployment: Deployment) -> Item:
    """Return the row of a new deployment, with its first lease."""
    lease = lease_end(LEASES[Status.QUEUED], at=deployment.created_at)
    return {
        **to_row(deployment, lease=lease_shard(deployment.deployment_id)),
        "leaseUntil": to_attribute_value(lease),
    }


def delivery_row(deployment: Deployment, delivery: str) -> Item:
    """Return the row, in the projects table, by which a delivery that comes again is known."""
    return {
        "projectId": to_attribute_value(deployment.project_id),
        "sk": to_attribute_value(f"DELIVERY#{delivery}"),
        "deploymentId": to_attribute_value(deployment.deployment_id),
        "expiresAt": to_attribute_value(int((deployment.created_at + _DELIVERY_REMEMBERED).timestamp())),
    }


def deployment_key(project_id: str, deployment_id: str) -> Item:
    """Return the key of a deployment's row."""
    return {"projectId": {"S": project_id}, "deploymentId": {"S": deployment_id}}


def status_update(  # noqa: PLR0913 - what a status' write can consist of
    table: str,
    key: Item,
    to: Status,
    *,
    was: Status | tuple[Status, ...],
    at: datetime,
    also: str = "",
    when: str = "",
    anew: bool = True,
    **by_name: object,
) -> dict[str, Any]:
    """Return the arguments of the update that moves a deployment to a status, which begins or ends its lease.

    Args:
        table: Name of the deployments table.
        key: From `deployment_key`.
        to: The new status.
        was: The status that the row must have, or several it may have.
        at: Becomes `updatedAt`.
        also: What else is set, such as `, #failure = :failure`.
        when: What else must hold, such as ` AND #userId = :user`.
        anew: False when the deployment is in that status already: its lease and what the sweep has tried
            stay as they are.
        by_name: A model value for each `:value` of the last two.
    """
    expected = was if isinstance(was, tuple) else (was,)
    marks = {f"was{number}": status for number, status in enumerate(expected)}
    change = f"SET #status = :to, #updatedAt = :at{also}"
    if to not in LEASES:
        change += " REMOVE #lease, #leaseUntil, #putOff, #redrives"
    elif anew:
        change += ", #lease = :lease, #leaseUntil = :leaseUntil REMOVE #putOff, #redrives"
        by_name["lease"] = lease_shard(key["deploymentId"]["S"])
        by_name["leaseUntil"] = lease_end(LEASES[to], at=at)
    return build_update(
        table,
        key,
        change,
        when=f"#status IN ({', '.join(f':{mark}' for mark in marks)}){when}",
        to=to,
        at=at,
        **marks,
        **by_name,
    )


def move(
    table: str, deployment: Deployment, to: Status, *, at: datetime, also: str = "", **by_name: object
) -> dict[str, Any]:
    """Return the arguments of the update that moves a deployment on from the status that it was read in.

    Raises:
        StaleDeploymentError: `TRANSITIONS` has no such way.
    """
    deployment.moved(to, at=at)
    key = deployment_key(deployment.project_id, deployment.deployment_id)
    return status_update(
        table, key, to, was=deployment.status, at=at, also=also, when="", anew=True, **by_name
    )


def reading(table: str, project_id: str, deployment_id: str) -> dict[str, Any]:
    """Return the arguments of the call that reads a deployment as it stands now (strongly consistent)."""
    return {"TableName": table, "Key": deployment_key(project_id, deployment_id), "ConsistentRead": True}


def found(answer: AwsResponse) -> Deployment:
    """Return the deployment that such a call has answered with.

    Raises:
        DeploymentNotFoundError: There is none.
    """
    if "Item" not in answer:
        raise DeploymentNotFoundError
    return from_row(answer["Item"], Deployment)


def write_existing(
    client: DynamoDBClient, table: str, deployment: Deployment, change: str, **by_name: object
) -> Deployment:
    """Change a deployment whatever its status is, and return it as it then is. One call; repeatable.

    Args:
        client: Low-level DynamoDB client.
        table: Name of the deployments table.
        deployment: Names the row.
        change: Update expression with `#attribute` and `:value`.
        by_name: A model value for each `:value`.

    Raises:
        DeploymentNotFoundError: There is no such deployment.
    """
    key = deployment_key(deployment.project_id, deployment.deployment_id)
    write = build_update(table, key, change, when="attribute_exists(#projectId)", **by_name)
    try:
        with named_condition_errors():
            answer = client.update_item(**write, ReturnValues="ALL_NEW")
    except ConditionFailedError:
        raise DeploymentNotFoundError from None
    return from_row(answer["Attributes"], Deployment)


def switch_lease(
    table: str, deployment: Deployment, *, when: str, at: datetime, **by_name: object
) -> dict[str, Any]:
    """Return the update that gives a promoted deployment a lease until its switch is over."""
    return build_update(
        table,
        deployment_key(deployment.project_id, deployment.deployment_id),
        "SET #lease = :lease, #leaseUntil = :leaseUntil",
        when=when,
        lease=lease_shard(deployment.deployment_id),
        leaseUntil=lease_end(SWITCH_LEASE, at=at),
        **by_name,
    )


def stale(deployment: Deployment, to: Status, item: Item | None) -> StaleDeploymentError:
    """Return the error for a write whose condition failed on this row."""
    found = item["status"]["S"] if item else None
    return StaleDeploymentError(deployment.deployment_id, to=to, found=found)
