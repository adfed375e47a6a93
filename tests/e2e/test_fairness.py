"""Who is built when: many pushes at once, and tenants beside each other (P8; issue 5, lines 7 and 11)."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import pytest
from attrs import frozen

from local.github import create_push_payload
from local.platform_client import Json
from tests.e2e.held_builds import failing, held_builds
from tests.e2e.neighbour import Neighbour
from tests.e2e.tiny_platform import TinyPlatform, TinyProject

MANY: Final = 50


@pytest.fixture(scope="module")
def busy(platform: TinyPlatform) -> TinyProject:
    """A site whose tenant pushes much."""
    return platform.project("beta", tenant="carol")


@pytest.fixture(scope="module")
def elsewhere(platform: TinyPlatform) -> TinyProject:
    """Another project of the same tenant."""
    return platform.project("eta", tenant="carol")


def push(site: TinyProject, message: str) -> str:
    """Deliver a push of what is there already, under another message, and return the deployment's id."""
    head = site.repository.head
    payload = create_push_payload(repository_url=site.repository.url, sha=head, message=message)
    answer = site.webhook.deliver(payload)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["deploymentId"])


def push_at_once(site: TinyProject, number: int) -> list[str]:
    """Deliver so many pushes side by side; their deployments, oldest first: ids sort by time."""
    with ThreadPoolExecutor(4) as github:
        return sorted(github.map(partial(push, site), [f"Push {each} of {number}" for each in range(number)]))


def looked_at(platform: TinyPlatform) -> None:
    """Wait until the orchestrator has looked at every push: a late one would take the slot that is free."""
    cloud, deadline = platform.cloud, time.monotonic() + 60
    sqs, queue = cloud.emulator.client("sqs"), cloud.deployed.outputs["queues"]["builds"]
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    while any(
        int(number)
        for number in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"].values()
    ):
        assert time.monotonic() < deadline, "messages are left in the build queue"
        time.sleep(0.1)


def ended(site: TinyProject, deployment_ids: Sequence[str]) -> list[Json]:
    return [site.client.wait_until(each, set()) for each in deployment_ids]


@frozen(kw_only=True)
class Five:
    """Five pushes within one build, oldest first, when all have ended, and whose builds ran."""

    deployments: list[Json]
    built: list[str]


@pytest.fixture(scope="module")
def five(platform: TinyPlatform, busy: TinyProject) -> Five:
    with held_builds(platform.cloud.emulator) as builds:
        first = push(busy, "The first push")
        builds.wait_for(first)
        # One after the other, within a second: whose number is the higher one is known by this.
        pushed = [first, *(push(busy, f"Push {number}") for number in range(2, 6))]
        looked_at(platform)
        builds.let_go()
        # The newest first: when it has ended, they all have.
        deployments = ended(busy, pushed[::-1])[::-1]
    return Five(
        deployments=[busy.client.get_deployment(each["deploymentId"]) for each in deployments],
        built=list(builds.ran),
    )


def test_of_five_pushes_in_a_row_the_first_and_the_newest_are_built_and_no_other(five: Five) -> None:
    """P8."""
    ids = [str(each["deploymentId"]) for each in five.deployments]
    assert five.built == [ids[0], ids[-1]]
    assert [each["status"] for each in five.deployments] == ["retired", *["superseded"] * 3, "live"]


@frozen(kw_only=True)
class Beside:
    """One tenant's many pushes to two projects, another's single one after them, and whose builds ran."""

    waited_longest: str
    single: str
    ran: list[str]


@pytest.fixture(scope="module")
def beside(platform: TinyPlatform, busy: TinyProject, elsewhere: TinyProject, neighbour: Neighbour) -> Beside:
    with held_builds(platform.cloud.emulator, failing) as builds:
        first = push(busy, "The first of many")
        builds.wait_for(first)
        waited_longest = push(elsewhere, "The first one elsewhere")
        many = [first, *push_at_once(busy, MANY - 2)]
        single = push(neighbour.site, "The only one")
        looked_at(platform)
        assert builds.started == [first]
        builds.let_go()
        ended(neighbour.site, [single])
        ended(elsewhere, [waited_longest])
        ended(busy, many)
        ran = list(builds.ran)
    return Beside(waited_longest=waited_longest, single=single, ran=ran)


def test_fifty_pushes_of_one_tenant_delay_anothers_build_by_the_one_that_runs_at_most(beside: Beside) -> None:
    """P8: where there is room for a single build, even, and over whichever projects of the tenant's."""
    assert beside.ran[1:3] == [beside.single, beside.waited_longest]
    assert len(beside.ran) == 4


def test_who_cancels_makes_room_and_gives_up_his_place(
    platform: TinyPlatform, busy: TinyProject, elsewhere: TinyProject
) -> None:
    """P8."""
    with held_builds(platform.cloud.emulator, failing) as builds:
        first = push(busy, "It is cancelled")
        builds.wait_for(first)
        waits, newer = push(elsewhere, "It waits for room"), push(busy, "It waits for its project")
        looked_at(platform)
        elsewhere.client.cancel(waits)
        busy.client.cancel(first)
        builds.wait_for(newer)
        assert builds.started == [first, newer]
        builds.let_go()
        (last,) = ended(busy, [newer])
    assert last["status"] == "failed"
    assert elsewhere.client.get_deployment(waits)["status"] == "cancelled"
