"""The log of a build, page by page: while it grows, after it, and from the archive (A2)."""

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from runtime.deploy.builds.build_logs import MAX_PAGE_SIZE
from runtime.deploy.builds.log_archive import MAX_LINE_LENGTH
from runtime.deploy.handlers import api, build_events, sweep
from runtime.deploy.model import Commit, Deployment, Source
from tests.runtime.calls import client_error
from tests.runtime.events import build_state, request
from tests.runtime.platform_fixture import OTHER, OWNER, World
from tests.runtime.stand_ins import LOGS_BUCKET

ROUTE = "GET /deployments/{deploymentId}/logs"


def ask(world: World, deployment: Deployment, user: str = OWNER, **query: str) -> tuple[int, dict[str, Any]]:
    event = request(ROUTE, user_id=user, query=query, deploymentId=deployment.deployment_id)
    response = api.respond(event, world.management)
    return response["statusCode"], json.loads(response["body"])


def page(world: World, deployment: Deployment, **query: str | None) -> tuple[list[str], str | None]:
    """The lines of a page, and its cursor."""
    given = {name: value for name, value in query.items() if value is not None}
    status, document = ask(world, deployment, **given)
    assert status == 200
    return [line["text"] for line in document["lines"]], document["cursor"]


def whole(world: World, deployment: Deployment, limit: str) -> list[str]:
    lines, cursor = page(world, deployment, limit=limit)
    while cursor:
        more, cursor = page(world, deployment, limit=limit, cursor=cursor)
        lines += more
    return lines


def ended(world: World, status: str = "SUCCEEDED") -> Deployment:
    running = world.building(world.project())
    build_events.respond(build_state(running, status), world.results)
    return world.again(running)


def archive(world: World, deployment: Deployment, text: str) -> None:
    assert deployment.build_id
    key = f"logs/builds/next-site/{deployment.build_id.partition(':')[2]}.gz"
    world.kept_logs.stored[key] = gzip.compress(text.encode())


def test_a_growing_log_is_followed_from_before_its_first_line_to_its_end(world: World) -> None:
    deployment = world.push(world.project())
    lines, cursor = page(world, deployment)
    assert (lines, cursor is not None) == ([], True)  # waits for its build
    world.build(deployment)
    lines, cursor = page(world, deployment, cursor=cursor)
    assert (lines, cursor is not None) == ([], True)  # the build has no stream yet
    world.logs.lines = ["one", "two"]
    lines, cursor = page(world, deployment, cursor=cursor)
    assert lines == ["one", "two"]
    lines, cursor = page(world, deployment, cursor=cursor)
    assert (lines, cursor is not None) == ([], True)  # nothing new
    world.logs.lines += ["three"]
    build_events.respond(build_state(world.again(deployment)), world.results)
    lines, cursor = page(world, deployment, cursor=cursor)
    assert lines == ["three"]
    assert page(world, deployment, cursor=cursor) == ([], None)


def test_a_line_has_its_time_and_no_line_end(world: World) -> None:
    world.logs.lines = ["one"]
    _, document = ask(world, world.building(world.project()))
    assert document["lines"] == [{"at": "1970-01-01T00:00:01.500Z", "text": "one"}]


def test_the_stream_that_is_read_is_the_builds_own(world: World) -> None:
    running = world.building(world.project())
    page(world, running)
    (asked,) = world.logs.asked
    assert f"{asked['logGroupName']}:{asked['logStreamName']}" == f"/aws/codebuild/{running.build_id}"


@pytest.mark.parametrize("limit", ["1", "2", "500"])
def test_a_log_is_whole_in_pages_of_any_size(world: World, limit: str) -> None:
    deployment = ended(world)
    world.logs.lines = lines = [f"line {number}" for number in range(5)]
    assert whole(world, deployment, limit) == lines
    world.logs.lines = None
    archive(world, deployment, "\n".join(lines) + "\n")
    assert whole(world, deployment, limit) == lines


def test_what_cloudwatch_has_forgotten_comes_from_the_logs_bucket(world: World) -> None:
    """With the stream gone, or empty."""
    deployment = ended(world)
    archive(world, deployment, "one\r\n\n\N{SNOWMAN}\n")
    for forgotten in (None, []):
        world.logs.lines = forgotten
        _, document = ask(world, deployment)
        assert document == {
            "lines": [{"at": None, "text": text} for text in ("one", "", "\N{SNOWMAN}")],
            "cursor": None,
        }


