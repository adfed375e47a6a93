"""A2: the API returns build logs in pages: during the build, after the build, and from the archive."""

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
from tests.runtime.calls import make_client_error
from tests.runtime.events import make_api_event, make_build_state_event
from tests.runtime.platform_fixture import OTHER, OWNER, Platform
from tests.runtime.stand_ins import LOGS_BUCKET

ROUTE = "GET /deployments/{deploymentId}/logs"


def request_log_page(
    platform: Platform, deployment: Deployment, user: str = OWNER, **query: str
) -> tuple[int, dict[str, Any]]:
    event = make_api_event(ROUTE, user_id=user, query=query, deploymentId=deployment.deployment_id)
    response = api.handle_event(event, platform.project_service)
    return response["statusCode"], json.loads(response["body"])


def read_log_page(
    platform: Platform, deployment: Deployment, **query: str | None
) -> tuple[list[str], str | None]:
    """Return the lines of a page, and its cursor."""
    given = {name: value for name, value in query.items() if value is not None}
    status, document = request_log_page(platform, deployment, **given)
    assert status == 200
    return [line["text"] for line in document["lines"]], document["cursor"]


def read_whole_log(platform: Platform, deployment: Deployment, limit: str) -> list[str]:
    lines, cursor = read_log_page(platform, deployment, limit=limit)
    while cursor:
        more, cursor = read_log_page(platform, deployment, limit=limit, cursor=cursor)
        lines += more
    return lines


def create_ended(platform: Platform, status: str = "SUCCEEDED") -> Deployment:
    running = platform.create_building(platform.create_project())
    build_events.handle_event(make_build_state_event(running, status), platform.result_recorder)
    return platform.reload(running)


def archive_log(platform: Platform, deployment: Deployment, text: str) -> None:
    assert deployment.build_id
    key = f"logs/builds/next-site/{deployment.build_id.partition(':')[2]}.gz"
    platform.logs_bucket.objects[key] = gzip.compress(text.encode())


def test_a_log_can_be_followed_from_the_queue_to_the_end_of_the_build(platform: Platform) -> None:
    deployment = platform.push(platform.create_project())
    lines, cursor = read_log_page(platform, deployment)
    assert (lines, cursor is not None) == ([], True)  # the deployment waits for its build
    platform.deliver_build_message(deployment)
    lines, cursor = read_log_page(platform, deployment, cursor=cursor)
    assert (lines, cursor is not None) == ([], True)  # the build has no log stream yet
    platform.logs.lines = ["one", "two"]
    lines, cursor = read_log_page(platform, deployment, cursor=cursor)
    assert lines == ["one", "two"]
    lines, cursor = read_log_page(platform, deployment, cursor=cursor)
    assert (lines, cursor is not None) == ([], True)  # nothing new
    platform.logs.lines += ["three"]
    build_events.handle_event(make_build_state_event(platform.reload(deployment)), platform.result_recorder)
    lines, cursor = read_log_page(platform, deployment, cursor=cursor)
    assert lines == ["three"]
    assert read_log_page(platform, deployment, cursor=cursor) == ([], None)


def test_a_line_has_its_time_and_no_line_end(platform: Platform) -> None:
    platform.logs.lines = ["one"]
    _, document = request_log_page(platform, platform.create_building(platform.create_project()))
    assert document["lines"] == [{"at": "1970-01-01T00:00:01.500Z", "text": "one"}]


def test_the_log_stream_of_the_build_is_read(platform: Platform) -> None:
    running = platform.create_building(platform.create_project())
    read_log_page(platform, running)
    (asked,) = platform.logs.requests
    assert f"{asked['logGroupName']}:{asked['logStreamName']}" == f"/aws/codebuild/{running.build_id}"


@pytest.mark.parametrize("limit", ["1", "2", "500"])
def test_pages_of_any_size_make_up_the_whole_log(platform: Platform, limit: str) -> None:
    deployment = create_ended(platform)
    platform.logs.lines = lines = [f"line {number}" for number in range(5)]
    assert read_whole_log(platform, deployment, limit) == lines
    platform.logs.lines = None
    archive_log(platform, deployment, "\n".join(lines) + "\n")
    assert read_whole_log(platform, deployment, limit) == lines


