"""Promote: any kept release becomes live again, without a build (D5). Rollback: promote an older one."""

from attrs import frozen

from runtime.deploy.model import Deployment
from runtime.deploy.releases.switching import Switch
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.clock import Clock


@frozen(kw_only=True)
class Promotion:
    """Promotes releases by hand, and pins the project to them."""

    projects: ProjectRepository
    deployments: DeploymentRepository
    switch: Switch
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
        found = self.deployments.owned(user_id, deployment_id)
        # The index that finds it by its id alone may be behind.
        deployment = self.deployments.get(found.project_id, deployment_id)
        site = self.projects.site(deployment.site)
        project = self.deployments.pointer.promote(user_id, deployment, at=self.clock())
        return self.switch.follow(project, deployment, site)
