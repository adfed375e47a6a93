"""One embedded cloud for all end-to-end tests, and the releases they look at.

What happens (pushes, builds, switches) happens once, in fixtures that follow each other; the tests only look
at what came of it, so they can run in any order.
"""

import time
from collections.abc import Generator
from pathlib import Path

import pytest
from attrs import frozen

from local.cloud import Cloud, free_ports
from local.demo import Pushed, push_to_live
from local.github import push_payload
from local.load import Load
from local.platform_client import Json
from local.progress import Progress
from tests.e2e.inspection import number_of_builds

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cloud() -> Generator[Cloud]:
    with Cloud.running(root=ROOT, ports=free_ports(), progress=Progress()) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def first(cloud: Cloud) -> Pushed:
    """The example site's first push, live."""
    return push_to_live(cloud, cloud.create_user(), Progress())


@frozen(kw_only=True)
class Second:
    """A second push that went live while visitors loaded the site."""

    sha: str
    deployment: Json
    load: Load
    live_since: float
    seconds: float


def push(
    pushed: Pushed, changes: dict[str, str | bytes | None], message: str, load: Load
) -> tuple[str, Json]:
    """Commit on the project's repository, deliver the push, and wait until the deployment has ended.

    The visitors take their time while the build needs the machine, and none once it is built.
    """
    before = pushed.repository.head
    sha = pushed.repository.commit(changes, message)
    payload = push_payload(repository_url=pushed.repository.url, sha=sha, message=message, before=before)
    answer = pushed.webhook.deliver(payload)
    assert answer.status_code == 202, answer.text
    deployment_id = answer.json()["deploymentId"]
    load.pause = 1.0
    pushed.client.wait_until(deployment_id, {"built", "deploying"})
    load.pause = 0.0
    return sha, pushed.client.wait_until(deployment_id, set())


@pytest.fixture(scope="session")
def second(first: Pushed) -> Second:
    pushed = time.monotonic()
    with Load(url=first.project["url"]) as load:
        sha, deployment = push(first, {"public/second.txt": "the second release\n"}, "Add a file", load)
        live_since = time.monotonic()
        time.sleep(2.0)  # visitors of the new release
    return Second(
        sha=sha, deployment=deployment, load=load, live_since=live_since, seconds=live_since - pushed
    )


@frozen(kw_only=True)
class Broken:
    """A push whose build failed, and what visitors saw meanwhile."""

    deployment: Json
    load: Load


@pytest.fixture(scope="session")
def broken(first: Pushed, second: Second) -> Broken:  # noqa: ARG001 - comes after it
    """A dependency that was added to package.json and not to the lock file."""
    package = (ROOT / "examples/next-site/package.json").read_text()
    changed = package.replace('"dependencies": {', '"dependencies": {\n    "left-pad": "1.3.0",', 1)
    assert changed != package
    with Load(url=first.project["url"], visitors=2) as load:
        _, deployment = push(first, {"package.json": changed}, "Forget the lock file", load)
    first.repository.commit({"package.json": package}, "Mend it")
    return Broken(deployment=deployment, load=load)


@frozen(kw_only=True)
class Cancelled:
    """A push that was cancelled while it was built, and how its build ended."""

    deployment: Json
    build_status: str
    load: Load


@pytest.fixture(scope="session")
def cancelled(cloud: Cloud, first: Pushed, broken: Broken) -> Cancelled:  # noqa: ARG001 - comes after it
    codebuild = cloud.emulator.client("codebuild")
    with Load(url=first.project["url"], visitors=2) as load:
        sha = first.repository.commit({"public/third.txt": "never built\n"}, "Add another file")
        payload = push_payload(repository_url=first.repository.url, sha=sha, message="Add another file")
        deployment_id = first.webhook.deliver(payload).json()["deploymentId"]
        first.client.wait_until(deployment_id, {"building"})
        deployment = first.client.cancel(deployment_id)
        (build_id, *_) = codebuild.list_builds(sortOrder="DESCENDING")["ids"]
        deadline = time.monotonic() + 60
        while (build := codebuild.batch_get_builds(ids=[build_id])["builds"][0])[
            "buildStatus"
        ] == "IN_PROGRESS":
            assert time.monotonic() < deadline, "the build was not stopped"
            time.sleep(0.1)
    return Cancelled(deployment=deployment, build_status=build["buildStatus"], load=load)


@frozen(kw_only=True)
class Promoted:
    """The first release, promoted while visitors loaded the site."""

    deployment: Json
    load: Load
    answered: float
    seconds_to_first_byte: float
    builds_before: int
    builds_after: int


@pytest.fixture(scope="session")
def promoted(cloud: Cloud, first: Pushed, cancelled: Cancelled) -> Promoted:  # noqa: ARG001 - comes after it
    builds_before = number_of_builds(cloud)
    with Load(url=first.project["url"], pause=0.0) as load:
        time.sleep(1.0)
        asked = time.monotonic()
        deployment = first.client.promote(first.deployment["deploymentId"])
        answered = time.monotonic()
        time.sleep(1.0)
    first_answer = min(a.ended for a in load.answers if a.began >= asked and first.sha in a.releases)
    return Promoted(
        deployment=deployment,
        load=load,
        answered=answered,
        seconds_to_first_byte=first_answer - asked,
        builds_before=builds_before,
        builds_after=number_of_builds(cloud),
    )
