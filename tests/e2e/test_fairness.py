"""The order of builds for many pushes of one tenant and of several tenants (P8)."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import pytest
from attrs import frozen

from local.github import create_push_payload
from local.platform_client import Json
from tests.e2e.held_builds import fail_build, hold_builds
from tests.e2e.neighbour import Neighbour
from tests.e2e.tiny_platform import TinyPlatform, TinyProject

MANY: Final = 50


@pytest.fixture(scope="module")
def busy_site(platform: TinyPlatform) -> TinyProject:
    """The site of a tenant that pushes often."""
    return platform.create_project("beta", tenant="carol")


@pytest.fixture(scope="module")
def other_site(platform: TinyPlatform) -> TinyProject:
    """Another project of the tenant that owns `busy_site`."""
    return platform.create_project("eta", tenant="carol")


def deliver_push(site: TinyProject, message: str) -> str:
    """Deliver a push of the current commit with a new message, and return the id of the deployment."""
    head = site.repository.head
    payload = create_push_payload(repository_url=site.repository.url, sha=head, message=message)
    answer = site.webhook.deliver(payload)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["deploymentId"])


def push_at_once(site: TinyProject, number: int) -> list[str]:
    """Deliver pushes in parallel, and return their deployment ids, oldest first (ids sort by time)."""
    with ThreadPoolExecutor(4) as github:
        return sorted(
            github.map(partial(deliver_push, site), [f"Push {each} of {number}" for each in range(number)])
        )


def wait_until_queue_is_empty(platform: TinyPlatform) -> None:
    """Wait until the orchestrator has handled all messages of the build queue.

    Otherwise, a build whose message is handled late could start before builds that must run first.
    """
    cloud, deadline = platform.cloud, time.monotonic() + 60
    sqs, queue = cloud.emulator.client("sqs"), cloud.deployed.outputs["queues"]["builds"]
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    while any(
        int(number)
        for number in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"].values()
    ):
        assert time.monotonic() < deadline, "messages are left in the build queue"
        time.sleep(0.1)


def wait_until_ended(site: TinyProject, deployment_ids: Sequence[str]) -> list[Json]:
    return [site.client.wait_until(each, set()) for each in deployment_ids]


@frozen(kw_only=True)
class FivePushes:
    """Five pushes to one project. The second to the fifth arrived during the build of the first.

    Attributes:
        deployments: The deployments of all pushes, oldest first.
        built: The ids of the deployments that were built, in the order of their builds.
    """

    deployments: list[Json]
    built: list[str]


@pytest.fixture(scope="module")
def five_pushes(platform: TinyPlatform, busy_site: TinyProject) -> FivePushes:
    with hold_builds(platform.cloud.emulator) as builds:
        first = deliver_push(busy_site, "The first push")
        builds.wait_until_started(first)
        # Deliver these pushes one after another, so that the order of the deployments is known.
        pushed = [first, *(deliver_push(busy_site, f"Push {number}") for number in range(2, 6))]
        wait_until_queue_is_empty(platform)
        builds.resume()
        # First wait for the newest deployment. When it has ended, all others have ended, too.
        deployments = wait_until_ended(busy_site, pushed[::-1])[::-1]
    return FivePushes(
        deployments=[busy_site.client.get_deployment(each["deploymentId"]) for each in deployments],
        built=list(builds.ran),
    )


def test_only_the_first_and_the_newest_of_five_pushes_are_built(five_pushes: FivePushes) -> None:
    """Requirement P8."""
    ids = [str(each["deploymentId"]) for each in five_pushes.deployments]
    assert five_pushes.built == [ids[0], ids[-1]]
    assert [each["status"] for each in five_pushes.deployments] == ["retired", *["superseded"] * 3, "live"]


@frozen(kw_only=True)
class ManyPushes:
    """Many pushes of one tenant to two projects, and then one push of another tenant.

    All pushes after the first one arrived during the build of the first push.

    Attributes:
        waited_longest: The deployment of the only push to the first tenant's second project.
        single: The deployment of the other tenant's push.
        ran: The deployments whose builds ran, in the order of their builds.
    """

    waited_longest: str
    single: str
    ran: list[str]


@pytest.fixture(scope="module")
def many_pushes(
    platform: TinyPlatform, busy_site: TinyProject, other_site: TinyProject, neighbour: Neighbour
) -> ManyPushes:
    with hold_builds(platform.cloud.emulator, fail_build) as builds:
        first = deliver_push(busy_site, "The first of many")
        builds.wait_until_started(first)
        waited_longest = deliver_push(other_site, "The first one elsewhere")
        many = [first, *push_at_once(busy_site, MANY - 2)]
        single = deliver_push(neighbour.site, "The only one")
        wait_until_queue_is_empty(platform)
        assert builds.started == [first]
        builds.resume()
        wait_until_ended(neighbour.site, [single])
        wait_until_ended(other_site, [waited_longest])
        wait_until_ended(busy_site, many)
        ran = list(builds.ran)
    return ManyPushes(waited_longest=waited_longest, single=single, ran=ran)


def test_fifty_pushes_of_a_tenant_delay_another_tenant_by_at_most_one_build(many_pushes: ManyPushes) -> None:
    """P8: CodeBuild runs only one build at a time here, and the first tenant pushes to two projects."""
    assert many_pushes.ran[1:3] == [many_pushes.single, many_pushes.waited_longest]
    assert len(many_pushes.ran) == 4


def test_cancelling_frees_the_build_slot_or_the_place_in_the_queue(
    platform: TinyPlatform, busy_site: TinyProject, other_site: TinyProject
) -> None:
    """P8: after a running build is cancelled, the next build of its project starts.

    A deployment that is cancelled while it waits never starts its build.
    """
    with hold_builds(platform.cloud.emulator, fail_build) as builds:
        first = deliver_push(busy_site, "It is cancelled")
        builds.wait_until_started(first)
        waits, newer = (
            deliver_push(other_site, "It waits for room"),
            deliver_push(busy_site, "It waits for its project"),
        )
        wait_until_queue_is_empty(platform)
        other_site.client.cancel(waits)
        busy_site.client.cancel(first)
        builds.wait_until_started(newer)
        assert builds.started == [first, newer]
        builds.resume()
        (last,) = wait_until_ended(busy_site, [newer])
    assert last["status"] == "failed"
    assert other_site.client.get_deployment(waits)["status"] == "cancelled"
