"""The APIs on the embedded cloud do what their descriptions say (issue 5, line 2)."""

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
DESCRIBED = {api.title: DescribedApi.of(api) for api in (PLATFORM, IMAGES)}
# They would end the project, and build a site that is not there.
NOT_OF_THE_PROJECT = {"DELETE /projects/{projectId}", "POST /projects/{projectId}/deployments"}


@frozen(kw_only=True)
class Described:
    """Somebody with a project and an image, and the APIs that know them."""

    endpoints: dict[str, str]
    session: requests.Session
    path: dict[str, str]


@pytest.fixture(scope="module")
def described(cloud: Cloud) -> Described:
    client = cloud.sign_in(cloud.create_user("reader@example.com"))
    project = client.create_project(
        name="Described", site=declare_site(cloud, "described"), repository_url="https://github.com/a/b"
    )
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {client.token}"
    images = cloud.deployed.outputs["images"]["apiEndpoint"]
    image = session.post(f"{images}/images", json={"contentType": "image/png", "size": 100}, timeout=30)
    return Described(
        endpoints={PLATFORM.title: cloud.api_endpoint, IMAGES.title: images},
        session=session,
        path={"projectId": project["projectId"], "imageId": image.json()["imageId"]},
    )


@pytest.mark.parametrize(
    ("api", "route"),
    [*((PLATFORM, route) for route in ROUTES), *((IMAGES, route) for route in IMAGE_ROUTES)],
    ids=lambda each: each.key if isinstance(each, Route) else "",
)
def test_no_answer_is_a_fault_and_each_is_described(described: Described, api: Api, route: Route) -> None:
    own = {name: value for name, value in described.path.items() if f"{{{name}}}" in route.path}
    asked = DESCRIBED[api.title].ask(
        route.key,
        session=described.session,
        base_url=described.endpoints[api.title],
        examples=EXAMPLES,
        path={} if route.key in NOT_OF_THE_PROJECT else own,
    )
    assert asked.statuses


@pytest.mark.parametrize(
    ("api", "file"), [(PLATFORM, "openapi.json"), (IMAGES, "images-openapi.json")], ids=["platform", "images"]
)
def test_the_description_is_shown_without_a_token(described: Described, api: Api, file: str) -> None:
    answer = requests.get(f"{described.endpoints[api.title]}/openapi.json", timeout=30)
    assert answer.status_code == 200
    assert answer.text == (ROOT / "docs" / file).read_text()
