"""The embedded cloud of all end-to-end tests, and the releases that the tests inspect.

The session fixtures depend on each other. They push, build and switch once per session. The tests only
inspect the results of the fixtures, so the tests can run in any order.
"""

import shutil
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from attrs import frozen

from local.cloud import EXAMPLE_NAME, Cloud, Ports, find_free_ports
from local.demo.demo import PushedProject, connect_and_push
from local.demo.load import VisitorLoad
from local.github import create_push_payload
from local.platform_client import Json
from local.progress import Progress
from tests.components.stages import STAGE_FILES
from tests.e2e.inspection import count_builds
from tests.e2e.neighbour import Neighbour, create_neighbour
from tests.e2e.released import ReleasedSite, release_and_promote
from tests.e2e.tiny_platform import SITES, TinyPlatform

ROOT = Path(__file__).parents[2]
# The tests of `test_call_records.py` compare the AWS calls of all other tests with the permissions. Therefore
# the tests of that file must run last.
LAST = Path(__file__).with_name("test_call_records.py")
# The collection of this file also collects the releases of other tests' sites. Therefore it runs after them.
ORDER = {Path(__file__).with_name("test_reused_site.py"): 1, LAST: 2}
FULL_SESSION_ONLY = "test_every_permission_was_used"
# `make conformance` and `make commands` run these tests in separate sessions.
SEPARATE_SESSIONS = {
    Path(__file__).with_name(name)
    for name in (
        "test_browser.py",
        "test_next_15.py",
        "test_commands.py",
        "test_example_site.py",
        "test_upgrade.py",
    )
}


