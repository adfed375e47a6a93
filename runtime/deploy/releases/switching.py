"""Switching releases: a promote moves the project's pointer; edge, aliases and statuses follow it (D3-D5)."""

from collections.abc import Mapping
from functools import partial

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
    """Makes a release live: by a promote of it, or after the pointer of its project was written.

    Several may run at once for one site, in any order: each part follows the pointer as it is at the end.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    edge: EdgeStore
    publisher: FunctionPublisher
    clock: Clock

    def promote(self, user_id: str, deployment_id: str) -> Deployment:
        """Lead the visitors of a tenant's site to one of its releases.

        Repeatable: promoting what is live already pins the project to it.

        Raises:
            DeploymentNotFoundError: There is no such deployment, or it is another tenant's.
            NotReleasedError: It has never been live.
            ReleaseCollectedError: It is not kept any more (D6).
            SwitchOvertakenError: Another switch of the same project was later.
        """
        found = self.deployments.get_owned(user_id, deployment_id)
        # The index that finds it by its id alone may be behind.
        deployment = self.deployments.get(found.project_id, deployment_id)
        site = self.projects.get_site(deployment.site)
        project = self.deployments.live_pointers.promote(user_id, deployment, at=self.clock())
        return self.follow(project, deployment, site)

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
        self.edge.lead(site.host, partial(self._pointed_id, project, deployment))
        self.publisher.lead(partial(self._pointed_versions, project, deployment, site))
        return self.deployments.live_pointers.finish_switch(project, deployment, at=self.clock())

    def _pointed_id(self, project: Project, deployment: Deployment) -> str:
        """Return the id of the deployment that the project points to now.

        Raises:
            SwitchOvertakenError: It points to none any more.
        """
        live = self.projects.get(project.project_id).live
        if live is None:
            raise SwitchOvertakenError(deployment.deployment_id, None)
        return live.deployment_id

    def _pointed_versions(self, project: Project, deployment: Deployment, site: Site) -> Mapping[str, str]:
        """Return the version of each function in the release that the project points to now.

        Raises:
            SwitchOvertakenError: The project points to none any more, or to one without a release.
        """
        pointed_id = self._pointed_id(project, deployment)
        if pointed_id == deployment.deployment_id:
            pointed = deployment
        else:
            pointed = self.deployments.get(project.project_id, pointed_id)
        if pointed.release is None:
            raise SwitchOvertakenError(deployment.deployment_id, pointed_id)
        return _versions(pointed.release, site)


def _versions(release: Release, site: Site) -> Mapping[str, str]:
    versions = {
        site.server_function: release.server_version,
        site.image_function: release.image_version,
    }
    if release.revalidation_version is not None:
        versions[site.revalidation_function] = release.revalidation_version
    return versions
