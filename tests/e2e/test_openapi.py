"""The responses of the APIs on the embedded cloud match the OpenAPI documents (A2)."""

import pytest
import requests
from attrs import frozen

from local.cloud import Cloud
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


@pytest.mark.parametrize(
    ("api", "file"), [(PLATFORM, "openapi.json"), (IMAGES, "images-openapi.json")], ids=["platform", "images"]
)
def test_the_document_is_served_without_a_token(owner: Owner, api: Api, file: str) -> None:
    answer = requests.get(f"{owner.endpoints[api.title]}/openapi.json", timeout=30)
    assert answer.status_code == 200
    assert answer.text == (ROOT / "docs" / file).read_text()
