"""The switch's second half: edge, aliases and statuses follow the project's pointer (D3, D4)."""

from collections.abc import Mapping

from attrs import frozen

from runtime.deploy.errors import SwitchOvertakenError
from runtime.deploy.model import Deployment, Project, Release, Site
from runtime.deploy.releases.edge_store import EdgeStore
from runtime.deploy.releases.publishing import FunctionPublisher
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.clock import Clock


@frozen(kw_only=True)
class Switch:
    """Makes everything follow the pointer that a release or a promote has just written.

    Several may run at once for one site, in any order: each part follows the pointer as it is at the end.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    edge: EdgeStore
    publisher: FunctionPublisher
    clock: Clock

    def follow(self, project: Project, deployment: Deployment, site: Site) -> Deployment:
        """Lead visitors to a deployment, and write that it is live. Repeatable.

        Args:
            project: As the pointer's write returned it.
            deployment: The deployment that it points to, released.
            site: The project's site.

        Returns:
            The deployment, live.

        Raises:
            SwitchOvertakenError: Another switch took the pointer; everything leads there.
        """

        def pointed() -> str:
            live = self.projects.get(project.project_id).live
            if live is None:
                raise SwitchOvertakenError(deployment.deployment_id, None)
            return live.deployment_id

        def versions() -> Mapping[str, str]:
            pointed_id = pointed()
            live = (
                deployment
                if pointed_id == deployment.deployment_id
                else self.deployments.get(project.project_id, pointed_id)
            )
            if live.release is None:
                raise SwitchOvertakenError(deployment.deployment_id, pointed_id)
            return _versions(live.release, site)

        self.edge.lead(site.host, pointed)
        self.publisher.lead(versions)
        return self.deployments.pointer.finish_switch(project, deployment, at=self.clock())


def _versions(release: Release, site: Site) -> Mapping[str, str]:
    versions = {
        site.server_function: release.server_version,
        site.image_function: release.image_version,
    }
    if release.revalidation_version is not None:
        versions[site.revalidation_function] = release.revalidation_version
    return versions
