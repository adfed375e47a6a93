"""P9, D2: things are lost and die while visitors load a site; they notice nothing, and the sweep mends it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.demo.load import VisitorLoad
from tests.e2e.processes import descendants
from tests.e2e.tiny_platform import TinyPlatform, TinyProject
from tests.reliability_page import tells

SITE = "epsilon"
PREFIX = "anchor-local"
SERVER = f"{PREFIX}-site-{SITE}-server"


@pytest.fixture(scope="module")
def site(platform: TinyPlatform) -> TinyProject:
    site = platform.project(SITE, tenant="dan")
    assert site.release()["status"] == "live"
    return site


def until(happened: Callable[[], bool], *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@contextmanager
def visited(site: TinyProject) -> Iterator[None]:
    """Visitors load the site meanwhile: no answer fails, and none mixes two releases."""
    with VisitorLoad(url=site.project["url"], visitors=2) as load:
        yield
    assert load.answers
    assert not load.failed_answers, load.failed_answers[:3]
    assert not load.mixed_answers, load.mixed_answers[:3]


def status(site: TinyProject, deployment_id: str) -> str:
    return str(site.client.get_deployment(deployment_id)["status"])


def sweep(platform: TinyPlatform, site: TinyProject, deployment_id: str) -> None:
    """Let the deployment's lease end, and the sweep look at it."""
    emulator = platform.cloud.emulator
    emulator.client("dynamodb").update_item(
        TableName=f"{PREFIX}-deployments",
        Key={"projectId": {"S": site.project_id}, "deploymentId": {"S": deployment_id}},
        UpdateExpression="SET leaseUntil = :past",
        ConditionExpression="attribute_exists(leaseUntil)",
        ExpressionAttributeValues={":past": {"N": "0"}},
    )
    emulator.fire_rule(f"{PREFIX}-sweep-every-minute")


def live_after_one_sweep(platform: TinyPlatform, site: TinyProject, deployment_id: str, fault: str) -> None:
    """Sweep, and compare what came of it with the page."""
    sweep(platform, site, deployment_id)
    ended = site.client.wait_until(deployment_id, set(), timeout=60)
    assert site.visitor.get("/api/release").json()["release"] == ended["commitSha"]
    tells(fault, f"- {fault}: {ended['status']} after 1 sweep; no response failed, and none was mixed")
    assert ended["status"] == "live"


def test_a_release_function_that_is_killed_leaves_the_live_release(
    platform: TinyPlatform, site: TinyProject
) -> None:
    functions = platform.cloud.emulator.client("lambda")

    def published(alias: str) -> bool:
        try:
            functions.get_alias(FunctionName=SERVER, Name=alias)
        except functions.exceptions.ResourceNotFoundException:
            return False
        return True

    with visited(site):
        deployment_id = site.push(message="Killed")
        until(lambda: published(f"r-{deployment_id.lower()}"))
        kill(f"{PREFIX}-release")
        assert status(site, deployment_id) == "deploying"
        live_after_one_sweep(platform, site, deployment_id, "the release function's process is killed")
    # Its message is hidden for half an hour, and those of the project's next pushes behind it.
    purge(platform, f"{PREFIX}-releases.fifo")


def purge(platform: TinyPlatform, queue: str) -> None:
    sqs = platform.cloud.emulator.client("sqs")
    sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"])


def kill(function: str) -> None:
    """End the process in which a function runs."""
    mark = f"AWS_LAMBDA_FUNCTION_NAME={function}\0".encode()
    running = [
        pid for pid in descendants(os.getpid()) if mark in Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
    ]
    assert running, f"no process runs {function}"
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def test_a_build_whose_event_never_comes_is_released(platform: TinyPlatform, site: TinyProject) -> None:
    events = platform.cloud.emulator.client("events")
    codebuild = platform.cloud.emulator.client("codebuild")

    def built() -> bool:
        listed = codebuild.list_builds_for_project(projectName=f"{PREFIX}-site-{SITE}-build")["ids"]
        variable = {"name": "ANCHOR_DEPLOYMENT_ID", "value": deployment_id, "type": "PLAINTEXT"}
        return any(
            build["buildStatus"] != "IN_PROGRESS" and variable in build["environment"]["environmentVariables"]
            for build in codebuild.batch_get_builds(ids=listed)["builds"]
        )

    with visited(site):
        events.disable_rule(Name=f"{PREFIX}-build-ended")
        try:
            deployment_id = site.push(message="Unheard")
            until(built)
        finally:
            events.enable_rule(Name=f"{PREFIX}-build-ended")
        assert status(site, deployment_id) == "building"
        live_after_one_sweep(platform, site, deployment_id, "the build's event never comes")


def test_a_push_whose_message_is_lost_is_built(platform: TinyPlatform, site: TinyProject) -> None:
    functions = platform.cloud.emulator.client("lambda")
    (mapping,) = functions.list_event_source_mappings(FunctionName=f"{PREFIX}-orchestrator")[
        "EventSourceMappings"
    ]
    with visited(site):
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            deployment_id = site.push(message="Lost")
            purge(platform, f"{PREFIX}-builds")
        finally:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
        assert status(site, deployment_id) == "queued"
        live_after_one_sweep(platform, site, deployment_id, "the build message is lost")
