"""P9, D2: a fault causes no failed request while visitors load a site. The sweep continues the deployment."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.demo.load import VisitorLoad
from tests.e2e.processes import find_descendants
from tests.e2e.tiny_platform import TinyPlatform, TinyProject
from tests.reliability_page import check_text

SITE = "epsilon"
PREFIX = "anchor-local"
SERVER = f"{PREFIX}-site-{SITE}-server"


@pytest.fixture(scope="module")
def site(platform: TinyPlatform) -> TinyProject:
    site = platform.create_project(SITE, tenant="dan")
    assert site.release()["status"] == "live"
    return site


def wait_until(is_true: Callable[[], bool], *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"the condition is still false after {seconds:.0f} s"
        time.sleep(0.01)


@contextmanager
def load_site(site: TinyProject) -> Iterator[None]:
    """Let visitors load the site until the context ends. Assert that no response failed or mixed releases."""
    with VisitorLoad(url=site.project["url"], visitors=2) as load:
        yield
    assert load.answers
    assert not load.failed_answers, load.failed_answers[:3]
    assert not load.mixed_answers, load.mixed_answers[:3]


def read_status(site: TinyProject, deployment_id: str) -> str:
    return str(site.client.get_deployment(deployment_id)["status"])


def sweep_expired_lease(platform: TinyPlatform, site: TinyProject, deployment_id: str) -> None:
    """Expire the lease of a deployment and run the sweep."""
    emulator = platform.cloud.emulator
    emulator.client("dynamodb").update_item(
        TableName=f"{PREFIX}-deployments",
        Key={"projectId": {"S": site.project_id}, "deploymentId": {"S": deployment_id}},
        UpdateExpression="SET leaseUntil = :past",
        ConditionExpression="attribute_exists(leaseUntil)",
        ExpressionAttributeValues={":past": {"N": "0"}},
    )
    emulator.fire_rule(f"{PREFIX}-sweep-every-minute")


def assert_live_after_sweep(
    platform: TinyPlatform, site: TinyProject, deployment_id: str, fault: str
) -> None:
    """Run the sweep, assert that the deployment is live, and compare the result with docs/reliability.md."""
    sweep_expired_lease(platform, site, deployment_id)
    ended = site.client.wait_until(deployment_id, set(), timeout=60)
    assert site.visitor.get("/api/release").json()["release"] == ended["commitSha"]
    check_text(fault, f"- {fault}: {ended['status']} after 1 sweep; no response failed, and none was mixed")
    assert ended["status"] == "live"


def test_a_release_is_finished_after_its_function_was_killed(
    platform: TinyPlatform, site: TinyProject
) -> None:
    functions = platform.cloud.emulator.client("lambda")

    def is_published(alias: str) -> bool:
        try:
            functions.get_alias(FunctionName=SERVER, Name=alias)
        except functions.exceptions.ResourceNotFoundException:
            return False
        return True

    with load_site(site):
        deployment_id = site.push(message="Killed")
        wait_until(lambda: is_published(f"r-{deployment_id.lower()}"))
        kill_function(f"{PREFIX}-release")
        assert read_status(site, deployment_id) == "deploying"
        assert_live_after_sweep(platform, site, deployment_id, "the release function's process is killed")
    # Delete the message of the deployment. Otherwise, the message would stay invisible for half an hour, and
    # would delay the next releases of the project in this FIFO queue.
    purge_queue(platform, f"{PREFIX}-releases.fifo")


def purge_queue(platform: TinyPlatform, queue: str) -> None:
    sqs = platform.cloud.emulator.client("sqs")
    sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"])


def kill_function(function: str) -> None:
    """Kill the processes that run a function."""
    mark = f"AWS_LAMBDA_FUNCTION_NAME={function}\0".encode()
    running = [
        pid
        for pid in find_descendants(os.getpid())
        if mark in Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
    ]
    assert running, f"no process runs {function}"
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def test_a_build_is_released_although_its_event_is_lost(platform: TinyPlatform, site: TinyProject) -> None:
    events = platform.cloud.emulator.client("events")
    codebuild = platform.cloud.emulator.client("codebuild")

    def is_built() -> bool:
        listed = codebuild.list_builds_for_project(projectName=f"{PREFIX}-site-{SITE}-build")["ids"]
        variable = {"name": "ANCHOR_DEPLOYMENT_ID", "value": deployment_id, "type": "PLAINTEXT"}
        return any(
            build["buildStatus"] != "IN_PROGRESS" and variable in build["environment"]["environmentVariables"]
            for build in codebuild.batch_get_builds(ids=listed)["builds"]
        )

    with load_site(site):
        events.disable_rule(Name=f"{PREFIX}-build-ended")
        try:
            deployment_id = site.push(message="Unheard")
            wait_until(is_built)
        finally:
            events.enable_rule(Name=f"{PREFIX}-build-ended")
        assert read_status(site, deployment_id) == "building"
        assert_live_after_sweep(platform, site, deployment_id, "the build's event never comes")


def test_a_push_is_built_although_its_message_is_lost(platform: TinyPlatform, site: TinyProject) -> None:
    functions = platform.cloud.emulator.client("lambda")
    (mapping,) = functions.list_event_source_mappings(FunctionName=f"{PREFIX}-orchestrator")[
        "EventSourceMappings"
    ]
    with load_site(site):
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            deployment_id = site.push(message="Lost")
            purge_queue(platform, f"{PREFIX}-builds")
        finally:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
        assert read_status(site, deployment_id) == "queued"
        assert_live_after_sweep(platform, site, deployment_id, "the build message is lost")
