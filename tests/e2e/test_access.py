"""Who gets in: tokens, tenants, and the functions' own permissions (A1, A5, Q3)."""

from collections.abc import Callable, Generator

import pytest
import requests

from local.cloud import Cloud
from local.demo.demo import PushedProject
from local.platform_client import Json, PlatformClient, PlatformError
from runtime.deploy.api.routes import ROUTES
from runtime.shared.api.routes import Route
from tests.e2e.conftest import Broken
from tests.e2e.inspection import expired, log_of, permission_taken_away, tampered

PRIVATE = [route for route in ROUTES if route.auth]
OF_ONE_THING = [route for route in PRIVATE if "{" in route.path]
BODIES: dict[str, Json] = {
    "POST /projects/{projectId}/deployments": {"branch": "main"},
    "PUT /projects/{projectId}/env": {"variables": []},
    "PATCH /projects/{projectId}": {"name": "Mine now"},
    "POST /projects": {"name": "Mine", "site": "next-site", "repositoryUrl": "https://github.com/a/b"},
}


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def path(route: Route, pushed: PushedProject) -> str:
    return route.path.format(
        projectId=pushed.project["projectId"], deploymentId=pushed.deployment["deploymentId"]
    )


@pytest.mark.parametrize("route", PRIVATE, ids=name)
@pytest.mark.parametrize(
    "token",
    [None, expired, tampered, lambda _: "of.no.body"],
    ids=["missing", "expired", "tampered", "made up"],
)
def test_every_route_refuses_a_token_that_is_not_good(
    cloud: Cloud, first: PushedProject, route: Route, token: Callable[[str], str] | None
) -> None:
    """A1, A5."""
    headers = {"Authorization": f"Bearer {token(first.client.token)}"} if token else {}
    answer = requests.request(
        route.method,
        cloud.api_endpoint + path(route, first),
        json=BODIES.get(name(route)),
        headers=headers,
        timeout=30,
    )
    assert answer.status_code == 401


@pytest.fixture(scope="session")
def foreign_token(cloud: Cloud) -> str:
    """A good token of a good user, of another user pool of the same account."""
    cognito = cloud.emulator.client("cognito-idp")
    user, password = "ada@example.com", "Aa1-of-another-pool"
    pool = cognito.create_user_pool(PoolName="another")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="another", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username=user, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=user, Password=password, Permanent=True)
    answer = cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client,
        AuthParameters={"USERNAME": user, "PASSWORD": password},
    )
    token: str = answer["AuthenticationResult"]["AccessToken"]
    return token


@pytest.mark.parametrize("route", PRIVATE, ids=name)
def test_every_route_refuses_a_token_of_another_pool(
    cloud: Cloud, first: PushedProject, foreign_token: str, route: Route
) -> None:
    """A1, A5."""
    client = PlatformClient(endpoint=cloud.api_endpoint, token=foreign_token)
    with pytest.raises(PlatformError) as refused:
        client.call(route.method, path(route, first), BODIES.get(name(route)))
    assert refused.value.status == 401


@pytest.mark.parametrize("route", [route for route in PRIVATE if route.method != "DELETE"], ids=name)
def test_the_owner_gets_in_on_every_route(
    cloud: Cloud, first: PushedProject, broken: Broken, route: Route
) -> None:
    """A1: asked for what changes nothing, such as an empty change, or the promote of a failed deployment.

    Deleting would take what the other tests look at: `tests/runtime/api/test_deleting.py`.
    """
    failed = broken.deployment["deploymentId"]
    answer = requests.request(
        route.method,
        cloud.api_endpoint + route.path.format(projectId=first.project["projectId"], deploymentId=failed),
        json=None if route.method == "GET" else {},
        headers={"Authorization": f"Bearer {first.client.token}"},
        timeout=30,
    )
    assert answer.status_code in ({200} if route.method == "GET" else {409, 422}), answer.text


@pytest.fixture(scope="session")
def stranger(cloud: Cloud) -> PlatformClient:
    return cloud.sign_in(cloud.create_user("stranger@example.com"))


@pytest.mark.parametrize("route", OF_ONE_THING, ids=name)
def test_anothers_things_do_not_exist(first: PushedProject, stranger: PlatformClient, route: Route) -> None:
    """A5: 404, and word for word what a thing that really does not exist answers."""
    nothing = route.path.format(
        projectId="01ARZ3NDEKTSV4RRFFQ69G5FAV", deploymentId="01ARZ3NDEKTSV4RRFFQ69G5FAV"
    )
    problems: list[tuple[int, object]] = []
    for where in (path(route, first), nothing):
        with pytest.raises(PlatformError) as refused:
            stranger.call(route.method, where, BODIES.get(name(route)))
        problems.append((refused.value.status, refused.value.problem))
    assert problems[0] == problems[1]
    assert problems[0][0] == 404


@pytest.mark.usefixtures("first")
def test_a_stranger_lists_nothing_of_others(stranger: PlatformClient) -> None:
    """A5."""
    assert stranger.call("GET", "/projects")["projects"] == []


@pytest.mark.usefixtures("first")
def test_a_site_that_is_taken_is_refused_like_one_that_does_not_exist(stranger: PlatformClient) -> None:
    """A5: which sites others have is not told."""
    answers: list[object] = []
    for site in ("next-site", "no-such-site"):
        with pytest.raises(PlatformError) as refused:
            stranger.create_project(name="Mine", site=site, repository_url="https://github.com/a/b")
        assert refused.value.status == 422
        answers.append(refused.value.problem)
    assert answers[0] == answers[1]


@pytest.fixture
def api_may_not_query(cloud: Cloud) -> Generator[None]:
    with permission_taken_away(cloud, function="api", action="dynamodb:Query"):
        yield


@pytest.mark.usefixtures("api_may_not_query")
def test_a_function_fails_at_the_call_it_has_no_permission_for(cloud: Cloud, first: PushedProject) -> None:
    """Q3: the roles' policies are enforced, so a missing grant is found before AWS."""
    with pytest.raises(PlatformError) as refused:
        first.client.list_deployments(first.project["projectId"])
    assert refused.value.status >= 500  # AWS answers 500 here, the emulator 502
    assert any("AccessDenied" in line and "Query" in line for line in log_of(cloud, "api"))
    assert first.client.call("GET", f"/projects/{first.project['projectId']}")["site"] == "next-site"
