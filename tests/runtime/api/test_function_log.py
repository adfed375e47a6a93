"""Owners read the run-time log of their site, and nobody else can (A5, Q2)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runtime.deploy.handlers import api
from runtime.deploy.model import Project
from tests.runtime.calls import make_client_error
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import OWNER, Platform

ROUTE = "GET /projects/{projectId}/logs"
SERVER = "/aws/lambda/anchor-dev-site-next-site-server"
IMAGE = "/aws/lambda/anchor-dev-site-next-site-image"
REVALIDATION = "/aws/lambda/anchor-dev-site-next-site-revalidate"
REQUEST = "8f507cfc-0a1b-4697-b07a-ac58fc914c95"


@pytest.fixture
def project(platform: Platform) -> Project:
    """A project that is a day old."""
    created = platform.create_project()
    platform.clock.now += timedelta(days=1)
    return created


def request_log(platform: Platform, project: Project, user: str = OWNER, **query: str) -> tuple[int, Any]:
    event = make_api_event(ROUTE, user_id=user, projectId=project.project_id, query=query)
    response = api.handle_event(event, platform.project_service)
    return response["statusCode"], json.loads(response["body"])


def read_log(platform: Platform, project: Project, **query: str) -> dict[str, Any]:
    status, page = request_log(platform, project, **query)
    assert status == 200, page
    return page


def iterate_log(platform: Platform, project: Project, **query: str) -> Iterator[dict[str, Any]]:
    """Yield the pages until the log is up to date or ends."""
    page = read_log(platform, project, **query)
    yield page
    for _ in range(200):
        if page["isUpToDate"] or not page["cursor"]:
            return
        page = read_log(platform, project, **query, cursor=page["cursor"])
        yield page
    pytest.fail("the log has no end")


def list_texts(*pages: dict[str, Any]) -> list[str]:
    return [line["text"] for page in pages for line in page["lines"]]


def write(  # noqa: PLR0913 - the parts of an event
    platform: Platform,
    *texts: str,
    ago: float = 60,
    level: str = "INFO",
    version: str = "1",
    group: str = SERVER,
    request: str = REQUEST,
) -> None:
    """Write messages of the console, all at the same moment."""
    at = platform.clock.now - timedelta(seconds=ago)
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    events = platform.function_logs.groups.setdefault(group, [])
    events += [
        (int(at.timestamp() * 1000), version, f"{stamp}\t{request}\t{level}\t{text}\n") for text in texts
    ]


def create_live(platform: Platform, project: Project, **versions: Any) -> str:  # noqa: ANN401 - see Release
    """Make a deployment live whose release has these versions, and return its id."""
    deployment = platform.create_deploying(project, **versions)
    platform.deployments.live_pointers.switch(deployment, at=platform.clock())
    return deployment.deployment_id


def test_a_message_has_its_time_level_request_and_release(platform: Platform, project: Project) -> None:
    deployment_id = create_live(platform, project, server_version="7")
    write(platform, "Error: no\r    at page.js:1", level="ERROR", version="7")
    at = platform.function_logs.groups[SERVER][0][0]
    page = read_log(platform, project)
    assert page["isUpToDate"]
    assert page["lines"] == [
        {
            "at": datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": "ERROR",
            "requestId": REQUEST,
            "deploymentId": deployment_id,
            "text": "Error: no\n    at page.js:1",
        }
    ]


def test_the_lines_of_lambda_itself_are_left_out(platform: Platform, project: Project) -> None:
    write(platform, "mine")
    at = platform.function_logs.groups[SERVER][0][0]
    platform.function_logs.groups[SERVER] += [
        (at, "1", f"START RequestId: {REQUEST} Version: 1\n"),
        (at, "1", f"REPORT RequestId: {REQUEST}\tDuration: 1 ms\n"),
        (at, "1", "\n"),
    ]
    assert list_texts(read_log(platform, project)) == ["mine"]


def test_a_log_without_a_start_begins_an_hour_ago(platform: Platform, project: Project) -> None:
    write(platform, "old", ago=3_700)
    write(platform, "new", ago=3_500)
    assert list_texts(read_log(platform, project)) == ["new"]
    since = platform.clock.now - timedelta(hours=2)
    assert list_texts(read_log(platform, project, since=since.isoformat())) == ["old", "new"]


def test_messages_from_before_the_project_are_never_shown(platform: Platform, project: Project) -> None:
    """A5: another tenant can have used the site before."""
    write(platform, "theirs", ago=25 * 3_600)
    write(platform, "mine", ago=23 * 3_600)
    assert list_texts(read_log(platform, project, since="2001-01-01T00:00:00Z")) == ["mine"]


def test_a_log_without_messages_is_empty(platform: Platform, project: Project) -> None:
    page = read_log(platform, project)
    assert (page["lines"], page["isUpToDate"]) == ([], True)
    assert page["cursor"]


def test_following_returns_each_message_once(platform: Platform, project: Project) -> None:
    """Lambda delivers messages late, so a later page can begin before an earlier one ends."""
    write(platform, "one", "two", ago=5)
    page = read_log(platform, project)
    assert list_texts(page) == ["one", "two"]
    write(platform, "late", ago=6)
    write(platform, "three", ago=0)
    page = read_log(platform, project, cursor=page["cursor"])
    assert list_texts(page) == ["late", "three"]
    page = read_log(platform, project, cursor=page["cursor"])
    assert (list_texts(page), page["isUpToDate"]) == ([], True)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("page", [1, 3, 10_000])
def test_every_message_is_on_exactly_one_page(
    platform: Platform, project: Project, limit: int, page: int
) -> None:
    """Several messages have the same time, and CloudWatch's pages do not end where those of the API end."""
    for number in range(4):
        write(platform, *(f"{number} {each}" for each in range(5)), ago=100 - number)
    platform.function_logs.page = page
    pages = list(iterate_log(platform, project, limit=str(limit)))
    assert list_texts(*pages) == [f"{number} {each}" for number in range(4) for each in range(5)]
    assert all(len(each["lines"]) <= limit for each in pages)


