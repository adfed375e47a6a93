"""Leases: they show which deployments have not progressed, and how often the sweep has retried each one."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from runtime.deploy.errors import DeploymentNotFoundError
from runtime.deploy.messages import DeploymentMessage
from runtime.deploy.model import Deployment
from runtime.deploy.repositories.deployment_rows import LEASE_SHARDS, build_deployment_key, compute_lease_end
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    build_attribute_names,
    build_attribute_values,
    build_update,
    translate_condition_errors,
)

MAX_PER_SHARD: Final = 25
"""The maximum number of deployments of one shard in one sweep. The next sweep examines the others."""

_POSTPONEMENT: Final = 60
"""Seconds of a deployment's first postponement. Each further postponement is this many seconds longer."""


@frozen(kw_only=True)
class _LeaseAttributes:
    lease_until: int | None = None
    redrives: int = 0


@frozen(kw_only=True)
class LeasedDeployment:
    """A deployment with its lease.

    Attributes:
        until: End of the lease in Unix seconds. None without a lease.
        redrives: Number of times that the sweep has resent the deployment's message since its last status
            change.
    """

    deployment: Deployment
    until: int | None
    redrives: int


@frozen(kw_only=True)
class LeaseRepository:
    """Reads and writes of leases for the sweep. Each method makes one DynamoDB call, except `list_expired`.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the deployments table.
    """

    client: DynamoDBClient
    table: str

    def list_expired(self, *, at: datetime) -> Iterator[DeploymentMessage]:
        """Yield the ids of deployments with an expired lease, longest expired first.

        Yields at most `MAX_PER_SHARD` of each shard, and makes one call per shard. The index `LeaseIndex` is
        eventually consistent, so a yielded deployment can already have progressed.
        """
        for shard in LEASE_SHARDS:
            answer = self.client.query(
                TableName=self.table,
                IndexName="LeaseIndex",
                KeyConditionExpression="#lease = :shard AND #leaseUntil <= :now",
                ExpressionAttributeNames=build_attribute_names("#lease #leaseUntil"),
                ExpressionAttributeValues=build_attribute_values(shard=shard, now=int(at.timestamp())),
                Limit=MAX_PER_SHARD,
            )
            for row in answer["Items"]:
                yield from_row(row, DeploymentMessage)

    def get(self, message: DeploymentMessage) -> LeasedDeployment:
        """Return the current state of a deployment with its lease (strongly consistent).

        Raises:
            DeploymentNotFoundError: The deployment does not exist.
        """
        answer = self.client.get_item(
            TableName=self.table,
            Key=build_deployment_key(message.project_id, message.deployment_id),
            ConsistentRead=True,
        )
        if "Item" not in answer:
            raise DeploymentNotFoundError
        lease = from_row(answer["Item"], _LeaseAttributes)
        return LeasedDeployment(
            deployment=from_row(answer["Item"], Deployment), until=lease.lease_until, redrives=lease.redrives
        )

    def extend(self, leased: LeasedDeployment, lease: timedelta, *, at: datetime, redrives: int) -> bool:
        """Start another lease, and record the number of retries.

        Returns:
            False if the deployment had no lease when it was read, or if its status or its lease has changed
            since the read. Then nothing is written.
        """
        if leased.until is None:
            return False
        deployment = leased.deployment
        write = build_update(
            self.table,
            build_deployment_key(deployment.project_id, deployment.deployment_id),
            "SET #leaseUntil = :end, #redrives = :redrives REMOVE #putOff",
            when="#status = :status AND #leaseUntil = :read",
            end=compute_lease_end(lease, at=at),
            redrives=redrives,
            status=deployment.status,
            read=leased.until,
        )
        return self._write(write)

    def postpone(self, message: DeploymentMessage, *, at: datetime) -> bool:
        """Start another lease for a deployment that cannot be swept. Each further lease is a minute longer.

        Only the key of the row is needed, because the row can be unreadable. Without a new lease, the
        deployment would stay at the start of its shard. `MAX_PER_SHARD` such deployments would block all
        others.

        Returns:
            False if the deployment has no expired lease. Then nothing is written.
        """
        write = build_update(
            self.table,
            build_deployment_key(message.project_id, message.deployment_id),
            "SET #leaseUntil = :first + if_not_exists(#putOff, :none),"
            " #putOff = if_not_exists(#putOff, :none) + :more",
            when="#leaseUntil <= :now",
            first=int(at.timestamp()) + _POSTPONEMENT,
            more=_POSTPONEMENT,
            none=0,
            now=int(at.timestamp()),
        )
        return self._write(write)

    def end(self, leased: LeasedDeployment) -> bool:
        """End the lease of a deployment that is no longer in progress.

        Returns:
            False if the deployment had no lease when it was read, or if its status or its lease has changed
            since the read. Then nothing is written.
        """
        if leased.until is None:
            return False
        deployment = leased.deployment
        write = build_update(
            self.table,
            build_deployment_key(deployment.project_id, deployment.deployment_id),
            "REMOVE #lease, #leaseUntil, #putOff",
            when="#status = :status AND #leaseUntil = :read",
            status=deployment.status,
            read=leased.until,
        )
        return self._write(write)

    def _write(self, write: Mapping[str, Any]) -> bool:
        try:
            with translate_condition_errors():
                self.client.update_item(**write)
        except ConditionFailedError:
            return False
        return True