def test_a_log_that_was_archived_while_it_was_read_is_read_anew(world: World) -> None:
    deployment = ended(world)
    world.logs.lines = ["one", "two"]
    _, cursor = page(world, deployment, limit="1")
    world.logs.lines = None
    assert cursor
    status, problem = ask(world, deployment, cursor=cursor)
    assert status == 400
    assert "start again" in problem["detail"]


def test_a_log_in_cold_storage_says_what_to_do(world: World) -> None:
    """Q1, B4."""
    world.kept_logs.refusal = "InvalidObjectState"
    status, problem = ask(world, ended(world))
    assert status == 409
    assert "ask the operator of the platform to restore it" in problem["detail"]


def test_a_deployment_without_a_build_has_no_log_and_is_not_followed(world: World) -> None:
    project = world.project()
    waiting = world.push(project)
    world.cancellation.cancel(OWNER, waiting.deployment_id)
    assert page(world, waiting) == ([], None)


def test_a_build_that_never_said_a_word_has_an_empty_log(world: World) -> None:
    assert page(world, ended(world, "FAULT")) == ([], None)


def test_a_line_without_an_end_fits_into_the_answer(world: World) -> None:
    """Lambda answers 6 MB at most, and one character can be six of JSON's."""
    deployment = ended(world)
    world.logs.lines = ["\0" * (MAX_LINE_LENGTH + 1)]
    assert page(world, deployment)[0] == ["\0" * MAX_LINE_LENGTH]
    world.logs.lines = None
    archive(world, deployment, "x" * (MAX_LINE_LENGTH + 1))
    assert page(world, deployment)[0] == ["x" * MAX_LINE_LENGTH, "x"]
    assert MAX_PAGE_SIZE * (MAX_LINE_LENGTH * 6 + 100) < 6 * 1024 * 1024


def test_the_largest_page_of_the_archive_fits_into_lambdas_answer(world: World) -> None:
    """Lambda writes a body that is JSON into another JSON: an emoji takes 14 bytes."""
    deployment, said = ended(world), "\U0001f600" * (MAX_LINE_LENGTH - 1)
    archive(world, deployment, f"{said}\n" * 300)
    event = request(ROUTE, user_id=OWNER, query={"limit": "500"}, deploymentId=deployment.deployment_id)
    assert len(json.dumps(api.respond(event, world.management))) < 6 * 1024 * 1024
    assert whole(world, deployment, "500") == [said] * 300


def test_a_cursor_that_cloudwatch_takes_no_more_is_refused(world: World) -> None:
    running = world.building(world.project())
    world.logs.lines = ["one"]
    _, cursor = page(world, running)

    def refuse(operation: str) -> None:
        if operation == "get_log_events":
            raise client_error("InvalidParameterException")

    world.calls.before = refuse
    assert cursor
    assert ask(world, running, cursor=cursor)[0] == 400


@pytest.mark.parametrize("limit", ["0", "501", "x"])
def test_a_page_of_a_log_has_up_to_five_hundred_lines(world: World, limit: str) -> None:
    status, problem = ask(world, world.building(world.project()), limit=limit)
    assert (status, problem["errors"][0]["problem"]) == (422, "must be a whole number from 1 to 500")


def test_a_cursor_is_good_for_its_own_log_only(world: World) -> None:
    """A5."""
    project = world.project()
    one, two = world.push(project), world.push(project)
    _, cursor = page(world, one)
    assert cursor
    assert ask(world, two, cursor=cursor)[0] == 400
    assert ask(world, one, OTHER, cursor=cursor)[0] == 404


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 503), ("AccessDeniedException", None)])
def test_a_busy_cloudwatch_is_no_failure_of_the_platform(world: World, code: str, status: int | None) -> None:
    running = world.building(world.project())

    def refuse(operation: str) -> None:
        if operation == "get_log_events":
            raise client_error(code)

    world.calls.before = refuse
    if status:
        assert ask(world, running)[0] == status
    else:
        with pytest.raises(Exception, match=code):
            ask(world, running)