@pytest.hookimpl(trylast=True)  # runs after the plugins that shuffle and deselect tests
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Move the tests of reused sites, and then those of the call records, to the end.

    If the session leaves out a test file that is not in `SEPARATE_SESSIONS`, its tests do not use all
    permissions. Then deselect the test that finds unused permissions.
    """
    items.sort(key=lambda item: ORDER.get(item.path, 0))
    if set(LAST.parent.glob("test_*.py")) - SEPARATE_SESSIONS - {item.path for item in items}:
        left_out = [item for item in items if item.path == LAST and item.name == FULL_SESSION_ONLY]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def find_ports(request: pytest.FixtureRequest) -> Generator[Callable[[], Ports]]:
    """Return a function that returns free ports for a new cloud.

    If no test has failed, the files of the clouds that use these ports are deleted at the end of the session.
    """
    made: list[Ports] = []

    def find_and_record_ports() -> Ports:
        made.append(find_free_ports())
        return made[-1]

    yield find_and_record_ports
    if not request.session.testsfailed:
        for ports in made:
            shutil.rmtree(ROOT / ".anchor" / str(ports.emulator), ignore_errors=True)


@pytest.fixture(scope="session")
def cloud(find_ports: Callable[[], Ports]) -> Generator[Cloud]:
    sites = (EXAMPLE_NAME, *SITES)
    with Cloud.start(
        root=ROOT,
        stage_files=STAGE_FILES,
        ports=find_ports(),
        progress=Progress(),
        sites=sites,
        # Only one build runs at a time. If the platform did not notice the end of a build, all later builds
        # would wait, and the tests would fail.
        concurrent_builds=1,
    ) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def platform(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> TinyPlatform:
    """Tiny sites in the cloud that all tests share, because a process can have only one emulator."""
    return TinyPlatform(cloud, tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def released_site(platform: TinyPlatform) -> ReleasedSite:
    """A site with fifteen releases and a secret. The first release was promoted and is live."""
    site = platform.create_project("alpha")
    site.client.set_variables(site.project_id, [{"name": "TOKEN", "value": "kept", "isSecret": True}])
    return release_and_promote(site)


@pytest.fixture(scope="session")
def neighbour(platform: TinyPlatform) -> Neighbour:
    """Another tenant with a live site."""
    return create_neighbour(platform.cloud, platform.create_project("delta", tenant="bob"))


@pytest.fixture(scope="session")
def first_push(cloud: Cloud) -> PushedProject:
    """The example site after its first push. The release of this push is live."""
    return connect_and_push(cloud, cloud.create_user(), Progress())


@frozen(kw_only=True)
class SecondPush:
    """The result of a second push. Its release went live while visitors loaded the site.

    Attributes:
        live_since: The time (of `time.monotonic()`) at which the API reported the release as live.
        seconds: Seconds from the push until that time.
    """

    sha: str
    deployment: Json
    load: VisitorLoad
    live_since: float
    seconds: float


def push_changes(
    pushed: PushedProject, changes: dict[str, str | bytes | None], message: str, load: VisitorLoad
) -> tuple[str, Json]:
    """Commit to the repository, deliver the push, and wait until the deployment has ended.

    Return the SHA of the commit and the deployment.

    During the build, the visitors pause for a second between pages. During the release, they do not pause.
    """
    before = pushed.repository.head
    sha = pushed.repository.commit(changes, message)
    payload = create_push_payload(
        repository_url=pushed.repository.url, sha=sha, message=message, before=before
    )
    answer = pushed.webhook.deliver(payload)
    assert answer.status_code == 202, answer.text
    deployment_id = answer.json()["deploymentId"]
    load.pause_seconds = 1.0
    pushed.client.wait_until(deployment_id, {"built", "deploying"})
    load.pause_seconds = 0.0
    return sha, pushed.client.wait_until(deployment_id, set())


@pytest.fixture(scope="session")
def second_push(first_push: PushedProject) -> SecondPush:
    pushed = time.monotonic()
    with VisitorLoad(url=first_push.project["url"]) as load:
        sha, deployment = push_changes(
            first_push, {"public/second.txt": "the second release\n"}, "Add a file", load
        )
        live_since = time.monotonic()
        time.sleep(2.0)  # visitors load the new release during this time
    return SecondPush(
        sha=sha, deployment=deployment, load=load, live_since=live_since, seconds=live_since - pushed
    )


@frozen(kw_only=True)
class BrokenPush:
    """The result of a push whose build failed while visitors loaded the site."""

    deployment: Json
    load: VisitorLoad


@pytest.fixture(scope="session")
def broken_push(first_push: PushedProject, second_push: SecondPush) -> BrokenPush:  # noqa: ARG001 - only the order matters
    """A push that adds a dependency to package.json, but not to the lock file."""
    package = (ROOT / "examples/next-site/package.json").read_text()
    changed = package.replace('"dependencies": {', '"dependencies": {\n    "left-pad": "1.3.0",', 1)
    assert changed != package
    with VisitorLoad(url=first_push.project["url"], visitors=2) as load:
        _, deployment = push_changes(first_push, {"package.json": changed}, "Forget the lock file", load)
    first_push.repository.commit({"package.json": package}, "Fix the build")
    return BrokenPush(deployment=deployment, load=load)


@frozen(kw_only=True)
class CancelledPush:
    """The result of a push that was cancelled during its build."""

    deployment: Json
    build_status: str
    load: VisitorLoad


@pytest.fixture(scope="session")
def cancelled_push(cloud: Cloud, first_push: PushedProject, broken_push: BrokenPush) -> CancelledPush:  # noqa: ARG001 - only the order matters
    codebuild = cloud.emulator.client("codebuild")
    with VisitorLoad(url=first_push.project["url"], visitors=2) as load:
        sha = first_push.repository.commit({"public/third.txt": "never built\n"}, "Add another file")
        payload = create_push_payload(
            repository_url=first_push.repository.url, sha=sha, message="Add another file"
        )
        deployment_id = first_push.webhook.deliver(payload).json()["deploymentId"]
        first_push.client.wait_until(deployment_id, {"building"})
        deployment = first_push.client.cancel(deployment_id)
        (build_id, *_) = codebuild.list_builds(sortOrder="DESCENDING")["ids"]
        deadline = time.monotonic() + 60
        while (build := codebuild.batch_get_builds(ids=[build_id])["builds"][0])[
            "buildStatus"
        ] == "IN_PROGRESS":
            assert time.monotonic() < deadline, "the build was not stopped"
            time.sleep(0.1)
    return CancelledPush(deployment=deployment, build_status=build["buildStatus"], load=load)


@frozen(kw_only=True)
class Promotion:
    """The result of promoting the first release while visitors loaded the site.

    Attributes:
        answered: The time (of `time.monotonic()`) at which the API answered the request to promote.
        seconds_to_first_answer: Seconds from this request until a visitor had received an answer of the
            promoted release.
    """

    deployment: Json
    load: VisitorLoad
    answered: float
    seconds_to_first_answer: float
    builds_before: int
    builds_after: int


@pytest.fixture(scope="session")
def promotion(cloud: Cloud, first_push: PushedProject, cancelled_push: CancelledPush) -> Promotion:  # noqa: ARG001 - only the order matters
    builds_before = count_builds(cloud)
    with VisitorLoad(url=first_push.project["url"], pause_seconds=0.0) as load:
        time.sleep(1.0)
        asked = time.monotonic()
        deployment = first_push.client.promote(first_push.deployment["deploymentId"])
        answered = time.monotonic()
        time.sleep(1.0)
    first_answer = min(
        a.ended_at for a in load.answers if a.started_at >= asked and first_push.sha in a.releases
    )
    return Promotion(
        deployment=deployment,
        load=load,
        answered=answered,
        seconds_to_first_answer=first_answer - asked,
        builds_before=builds_before,
        builds_after=count_builds(cloud),
    )