def test_a_log_deleted_by_cloudwatch_comes_from_the_logs_bucket(platform: Platform) -> None:
    """CloudWatch Logs deletes the whole log stream, or only its events."""
    deployment = create_ended(platform)
    archive_log(platform, deployment, "one\r\n\n\N{SNOWMAN}\n")
    for forgotten in (None, []):
        platform.logs.lines = forgotten
        _, document = request_log_page(platform, deployment)
        assert document == {
            "lines": [{"at": None, "text": text} for text in ("one", "", "\N{SNOWMAN}")],
            "cursor": None,
        }


def test_a_log_archived_during_paging_must_be_read_from_the_start(platform: Platform) -> None:
    deployment = create_ended(platform)
    platform.logs.lines = ["one", "two"]
    _, cursor = read_log_page(platform, deployment, limit="1")
    platform.logs.lines = None
    assert cursor
    status, problem = request_log_page(platform, deployment, cursor=cursor)
    assert status == 400
    assert "start again" in problem["detail"]


def test_the_error_for_a_log_in_cold_storage_says_what_to_do(platform: Platform) -> None:
    """Q1, B3: the logs bucket has moved the archived log to Glacier."""
    platform.logs_bucket.error_code = "InvalidObjectState"
    status, problem = request_log_page(platform, create_ended(platform))
    assert status == 409
    assert "ask the operator of the platform to restore it" in problem["detail"]


def test_a_cancelled_deployment_without_a_build_has_an_empty_log_without_a_cursor(platform: Platform) -> None:
    project = platform.create_project()
    waiting = platform.push(project)
    platform.cancellation.cancel(OWNER, waiting.deployment_id)
    assert read_log_page(platform, waiting) == ([], None)


def test_a_build_without_output_has_an_empty_log(platform: Platform) -> None:
    assert read_log_page(platform, create_ended(platform, "FAULT")) == ([], None)


def test_a_line_without_a_terminator_fits_into_the_response(platform: Platform) -> None:
    """Lambda's response limit is 6 MB, and JSON can write one character as an escape of six characters."""
    deployment = create_ended(platform)
    platform.logs.lines = ["\0" * (MAX_LINE_LENGTH + 1)]
    assert read_log_page(platform, deployment)[0] == ["\0" * MAX_LINE_LENGTH]
    platform.logs.lines = None
    archive_log(platform, deployment, "x" * (MAX_LINE_LENGTH + 1))
    assert read_log_page(platform, deployment)[0] == ["x" * MAX_LINE_LENGTH, "x"]
    assert MAX_PAGE_SIZE * (MAX_LINE_LENGTH * 6 + 100) < 6 * 1024 * 1024


def test_the_largest_archive_page_fits_into_lambdas_response(platform: Platform) -> None:
    """The function's response contains the JSON body as a JSON string, so an emoji takes 14 bytes."""
    deployment, line = create_ended(platform), "\U0001f600" * (MAX_LINE_LENGTH - 1)
    archive_log(platform, deployment, f"{line}\n" * 300)
    event = make_api_event(
        ROUTE, user_id=OWNER, query={"limit": "500"}, deploymentId=deployment.deployment_id
    )
    assert len(json.dumps(api.handle_event(event, platform.project_service))) < 6 * 1024 * 1024
    assert read_whole_log(platform, deployment, "500") == [line] * 300


def test_an_expired_cloudwatch_cursor_is_refused(platform: Platform) -> None:
    running = platform.create_building(platform.create_project())
    platform.logs.lines = ["one"]
    _, cursor = read_log_page(platform, running)

    def refuse_call(operation: str) -> None:
        if operation == "get_log_events":
            raise make_client_error("InvalidParameterException")

    platform.calls.before = refuse_call
    assert cursor
    assert request_log_page(platform, running, cursor=cursor)[0] == 400


