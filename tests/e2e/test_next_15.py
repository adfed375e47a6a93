"""D7: the edge serves a Next.js 15 site with a base path and a split server."""

from pathlib import Path

import pytest

from local.cloud import Cloud
from local.demo.demo import ConnectedProject, PushedProject, push_commit
from local.demo.next_15_checks import NEXT_15_CHECKS
from local.demo.site_checks import SiteCheck
from local.demo.visitor import Visitor
from local.github import Webhook
from local.progress import Progress
from tests.e2e.tiny_platform import SITES

ROOT = Path(__file__).parents[2]
NAME = "next-15-site"

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module")
def pushed_site(cloud: Cloud) -> PushedProject:
    """The site after its first push. The release of this push is live."""
    repository = cloud.git.create(NAME, ROOT / "examples" / NAME, "The conformance site")
    client = cloud.sign_in(cloud.create_user("next-15@example.com"))
    project = client.create_project(name="Next 15", site=SITES[0], repository_url=repository.url)
    connected = ConnectedProject(
        client=client, project=project, webhook=Webhook(**project["webhook"]), repository=repository
    )
    return push_commit(cloud, connected, "The conformance site", Progress())


@pytest.mark.parametrize("check", NEXT_15_CHECKS, ids=lambda check: check.title)
def test_the_release_passes_every_site_check(pushed_site: PushedProject, check: SiteCheck) -> None:
    """D7: the check runs at the immutable URL of the release (D6)."""
    check.run(Visitor(url=pushed_site.deployment["url"]), pushed_site.sha)


def test_the_host_of_the_site_serves_every_part_of_the_release(pushed_site: PushedProject) -> None:
    """D3: the server and a part of the split server answer with the same release."""
    visitor = Visitor(url=pushed_site.project["url"])
    assert visitor.get("/docs/api/split/x").json()["release"] == pushed_site.sha
    assert pushed_site.sha in visitor.get("/docs").text
    assert visitor.get("/docs/robots.txt").status_code == 200
