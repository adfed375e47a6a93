"""The responses of the APIs on the embedded cloud match the OpenAPI documents (A2)."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from attrs import frozen

from local.cloud import Cloud
from local.demo.demo import PushedProject
from reference.api_document import Api
from reference.image_api import IMAGES
from reference.platform_api import PLATFORM
from runtime.deploy.api.routes import ROUTES
from runtime.images.service.routes import ROUTES as IMAGE_ROUTES
from runtime.shared.api.routes import Route
from tests.described_api import DescribedApi
from tests.e2e.conftest import ROOT
from tests.e2e.sites import declare_site

EXAMPLES = 3
DOCUMENTS = {api.title: DescribedApi.from_api(api) for api in (PLATFORM, IMAGES)}
# Requests to these routes would delete the project, or build a repository that does not exist. Therefore the
# path of these requests contains a generated project id, which belongs to no project.
WITHOUT_PROJECT = {"DELETE /projects/{projectId}", "POST /projects/{projectId}/deployments"}


@frozen(kw_only=True)
class Owner:
    """A user with a project and an image.

    Attributes:
        endpoints: The URL of each API, by title.
        session: A session with the user's access token.
        path: Values of path parameters, by name.
    """

    endpoints: dict[str, str]
    session: requests.Session
    path: dict[str, str]


@pytest.fixture(scope="module")
def owner(cloud: Cloud) -> Owner:
    client = cloud.sign_in(cloud.create_user("reader@example.com"))
    project = client.create_project(
        name="Described", site=declare_site(cloud, "described"), repository_url="https://github.com/a/b"
    )
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {client.token}"
    images = cloud.deployed.outputs["images"]["apiEndpoint"]
    image = session.post(f"{images}/images", json={"contentType": "image/png", "size": 100}, timeout=30)
    return Owner(
        endpoints={PLATFORM.title: cloud.api_endpoint, IMAGES.title: images},
        session=session,
        path={"projectId": project["projectId"], "imageId": image.json()["imageId"]},
    )


@pytest.mark.parametrize(
    ("api", "route"),
    [*((PLATFORM, route) for route in ROUTES), *((IMAGES, route) for route in IMAGE_ROUTES)],
    ids=lambda each: each.key if isinstance(each, Route) else "",
)
def test_every_response_matches_the_document(owner: Owner, api: Api, route: Route) -> None:
    own = {name: value for name, value in owner.path.items() if f"{{{name}}}" in route.path}
    sent = DOCUMENTS[api.title].send_requests(
        route.key,
        session=owner.session,
        base_url=owner.endpoints[api.title],
        examples=EXAMPLES,
        path={} if route.key in WITHOUT_PROJECT else own,
    )
    assert sent.statuses


@pytest.fixture(scope="module")
def generated_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a package with a client of the platform's API, generated from the committed document."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "settings.yaml").write_text("post_hooks: []\n")
    command = ["generate", "--path", "docs/openapi.json", "--output-path", str(folder / "generated_platform")]
    subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", *command),
            *("--meta", "none", "--config", str(folder / "settings.yaml"), "--fail-on-warning"),
        ],
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield "generated_platform"


def test_a_generated_client_makes_a_project_and_reads_its_deployments(
    cloud: Cloud, owner: Owner, first_push: PushedProject, generated_client: str
) -> None:
    """A2: the document is exact enough to generate a client whose types fit the answers."""

    def load(module: str) -> Any:  # noqa: ANN401 - generated code
        return importlib.import_module(f"{generated_client}.{module}")

    def sign_in(token: str) -> Any:  # noqa: ANN401 - generated code
        return load("client").AuthenticatedClient(base_url=cloud.api_endpoint, token=token)

    models = load("models")
    token = str(owner.session.headers["Authorization"]).removeprefix("Bearer ")
    site = declare_site(cloud, "generated")
    body = models.NewProject(name="Generated", site=site, repository_url="https://github.com/a/b")
    pushed = first_push.project["projectId"]
    with sign_in(token) as reader, sign_in(first_push.client.token) as pusher:
        created = load("api.projects.create_project").sync(client=reader, body=body)
        none = load("api.projects.list_deployments").sync(created.project_id, client=reader)
        listed = load("api.projects.list_deployments").sync(pushed, client=pusher, limit=100)
        refused = load("api.projects.get_project").sync(pushed, client=reader)
    assert isinstance(created, models.CreatedProject)
    assert (created.site, created.live, created.pinned) == (site, None, False)
    assert none.deployments == []
    assert first_push.deployment["deploymentId"] in [each.deployment_id for each in listed.deployments]
    assert {type(each.status) for each in listed.deployments} == {models.DeploymentStatus}
    assert isinstance(refused, models.Problem)
    assert refused.type_ == "urn:anchor-deploy:problem:project-not-found"


@pytest.mark.parametrize("path", ["/nothing", "/projects/a/b/c", "/"])
@pytest.mark.parametrize("with_token", [True, False])
def test_a_path_without_a_route_has_a_problem_document(owner: Owner, path: str, *, with_token: bool) -> None:
    """Q1: API Gateway itself would answer without one."""
    session = owner.session if with_token else requests.Session()
    for endpoint in owner.endpoints.values():
        answer = session.get(f"{endpoint}{path}", timeout=30)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:anchor-deploy:problem:not-found"


@pytest.mark.parametrize(
    ("api", "file"), [(PLATFORM, "openapi.json"), (IMAGES, "images-openapi.json")], ids=["platform", "images"]
)
def test_the_document_is_served_without_a_token(owner: Owner, api: Api, file: str) -> None:
    answer = requests.get(f"{owner.endpoints[api.title]}/openapi.json", timeout=30)
    assert answer.status_code == 200
    assert answer.text == (ROOT / "docs" / file).read_text()