def test_more_messages_in_a_millisecond_than_a_cursor_can_name_do_not_stop_the_log(
    platform: Platform, project: Project
) -> None:
    write(platform, *(str(number) for number in range(1_200)), ago=100)
    write(platform, "last", ago=50)
    texts = list_texts(*iterate_log(platform, project, limit="500"))
    assert texts[:500] == [str(number) for number in range(500)]
    assert texts[-1] == "last"


def test_a_page_without_lines_is_not_the_end_of_the_log(platform: Platform, project: Project) -> None:
    write(platform, *("noise" for _ in range(30)), ago=100)
    write(platform, "wanted", ago=50)
    platform.function_logs.scanned = 5
    pages = list(iterate_log(platform, project, text="wanted"))
    assert [list_texts(page) for page in pages] == [[], ["wanted"]]
    assert [page["isUpToDate"] for page in pages] == [False, True]


def test_a_log_with_an_end_has_a_last_page(platform: Platform, project: Project) -> None:
    write(platform, "inside", ago=100)
    write(platform, "outside", ago=20)
    until = (platform.clock.now - timedelta(seconds=50)).isoformat()
    page = read_log(platform, project, until=until)
    assert (list_texts(page), page["cursor"]) == (["inside"], None)


def test_a_log_whose_end_is_in_the_future_is_followed(platform: Platform, project: Project) -> None:
    until = (platform.clock.now + timedelta(hours=1)).isoformat()
    page = read_log(platform, project, until=until)
    write(platform, "new", ago=0)
    assert list_texts(read_log(platform, project, until=until, cursor=page["cursor"])) == ["new"]


def test_long_messages_make_short_pages(platform: Platform, project: Project) -> None:
    """The answer of a function has at most 6 MB."""
    write(platform, *("x" * 9_000 for _ in range(200)), ago=100)
    pages = list(iterate_log(platform, project, limit="500"))
    assert sum(len(page["lines"]) for page in pages) == 200
    assert max(len(page["lines"]) for page in pages) < 60


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ({"level": "ERROR"}, ["b"]),
        ({"level": "ERROR,INFO"}, ["a", "b", "d \u00e9 %"]),
        ({"text": "d"}, ["d \u00e9 %"]),
        ({"text": "\u00e9 %"}, ["d \u00e9 %"]),
        ({"text": "missing"}, []),
        ({"requestId": REQUEST}, ["a", "b"]),
        ({"requestId": REQUEST, "level": "INFO"}, ["a"]),
    ],
)
def test_messages_are_filtered(
    platform: Platform, project: Project, query: dict[str, str], texts: list[str]
) -> None:
    write(platform, "a", ago=60)
    write(platform, "b", ago=50, level="ERROR")
    write(platform, "d \u00e9 %", ago=40, request=REQUEST.replace("8", "9"))
    platform.function_logs.groups[SERVER].append(
        (int((platform.clock.now.timestamp() - 30) * 1000), "1", "plain")
    )
    assert list_texts(*iterate_log(platform, project, **query)) == texts


