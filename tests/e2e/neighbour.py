"""A tenant beside others, with a site of his own that is live: whom nobody may harm or hold up."""

from attrs import frozen

from local.cloud import Cloud
from local.platform_client import Json
from tests.e2e.tiny_platform import TinyProject

SECRET = "of-the-neighbour"
VARIABLE = "DEMO_SECRET"


@frozen(kw_only=True)
class Neighbour:
    """What he has.

    Attributes:
        site: His project.
        deployment: Its live deployment.
        build_id: The build that it comes from.
    """

    site: TinyProject
    deployment: Json
    build_id: str


def settle(cloud: Cloud, site: TinyProject) -> Neighbour:
    """Give the site a secret and a release.

    Raises:
        AssertionError: The release did not go live.
    """
    site.client.set_variables(site.project_id, [{"name": VARIABLE, "value": SECRET, "isSecret": True}])
    deployment = site.release(message="Settle")
    assert deployment["status"] == "live", deployment
    project = f"anchor-local-site-{site.project['site']}-build"
    (build_id,) = cloud.emulator.client("codebuild").list_builds_for_project(projectName=project)["ids"]
    return Neighbour(site=site, deployment=deployment, build_id=build_id)
