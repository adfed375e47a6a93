"""Delete: a project goes with all that belongs to it, and its site can be another's (A2).

In an order in which the same call, repeated, takes up what broke off: the project's row goes last.
"""

from typing import Final

from attrs import frozen

from runtime.deploy.errors import DeploymentUnderWayError
from runtime.deploy.model import Status
from runtime.deploy.releases.edge_store import EdgeStore
from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.variables import SecretRemover
from runtime.deploy.upkeep.collecting import Withdrawal
from runtime.shared.clock import Clock

_UNDER_WAY: Final = frozenset({Status.QUEUED, Status.BUILDING, Status.BUILT, Status.DEPLOYING})


@frozen(kw_only=True)
class Deletion:
    """Deletes projects."""

    projects: ProjectRepository
    rows: ProjectDeletionRepository
    edge: EdgeStore
    withdrawal: Withdrawal
    secrets: SecretRemover
    clock: Clock

    def delete(self, user_id: str, project_id: str) -> None:
        """Delete a tenant's project.

        At once: its site's host and those of its releases lead nowhere, its secrets are gone, its site can be
        had. Functions and files of its releases go with the collection's runs from an hour later on; its
        deployments can be read for 30 days.

        Raises:
            ProjectNotFoundError: There is none (any more), or it is another tenant's.
            DeploymentUnderWayError: One of its deployments has not come to an end.
            ProjectChangedError: It got a deployment at the same moment.
            SiteNotFoundError: The program declares its site no more, so that its secrets cannot be found.
        """
        # In this order: a deployment that comes after this read is noticed by `begin_owned`.
        project = self.projects.owned(user_id, project_id)
        site = self.projects.site(project.site)
        deployments = self.rows.deployments(project_id)
        for deployment in deployments:
            if deployment.status in _UNDER_WAY:
                raise DeploymentUnderWayError(deployment.deployment_id, deployment.status)
        self.rows.begin_owned(user_id, project, at=self.clock())
        # A promote that is on its way reads the pointer after the store's version: it finds none.
        self.edge.remove_host(site.host)
        for deployment in deployments:
            if deployment.release:
                self.withdrawal.give_up(deployment, at=self.clock())
        self.secrets.remove(site.secrets_folder(project_id))
        self.rows.expire(deployments, at=self.clock())
        self.rows.finish(project)