@pytest.mark.parametrize("limit", ["0", "501", "x"])
def test_a_page_of_a_log_has_up_to_five_hundred_lines(platform: Platform, limit: str) -> None:
    status, problem = request_log_page(
        platform, platform.create_building(platform.create_project()), limit=limit
    )
    assert (status, problem["errors"][0]["problem"]) == (422, "must be a whole number from 1 to 500")


def test_a_cursor_is_only_valid_for_its_own_log(platform: Platform) -> None:
    """Requirement A5."""
    project = platform.create_project()
    one, two = platform.push(project), platform.push(project)
    _, cursor = read_log_page(platform, one)
    assert cursor
    assert request_log_page(platform, two, cursor=cursor)[0] == 400
    assert request_log_page(platform, one, OTHER, cursor=cursor)[0] == 404


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 503), ("AccessDeniedException", None)])
def test_a_throttled_cloudwatch_is_answered_as_unavailable(
    platform: Platform, code: str, status: int | None
) -> None:
    running = platform.create_building(platform.create_project())

    def throttle_call(operation: str) -> None:
        if operation == "get_log_events":
            raise make_client_error(code)

    platform.calls.before = throttle_call
    if status:
        assert request_log_page(platform, running)[0] == status
    else:
        with pytest.raises(Exception, match=code):
            request_log_page(platform, running)


def test_an_unreadable_logs_bucket_raises_an_error(platform: Platform) -> None:
    platform.logs_bucket.error_code = "AccessDenied"
    with pytest.raises(Exception, match="AccessDenied"):
        request_log_page(platform, create_ended(platform))
    assert LOGS_BUCKET.endswith("-logs")


# Builds of a branch, which find the commit at its head


def create_branch_build(platform: Platform) -> Deployment:
    """Return a deployment without a commit, whose running build uses the head of the branch."""
    project = platform.create_project()
    deployment = Deployment.queued(
        project,
        Commit(),
        deployment_id=platform.ids(),
        source=Source.MANUAL,
        at=platform.clock(),
    )
    platform.deployments.create(project, deployment, delivery=None)
    platform.deliver_build_message(deployment)
    return platform.reload(deployment)


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
@pytest.mark.parametrize("before", [3, 2_500])
def test_the_commit_found_by_a_branch_build_is_recorded(platform: Platform, status: str, before: int) -> None:
    """P2: the first commit line of the log is used. Later lines can be output of the repository's code."""
    running = create_branch_build(platform)
    platform.logs.lines = [
        *(f"line {number}" for number in range(before)),
        f"==> Commit {'a' * 40} is the head of main",
        f"==> Commit {'b' * 40} is the head of main",
    ]
    for _ in range(2):
        build_events.handle_event(make_build_state_event(running, status), platform.result_recorder)
    assert platform.reload(running).commit_sha == "a" * 40


@pytest.mark.parametrize("lines", [None, [], ["==> Fetching branch main"]])
def test_a_build_without_a_commit_line_records_no_commit(platform: Platform, lines: list[str] | None) -> None:
    """The status of the build is recorded without a commit."""
    running = create_branch_build(platform)
    platform.logs.lines = lines
    build_events.handle_event(make_build_state_event(running, "FAILED"), platform.result_recorder)
    after = platform.reload(running)
    assert (after.status, after.commit_sha) == ("failed", None)


def refuse_log_reads(platform: Platform, error: Exception) -> None:
    """Make CloudWatch Logs raise this error."""

    def refuse_call(operation: str) -> None:
        if operation == "get_log_events":
            raise error

    platform.calls.before = refuse_call


BUSY = [make_client_error("ThrottlingException"), ReadTimeoutError(endpoint_url="https://logs.example.com")]


