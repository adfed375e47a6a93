"""Leases: which deployments have stayed as they are for too long, and how often the sweep has tried (P9)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from runtime.deploy.errors import DeploymentNotFoundError
from runtime.deploy.messages import DeploymentMessage
from runtime.deploy.model import Deployment
from runtime.deploy.repositories.deployment_rows import LEASE_SHARDS, deployment_key, lease_end
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    attribute_names,
    attribute_values,
    build_update,
    named_condition_errors,
)

MOST: Final = 25
"""Deployments of one shard in one sweep; the next sweep takes the others."""

_PUT_OFF: Final = 60
"""Seconds by which the lease of a deployment that cannot be looked at grows, each time."""


@frozen(kw_only=True)
class _Held:
    lease_until: int | None = None
    redrives: int = 0


@frozen(kw_only=True)
class Leased:
    """A deployment with its lease.

    Attributes:
        until: End of the lease, Unix seconds; None where it has none (any more).
        redrives: How often the sweep has sent it on its way again since its status last changed.
    """

    deployment: Deployment
    until: int | None
    redrives: int


@frozen(kw_only=True)
class LeaseRepository:
    """Reads and prolongs leases, for the sweep. Each method makes one DynamoDB call, except `overdue`.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the deployments table.
    """

    client: DynamoDBClient
    table: str

    def overdue(self, *, at: datetime) -> Iterator[DeploymentMessage]:
        """Name deployments past their lease, longest first; at most `MOST` of each shard, one call each.

        Index `LeaseIndex`, eventually consistent: some may have been moved on meanwhile.
        """
        for shard in LEASE_SHARDS:
            answer = self.client.query(
                TableName=self.table,
                IndexName="LeaseIndex",
                KeyConditionExpression="#lease = :shard AND #leaseUntil <= :now",
                ExpressionAttributeNames=attribute_names("#lease #leaseUntil"),
                ExpressionAttributeValues=attribute_values(shard=shard, now=int(at.timestamp())),
                Limit=MOST,
            )
            for row in answer["Items"]:
                yield from_row(row, DeploymentMessage)

    def get(self, named: DeploymentMessage) -> Leased:
        """Read a deployment as it stands now, with its lease (strongly consistent).

        Raises:
            DeploymentNotFoundError: There is none.
        """
        answer = self.client.get_item(
            TableName=self.table,
            Key=deployment_key(named.project_id, named.deployment_id),
            ConsistentRead=True,
        )
        if "Item" not in answer:
            raise DeploymentNotFoundError
        held = from_row(answer["Item"], _Held)
        return Leased(
            deployment=from_row(answer["Item"], Deployment), until=held.lease_until, redrives=held.redrives
        )

    def prolong(self, leased: Leased, lease: timedelta, *, at: datetime, redrives: int) -> bool:
        """Begin another lease, and note how often the sweep has tried.

        Returns:
            Whether it was written: not if somebody else has moved the deployment on since it was read, or
            prolonged its lease.
        """
        deployment = leased.deployment
        write = build_update(
            self.table,
            deployment_key(deployment.project_id, deployment.deployment_id),
            "SET #leaseUntil = :end, #redrives = :redrives REMOVE #putOff",
            when="#status = :status AND #leaseUntil = :read",
            end=lease_end(lease, at=at),
            redrives=redrives,
            status=deployment.status,
            read=leased.until,
        )
        return self._write(write)

    def put_off(self, named: DeploymentMessage, *, at: datetime) -> bool:
        """Begin another lease for a deployment that cannot be looked at, each time a minute longer.

        By its key alone, whatever its row says: else those that fail each time would stay the first of their
        shard, and `MOST` of them would keep all others of it from being looked at.

        Returns:
            Whether it was written: not if it has no lease, or one that has not ended.
        """
        write = build_update(
            self.table,
            deployment_key(named.project_id, named.deployment_id),
            "SET #leaseUntil = :first + if_not_exists(#putOff, :none),"
            " #putOff = if_not_exists(#putOff, :none) + :more",
            when="#leaseUntil <= :now",
            first=int(at.timestamp()) + _PUT_OFF,
            more=_PUT_OFF,
            none=0,
            now=int(at.timestamp()),
        )
        return self._write(write)

    def end(self, leased: Leased) -> bool:
        """End the lease of a deployment that is not under way.

        Returns:
            Whether it was written: not if somebody else has moved the deployment on since it was read, or
            given it another lease.
        """
        deployment = leased.deployment
        write = build_update(
            self.table,
            deployment_key(deployment.project_id, deployment.deployment_id),
            "REMOVE #lease, #leaseUntil, #putOff",
            when="#status = :status AND #leaseUntil = :read",
            status=deployment.status,
            read=leased.until,
        )
        return self._write(write)

    def _write(self, write: Mapping[str, Any]) -> bool:
        try:
            with named_condition_errors():
                self.client.update_item(**write)
        except ConditionFailedError:
            return False
        return True
