"""P9: what the sweep fails to look at waits ever longer, and takes nobody's place."""

import contextlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from runtime.deploy.handlers import sweep
from runtime.deploy.model import Deployment, Project
from runtime.deploy.repositories import deployment_rows, leases
from runtime.deploy.repositories.deployment_rows import deployment_key
from runtime.deploy.upkeep.sweeping import SweepIncompleteError
from tests.runtime.calls import client_error
from tests.runtime.platform_fixture import BUILD_QUEUE, World, message_of
from tests.runtime.tables import DEPLOYMENTS

LATER = timedelta(minutes=11)  # longer than any first lease


def swept(world: World, *, after: timedelta = LATER) -> None:
    world.clock.now += after
    sweep.respond({"id": "event-1"}, world.sweeper)


def sent(world: World) -> list[str]:
    return [json.loads(body)["deploymentId"] for body in world.queues.bodies(BUILD_QUEUE)]


def row(world: World, deployment: Deployment) -> Mapping[str, Any]:
    key = deployment_key(deployment.project_id, deployment.deployment_id)
    return world.database.get_item(TableName=DEPLOYMENTS, Key=key)["Item"]


def put_status(world: World, deployment: Deployment, status: str) -> None:
    world.database.update_item(
        TableName=DEPLOYMENTS,
        Key=deployment_key(deployment.project_id, deployment.deployment_id),
        UpdateExpression="SET #status = :status",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":status": {"S": status}},
    )


def broken_one(world: World, project: Project) -> Deployment:
    """A deployment whose row cannot be read."""
    broken = world.push(project)
    put_status(world, broken, "on holiday")
    return broken


def test_those_that_always_fail_leave_room_for_the_others_of_their_shard(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P9: else the first ones of a shard would be all that is ever looked at."""
    monkeypatch.setattr(leases, "MAX_PER_SHARD", 1)
    for module in (deployment_rows, leases):
        monkeypatch.setattr(module, "LEASE_SHARDS", ("ACTIVE#0",))
    for name in ("one", "two"):
        broken_one(world, world.project(site=name))
    other = world.push(world.project(site="three"))
    for minutes in (11, 0, 0):
        with contextlib.suppress(SweepIncompleteError):
            swept(world, after=timedelta(minutes=minutes))
    assert sent(world) == [other.deployment_id]


def test_one_that_fails_is_looked_at_ever_later_until_it_moves_on(world: World) -> None:
    """P9: its alarm rings each time."""
    broken = broken_one(world, world.project())
    leases_of_it: list[int] = []
    for _ in range(3):
        with pytest.raises(SweepIncompleteError):
            swept(world)
        leases_of_it.append(round(int(row(world, broken)["leaseUntil"]["N"]) - world.clock.now.timestamp()))
    assert leases_of_it == [60, 120, 180]
    put_status(world, broken, "queued")
    swept(world)
    assert sent(world) == [broken.deployment_id]
    assert "putOff" not in row(world, broken)


def test_a_failing_one_that_was_moved_on_meanwhile_keeps_its_new_lease(world: World) -> None:
    """P7."""
    deployment = world.push(world.project())
    fresh = row(world, deployment)
    assert not world.leases.postpone(message_of(deployment), at=world.clock())
    assert row(world, deployment) == fresh


def test_a_table_that_takes_no_writes_keeps_no_other_waiting(world: World) -> None:
    one, two = broken_one(world, world.project()), world.push(world.project(site="two"))

    def refuses(operation: str) -> None:
        if operation == "update_item":
            raise client_error("ThrottlingException")

    world.calls.before = refuses
    with pytest.raises(SweepIncompleteError, match="2 deployments"):
        swept(world)
    assert sent(world) == [two.deployment_id]
    assert "putOff" not in row(world, one)
