"""Access control: tokens, tenants and the permissions of functions (A1, A5, Q3)."""

from collections.abc import Callable, Generator

import pytest
import requests
from attrs import evolve

from local.cloud import Cloud
from local.demo.demo import PushedProject
from local.platform_client import Json, PlatformClient, PlatformError
from runtime.deploy.api.routes import ROUTES
from runtime.shared.api.routes import Route
from tests.e2e.conftest import BrokenPush
from tests.e2e.inspection import make_expired_token, make_tampered_token, read_log, remove_permission

PRIVATE_ROUTES = [route for route in ROUTES if route.auth]
ROUTES_WITH_ID = [route for route in PRIVATE_ROUTES if "{" in route.path]
BODIES: dict[str, Json] = {
    "POST /projects/{projectId}/deployments": {"branch": "main"},
    "PUT /projects/{projectId}/env": {"variables": []},
    "PATCH /projects/{projectId}/env": {"remove": ["AA"]},
    "PATCH /projects/{projectId}": {"name": "Mine now"},
    "POST /projects": {"name": "Mine", "site": "next-site", "repositoryUrl": "https://github.com/a/b"},
}


def format_route(route: Route) -> str:
    return f"{route.method} {route.path}"


def build_path(route: Route, pushed: PushedProject) -> str:
    return route.path.format(
        projectId=pushed.project["projectId"], deploymentId=pushed.deployment["deploymentId"]
    )


@pytest.mark.parametrize("route", PRIVATE_ROUTES, ids=format_route)
@pytest.mark.parametrize(
    "token",
    [None, make_expired_token, make_tampered_token, lambda _: "of.no.body"],
    ids=["missing", "expired", "tampered", "made up"],
)
def test_every_route_refuses_an_invalid_token(
    cloud: Cloud, first_push: PushedProject, route: Route, token: Callable[[str], str] | None
) -> None:
    """Requirements A1 and A5."""
    headers = {"Authorization": f"Bearer {token(first_push.client.token)}"} if token else {}
    answer = requests.request(
        route.method,
        cloud.api_endpoint + build_path(route, first_push),
        json=BODIES.get(format_route(route)),
        headers=headers,
        timeout=30,
    )
    assert answer.status_code == 401


@pytest.fixture(scope="session")
def foreign_token(cloud: Cloud) -> str:
    """A valid token of another user pool in the same account."""
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


@pytest.mark.parametrize("route", PRIVATE_ROUTES, ids=format_route)
def test_every_route_refuses_a_token_of_another_pool(
    cloud: Cloud, first_push: PushedProject, foreign_token: str, route: Route
) -> None:
    """Requirements A1 and A5."""
    client = PlatformClient(endpoint=cloud.api_endpoint, token=foreign_token)
    with pytest.raises(PlatformError) as refused:
        client.call(route.method, build_path(route, first_push), BODIES.get(format_route(route)))
    assert refused.value.status == 401


@pytest.mark.parametrize(
    "route",
    # A deploy key would change all later builds of the project: see test_private_repository.py.
    [route for route in PRIVATE_ROUTES if route.method != "DELETE" and not route.path.endswith("/key")],
    ids=format_route,
)
def test_every_route_accepts_the_token_of_the_owner(
    cloud: Cloud, first_push: PushedProject, broken_push: BrokenPush, route: Route
) -> None:
    """A1: the API accepts the token. It refuses each change for another reason, so that nothing changes.

    For example, the request has no fields, or the deployment to promote has failed. Deletion is tested in
    `tests/runtime/api/test_deleting.py`, because the other tests need the project.
    """
    failed = broken_push.deployment["deploymentId"]
    answer = requests.request(
        route.method,
        cloud.api_endpoint
        + route.path.format(projectId=first_push.project["projectId"], deploymentId=failed),
        json=None if route.method == "GET" else {},
        headers={"Authorization": f"Bearer {first_push.client.token}"},
        timeout=30,
    )
    assert answer.status_code in ({200} if route.method == "GET" else {409, 422}), answer.text


@pytest.mark.parametrize("group", ["deploy", "images"])
def test_each_api_refuses_users_who_are_only_in_the_group_of_the_other_api(cloud: Cloud, group: str) -> None:
    """Requirement X20."""
    client = cloud.sign_in(cloud.create_user(f"{group}@groups.example.com", groups=[group]))
    images = evolve(client, endpoint=cloud.deployed.outputs["images"]["apiEndpoint"])
    allowed, refusing = (client, images) if group == "deploy" else (images, client)
    assert allowed.call("GET", "/projects" if group == "deploy" else "/images")
    with pytest.raises(PlatformError) as refused:
        refusing.call("GET", "/images" if group == "deploy" else "/projects")
    assert refused.value.status == 403


@pytest.fixture(scope="session")
def other_tenant(cloud: Cloud) -> PlatformClient:
    return cloud.sign_in(cloud.create_user("stranger@example.com"))


@pytest.mark.parametrize("route", ROUTES_WITH_ID, ids=format_route)
def test_resources_of_another_tenant_are_not_found(
    first_push: PushedProject, other_tenant: PlatformClient, route: Route
) -> None:
    """A5: for a resource of another tenant, the API answers as for a resource that does not exist."""
    missing = route.path.format(
        projectId="01ARZ3NDEKTSV4RRFFQ69G5FAV", deploymentId="01ARZ3NDEKTSV4RRFFQ69G5FAV"
    )
    problems: list[tuple[int, object]] = []
    for target in (build_path(route, first_push), missing):
        with pytest.raises(PlatformError) as refused:
            other_tenant.call(route.method, target, BODIES.get(format_route(route)))
        problems.append((refused.value.status, refused.value.problem))
    assert problems[0] == problems[1]
    assert problems[0][0] == 404


@pytest.mark.usefixtures("first_push")
def test_a_list_contains_no_projects_of_other_tenants(other_tenant: PlatformClient) -> None:
    """Requirement A5."""
    assert other_tenant.call("GET", "/projects")["projects"] == []


@pytest.mark.usefixtures("first_push")
def test_the_answer_is_the_same_for_a_site_in_use_and_a_missing_site(other_tenant: PlatformClient) -> None:
    """A5: because the two answers are equal, a user cannot find out which sites are in use."""
    answers: list[object] = []
    for site in ("next-site", "no-such-site"):
        with pytest.raises(PlatformError) as refused:
            other_tenant.create_project(name="Mine", site=site, repository_url="https://github.com/a/b")
        assert refused.value.status == 422
        answers.append(refused.value.problem)
    assert answers[0] == answers[1]


@pytest.fixture
def api_without_query_permission(cloud: Cloud) -> Generator[None]:
    with remove_permission(cloud, function="api", action="dynamodb:Query"):
        yield


@pytest.mark.usefixtures("api_without_query_permission")
def test_a_call_without_permission_is_refused(cloud: Cloud, first_push: PushedProject) -> None:
    """Q3: the emulator enforces the roles' policies. Therefore other tests fail if a grant is missing."""
    with pytest.raises(PlatformError) as refused:
        first_push.client.list_deployments(first_push.project["projectId"])
    assert refused.value.status >= 500  # AWS answers 500, and the emulator answers 502
    assert any("AccessDenied" in line and "Query" in line for line in read_log(cloud, "api"))
    project = first_push.client.call("GET", f"/projects/{first_push.project['projectId']}")
    assert project["site"] == "next-site"
