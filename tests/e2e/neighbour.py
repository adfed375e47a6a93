"""A tenant with a live site. The tests prove that no other tenant can harm or delay this site."""

from attrs import frozen

from local.cloud import Cloud
from local.platform_client import Json
from tests.e2e.tiny_platform import TinyProject

SECRET = "of-the-neighbour"
VARIABLE = "DEMO_SECRET"


@frozen(kw_only=True)
class Neighbour:
    """A tenant with a live site.

    Attributes:
        site: The tenant's project.
        deployment: The live deployment.
        build_id: The CodeBuild id of the deployment's build.
    """

    site: TinyProject
    deployment: Json
    build_id: str


def create_neighbour(cloud: Cloud, site: TinyProject) -> Neighbour:
    """Set a secret of the site, and release the site.

    Raises:
        AssertionError: The release did not go live.
    """
    site.client.set_variables(site.project_id, [{"name": VARIABLE, "value": SECRET, "isSecret": True}])
    deployment = site.release(message="Settle")
    assert deployment["status"] == "live", deployment
    project = f"anchor-local-site-{site.project['site']}-build"
    (build_id,) = cloud.emulator.client("codebuild").list_builds_for_project(projectName=project)["ids"]
    return Neighbour(site=site, deployment=deployment, build_id=build_id)
