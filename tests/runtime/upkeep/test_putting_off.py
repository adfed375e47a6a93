"""P9: if the sweep cannot examine a deployment, it examines the others, and tries this one again later."""

import contextlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from runtime.deploy.handlers import sweep
from runtime.deploy.model import Deployment, Project
from runtime.deploy.repositories import deployment_rows, leases
from runtime.deploy.repositories.deployment_rows import build_deployment_key
from runtime.deploy.upkeep.sweeping import SweepIncompleteError
from tests.runtime.calls import make_client_error
from tests.runtime.platform_fixture import BUILD_QUEUE, Platform, make_build_message
from tests.runtime.tables import DEPLOYMENTS

LATER = timedelta(minutes=11)  # longer than any first lease


def run_sweep(platform: Platform, *, after: timedelta = LATER) -> None:
    platform.clock.now += after
    sweep.handle_event({"id": "event-1"}, platform.sweeper)


def list_sent_ids(platform: Platform) -> list[str]:
    return [json.loads(body)["deploymentId"] for body in platform.queues.list_bodies(BUILD_QUEUE)]


def read_row(platform: Platform, deployment: Deployment) -> Mapping[str, Any]:
    key = build_deployment_key(deployment.project_id, deployment.deployment_id)
    return platform.database.get_item(TableName=DEPLOYMENTS, Key=key)["Item"]


def put_status(platform: Platform, deployment: Deployment, status: str) -> None:
    platform.database.update_item(
        TableName=DEPLOYMENTS,
        Key=build_deployment_key(deployment.project_id, deployment.deployment_id),
        UpdateExpression="SET #status = :status",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":status": {"S": status}},
    )


def create_unreadable(platform: Platform, project: Project) -> Deployment:
    """Create a deployment whose row cannot be read, because its status is invalid."""
    broken = platform.push(project)
    put_status(platform, broken, "no-such-status")
    return broken


def test_failing_deployments_do_not_block_the_others_of_their_shard(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P9: the sweep extends the leases of failing deployments.

    Otherwise, each sweep would examine the same first deployments of a shard.
    """
    monkeypatch.setattr(leases, "MAX_PER_SHARD", 1)
    for module in (deployment_rows, leases):
        monkeypatch.setattr(module, "LEASE_SHARDS", ("ACTIVE#0",))
    for name in ("one", "two"):
        create_unreadable(platform, platform.create_project(site=name))
    other = platform.push(platform.create_project(site="three"))
    for minutes in (11, 0, 0):
        with contextlib.suppress(SweepIncompleteError):
            run_sweep(platform, after=timedelta(minutes=minutes))
    assert list_sent_ids(platform) == [other.deployment_id]


def test_a_failing_deployment_is_examined_after_ever_longer_pauses(platform: Platform) -> None:
    """P9: the pauses become longer because each failure raises an alarm."""
    broken = create_unreadable(platform, platform.create_project())
    lease_seconds: list[int] = []
    for _ in range(3):
        with pytest.raises(SweepIncompleteError):
            run_sweep(platform)
        lease_seconds.append(
            round(int(read_row(platform, broken)["leaseUntil"]["N"]) - platform.clock.now.timestamp())
        )
    assert lease_seconds == [60, 120, 180]
    put_status(platform, broken, "queued")
    run_sweep(platform)
    assert list_sent_ids(platform) == [broken.deployment_id]
    assert "putOff" not in read_row(platform, broken)


def test_a_failing_deployment_that_progressed_keeps_its_new_lease(platform: Platform) -> None:
    """P7: a lease that has not expired is not extended."""
    deployment = platform.push(platform.create_project())
    fresh = read_row(platform, deployment)
    assert not platform.leases.postpone(make_build_message(deployment), at=platform.clock())
    assert read_row(platform, deployment) == fresh


def test_refused_writes_do_not_block_the_other_deployments(platform: Platform) -> None:
    one, two = (
        create_unreadable(platform, platform.create_project()),
        platform.push(platform.create_project(site="two")),
    )

    def throttle_call(operation: str) -> None:
        if operation == "update_item":
            raise make_client_error("ThrottlingException")

    platform.calls.before = throttle_call
    with pytest.raises(SweepIncompleteError, match="2 deployments"):
        run_sweep(platform)
    assert list_sent_ids(platform) == [two.deployment_id]
    assert "putOff" not in read_row(platform, one)