@pytest.mark.parametrize("error", BUSY, ids=["throttled", "too slow"])
@pytest.mark.parametrize("again", ["event", "sweep"])
def test_a_commit_that_could_not_be_read_is_read_again_before_the_release(
    platform: Platform, error: Exception, again: str
) -> None:
    """P2, P9: the release stores the commit permanently in the variables of its functions."""
    running = create_branch_build(platform)
    platform.logs.lines = [f"==> Commit {'a' * 40} is the head of main"]
    refuse_log_reads(platform, error)
    with pytest.raises(type(error)):
        build_events.handle_event(make_build_state_event(running), platform.result_recorder)
    assert platform.reload(running).status == "building"
    platform.calls.before = lambda _: None
    if again == "event":
        build_events.handle_event(make_build_state_event(running), platform.result_recorder)
    else:
        logs = {"groupName": "group", "streamName": "stream"}
        platform.codebuild.end(running.deployment_id, "SUCCEEDED", logs=logs)
        platform.clock.now += timedelta(minutes=20)
        sweep.handle_event({"id": "event-1"}, platform.sweeper)
    after = platform.reload(running)
    assert (after.status, after.commit_sha) == ("built", "a" * 40)


def test_after_an_hour_the_release_continues_without_a_commit(platform: Platform) -> None:
    """P9: a release without a commit is better than no release."""
    running = create_branch_build(platform)
    refuse_log_reads(platform, make_client_error("ThrottlingException"))
    platform.clock.now += timedelta(minutes=61)
    build_events.handle_event(make_build_state_event(running), platform.result_recorder)
    after = platform.reload(running)
    assert (after.status, after.commit_sha) == ("built", None)


def test_the_commit_of_another_build_is_not_recorded(platform: Platform) -> None:
    """P7: the head of the branch was perhaps another commit when the other build ran."""
    running = create_branch_build(platform)
    platform.logs.lines = [f"==> Commit {'b' * 40} is the head of main"]
    build_events.handle_event(
        make_build_state_event(running, build_id="anchor-dev-site-next-site-build:other"),
        platform.result_recorder,
    )
    assert platform.reload(running).commit_sha is None


def test_a_branch_build_gets_the_branch_and_no_commit(platform: Platform) -> None:
    """Requirement P5."""
    running = create_branch_build(platform)
    variables = platform.codebuild.builds[running.deployment_id]["environmentVariablesOverride"]
    given = {each["name"]: each["value"] for each in variables}
    assert given["ANCHOR_BRANCH"] == "master"
    assert "ANCHOR_COMMIT_SHA" not in given


PLATFORM_LOG = [
    "[Container] 2026/01/31 09:30:00 Entering phase INSTALL",
    '[Container] 2026/01/31 09:30:00 Running command cat > "$CODEBUILD_SRC_DIR/steps.sh" <<STEPS',
    *(f"script line {number}" for number in range(20)),
    "[Container] 2026/01/31 09:30:01 Running command bash steps.sh checkout",
    "==> Fetching branch main",
    "[Container] 2026/01/31 09:30:02 Running command bash steps.sh open_next_build",
    "Compiled",
    "[Container] 2026/01/31 09:30:03 Phase complete: BUILD State: SUCCEEDED",
]


@pytest.mark.parametrize("is_archived", [True, False])
@pytest.mark.parametrize("limit", ["1", "7", "500"])
def test_the_lines_of_the_platform_are_left_out(platform: Platform, limit: str, *, is_archived: bool) -> None:
    """Q1: the script can be split over several pages. A page before the end of the log has a cursor."""
    deployment = create_ended(platform)
    if is_archived:
        archive_log(platform, deployment, "".join(f"{line}\n" for line in PLATFORM_LOG))
    else:
        platform.logs.lines = list(PLATFORM_LOG)
    assert read_whole_log(platform, deployment, limit) == ["==> Fetching branch main", "Compiled"]


def test_a_page_skips_the_script_of_the_platform(platform: Platform) -> None:
    """A reader that stops at an empty page still gets the lines of the site."""
    deployment = create_ended(platform)
    archive_log(platform, deployment, "".join(f"{line}\n" for line in PLATFORM_LOG))
    assert read_log_page(platform, deployment, limit="7")[0] == ["==> Fetching branch main", "Compiled"]