def test_another_function_has_its_own_log(platform: Platform, project: Project) -> None:
    write(platform, "page")
    write(platform, "image", group=IMAGE)
    assert list_texts(read_log(platform, project, function="image")) == ["image"]
    assert list_texts(read_log(platform, project, function="revalidation")) == []


def test_only_messages_of_the_wanted_release_are_returned(platform: Platform, project: Project) -> None:
    """A split server has several versions in one release."""
    first = create_live(platform, project, server_version="1", split_versions=("2", "3"), image_version="1")
    second = create_live(platform, project, server_version="4", image_version="2")
    write(platform, *"ab", version="3")
    write(platform, "c", version="4", ago=50)
    write(platform, "d", version="5", ago=40)
    write(platform, "image", version="2", group=IMAGE)
    assert list_texts(read_log(platform, project, deploymentId=first)) == ["a", "b"]
    assert list_texts(read_log(platform, project, deploymentId=second)) == ["c"]
    assert list_texts(read_log(platform, project, deploymentId=first, function="image")) == []
    page = read_log(platform, project)
    assert [line["deploymentId"] for line in page["lines"]] == [first, first, second, None]


def test_a_version_of_several_releases_names_no_deployment(platform: Platform, project: Project) -> None:
    """The code of the revalidation function seldom changes, so releases share its version."""
    first = create_live(platform, project, revalidation_version="1")
    create_live(platform, project, revalidation_version="1")
    write(platform, "renewed", group=REVALIDATION)
    page = read_log(platform, project, function="revalidation")
    assert [line["deploymentId"] for line in page["lines"]] == [None]
    assert list_texts(read_log(platform, project, function="revalidation", deploymentId=first)) == ["renewed"]


def test_a_deployment_without_a_release_has_no_log(platform: Platform, project: Project) -> None:
    deployment = platform.push(project)
    status, problem = request_log(platform, project, deploymentId=deployment.deployment_id)
    assert status == 409
    assert "has no release" in problem["detail"]


def test_a_deployment_of_another_project_is_missing(platform: Platform, project: Project) -> None:
    other = platform.create_live(platform.create_project(site="other-site"))
    assert request_log(platform, project, deploymentId=other.deployment_id)[0] == 404
    assert request_log(platform, project, deploymentId="nonsense")[0] == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"function": "server,image"}, "function"),
        ({"function": "warmer"}, "function"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-31T09:30:00"}, "since"),
        ({"until": "0001-01-01T00:00:00+23:00"}, "until"),
        ({"since": "2026-01-31T09:30:00Z", "until": "2026-01-31T09:30:00Z"}, "until"),
        ({"requestId": "x"}, "requestId"),
        ({"level": "error"}, "level"),
        ({"text": ""}, "text"),
        ({"text": "x" * 201}, "text"),
        ({"text": "a\u0000"}, "text"),
        ({"limit": "501"}, "limit"),
    ],
)
def test_a_wrong_parameter_is_named(
    platform: Platform, project: Project, query: dict[str, str], field: str
) -> None:
    status, problem = request_log(platform, project, **query)
    assert status == 422
    assert [each["field"] for each in problem["errors"]] == [field]


def test_a_cursor_belongs_to_one_filter(platform: Platform, project: Project) -> None:
    cursor = read_log(platform, project)["cursor"]
    assert request_log(platform, project, cursor=cursor, level="ERROR")[0] == 400
    assert request_log(platform, project, cursor="x")[0] == 400


def refuse(platform: Platform, error: ClientError) -> None:
    def refuse_call(operation: str) -> None:
        if operation == "filter_log_events":
            raise error

    platform.calls.before = refuse_call


def test_a_throttled_log_is_unavailable(platform: Platform, project: Project) -> None:
    """Q1: CloudWatch allows few calls per second."""
    refuse(platform, make_client_error("ThrottlingException", "FilterLogEvents"))
    status, problem = request_log(platform, project)
    assert (status, problem["detail"]) == (503, "logs are requested too often at the moment: try again")


def test_an_expired_token_of_cloudwatch_is_named(platform: Platform, project: Project) -> None:
    write(platform, *("noise" for _ in range(30)), ago=100)
    platform.function_logs.scanned = 5
    cursor = read_log(platform, project, text="wanted")["cursor"]
    refuse(platform, make_client_error("InvalidParameterException", "FilterLogEvents"))
    status, problem = request_log(platform, project, text="wanted", cursor=cursor)
    assert (status, problem["detail"]) == (400, "the cursor has expired: omit it to start again")


def test_another_error_is_no_answer(platform: Platform, project: Project) -> None:
    refuse(platform, make_client_error("AccessDeniedException", "FilterLogEvents"))
    with pytest.raises(ClientError):
        request_log(platform, project)
