"""D7: what OpenNext makes of Next.js 15, of a site below a path and of a split server, through the edge.

With a cloud of its own: the site that the local stage declares belongs to one project at a time.
"""

from collections.abc import Generator
from pathlib import Path

import pytest

from local.cloud import Cloud, free_ports
from local.demo import Connected, Pushed, push
from local.github import Webhook
from local.next_15_checks import NEXT_15_CHECKS
from local.progress import Progress
from local.site_checks import SiteCheck
from local.visitor import Visitor

ROOT = Path(__file__).parents[2]
NAME = "next-15-site"

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module")
def released() -> Generator[Pushed]:
    """Return the site's first push, live."""
    progress = Progress()
    with Cloud.running(root=ROOT, ports=free_ports(), progress=progress) as cloud:
        repository = cloud.git.create(NAME, ROOT / "examples" / NAME, "The conformance site")
        client = cloud.sign_in(cloud.create_user())
        project = client.create_project(name="Next 15", site="next-site", repository_url=repository.url)
        connected = Connected(
            client=client, project=project, webhook=Webhook(**project["webhook"]), repository=repository
        )
        yield push(cloud, connected, "The conformance site", progress)


@pytest.mark.parametrize("check", NEXT_15_CHECKS, ids=lambda check: check.title)
def test_next_15_below_a_path_with_a_split_server_is_honoured(released: Pushed, check: SiteCheck) -> None:
    """D7, on the release's own immutable URL (D6)."""
    check.run(Visitor(url=released.deployment["url"]), released.sha)


def test_the_sites_own_host_leads_to_every_part_of_the_release(released: Pushed) -> None:
    """D3: server, split server, files and images are one release's."""
    visitor = Visitor(url=released.project["url"])
    assert visitor.get("/docs/api/split/x").json()["release"] == released.sha
    assert released.sha in visitor.get("/docs").text
    assert visitor.get("/docs/robots.txt").status_code == 200