def test_a_bucket_that_cannot_be_read_fails_loudly(world: World) -> None:
    world.kept_logs.refusal = "AccessDenied"
    with pytest.raises(Exception, match="AccessDenied"):
        ask(world, ended(world))
    assert LOGS_BUCKET.endswith("-logs")


# The commit of a branch's head


def of_a_head(world: World) -> Deployment:
    project = world.project()
    deployment = Deployment.queued(
        project,
        Commit(),
        deployment_id=world.ids(),
        source=Source.MANUAL,
        at=world.clock(),
    )
    world.deployments.create(project, deployment, delivery=None)
    world.build(deployment)
    return world.again(deployment)


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
@pytest.mark.parametrize("before", [3, 2_500])
def test_the_commit_that_a_heads_build_found_is_the_deployments(
    world: World, status: str, before: int
) -> None:
    """P2: the first that the log names; what comes after it, the repository's own code may have printed."""
    running = of_a_head(world)
    world.logs.lines = [
        *(f"line {number}" for number in range(before)),
        f"==> Commit {'a' * 40} is the head of main",
        f"==> Commit {'b' * 40} is the head of main",
    ]
    for _ in range(2):
        build_events.respond(build_state(running, status), world.results)
    assert world.again(running).commit_sha == "a" * 40


@pytest.mark.parametrize("lines", [None, [], ["==> Fetching branch main"]])
def test_a_build_that_found_no_commit_leaves_it_open(world: World, lines: list[str] | None) -> None:
    """Its end counts all the same."""
    running = of_a_head(world)
    world.logs.lines = lines
    build_events.respond(build_state(running, "FAILED"), world.results)
    after = world.again(running)
    assert (after.status, after.commit_sha) == ("failed", None)


def busy(world: World, error: Exception) -> None:
    """Let the log be out of reach."""

    def refuses(operation: str) -> None:
        if operation == "get_log_events":
            raise error

    world.calls.before = refuses


BUSY = [client_error("ThrottlingException"), ReadTimeoutError(endpoint_url="https://logs.example.com")]


@pytest.mark.parametrize("error", BUSY, ids=["throttled", "too slow"])
@pytest.mark.parametrize("again", ["event", "sweep"])
def test_a_commit_that_cannot_be_read_now_is_read_before_the_release_begins(
    world: World, error: Exception, again: str
) -> None:
    """P2, P9: the release has it in its variables, for good."""
    running = of_a_head(world)
    world.logs.lines = [f"==> Commit {'a' * 40} is the head of main"]
    busy(world, error)
    with pytest.raises(type(error)):
        build_events.respond(build_state(running), world.results)
    assert world.again(running).status == "building"
    world.calls.before = lambda _: None
    if again == "event":
        build_events.respond(build_state(running), world.results)
    else:
        logs = {"groupName": "group", "streamName": "stream"}
        world.codebuild.end(running.deployment_id, "SUCCEEDED", logs=logs)
        world.clock.now += timedelta(minutes=20)
        sweep.respond({"id": "event-1"}, world.sweeper)
    after = world.again(running)
    assert (after.status, after.commit_sha) == ("built", "a" * 40)


def test_a_commit_is_not_waited_for_longer_than_an_hour(world: World) -> None:
    """P9: a release without it is better than none."""
    running = of_a_head(world)
    busy(world, client_error("ThrottlingException"))
    world.clock.now += timedelta(minutes=61)
    build_events.respond(build_state(running), world.results)
    after = world.again(running)
    assert (after.status, after.commit_sha) == ("built", None)


def test_another_builds_commit_is_not_the_deployments(world: World) -> None:
    """P7: the branch may have had another head then."""
    running = of_a_head(world)
    world.logs.lines = [f"==> Commit {'b' * 40} is the head of main"]
    build_events.respond(
        build_state(running, build_id="anchor-dev-site-next-site-build:other"), world.results
    )
    assert world.again(running).commit_sha is None


def test_a_head_is_looked_up_by_its_build(world: World) -> None:
    """P5: the build is told the branch, and no commit."""
    running = of_a_head(world)
    variables = world.codebuild.builds[running.deployment_id]["environmentVariablesOverride"]
    given = {each["name"]: each["value"] for each in variables}
    assert given["ANCHOR_BRANCH"] == "master"
    assert "ANCHOR_COMMIT_SHA" not in given
