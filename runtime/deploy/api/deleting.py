"""Deletion of a project with everything that belongs to it. Then the site is in quarantine.

The project's row is deleted in the last step. So a repeated call can complete an interrupted deletion.
"""

from typing import Final

from attrs import frozen

from runtime.deploy.audit.model import PLATFORM, Action, Origin, describe_fields
from runtime.deploy.audit.trail import AuditTrail
from runtime.deploy.errors import DeploymentInProgressError
from runtime.deploy.model import Status
from runtime.deploy.releases.edge_store import EdgeStore
from runtime.deploy.releases.release_secrets import ReleaseSecrets
from runtime.deploy.releases.withdrawal import ReleaseWithdrawal
from runtime.deploy.repositories.deploy_keys import DeployKeyStore
from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.variables import SecretRemover
from runtime.shared.clock import Clock

_IN_PROGRESS: Final = frozenset({Status.QUEUED, Status.BUILDING, Status.BUILT, Status.DEPLOYING})


@frozen(kw_only=True)
class ProjectDeletion:
    """The service that deletes projects."""

    projects: ProjectRepository
    rows: ProjectDeletionRepository
    edge: EdgeStore
    withdrawal: ReleaseWithdrawal
    secrets: SecretRemover
    release_secrets: ReleaseSecrets
    keys: DeployKeyStore
    audit: AuditTrail
    clock: Clock

    def delete(self, user_id: str, project_id: str, *, origin: Origin = PLATFORM) -> None:
        """Delete a tenant's project.

        The deletion takes effect immediately: the site and its releases are no longer served, the secrets and
        the deploy key are deleted. The tenant can use the site for a new project. Other tenants can use it
        after its quarantine (`upkeep/cleaning.py`). The collector deletes the functions and files of the
        releases after an hour. The deployments can be read for 30 days. None of them has the status `live`.

        Raises:
            ProjectNotFoundError: The project does not exist, or belongs to another tenant.
            DeploymentInProgressError: A deployment of the project has not ended.
            ProjectChangedError: A deployment of the project was created at the same time.
            SiteNotFoundError: The site is no longer declared, so the project's secrets cannot be found.
        """
        # Read the project first: `begin_owned` detects deployments that are created after this read.
        project = self.projects.get_owned(user_id, project_id)
        site = self.projects.get_site(project.site)
        stored = self.rows.list_deployments(project_id)
        for deployment in (each.deployment for each in stored):
            if deployment.status in _IN_PROGRESS:
                raise DeploymentInProgressError(deployment.deployment_id, deployment.status)
        at = self.clock()
        entry = self.audit.build_user_entry(
            Action.PROJECT_DELETE,
            user_id=user_id,
            project_id=project_id,
            origin=origin,
            at=at,
            changes=describe_fields({"name": project.name, "site": project.site}),
        )
        self.rows.begin_owned(user_id, project, at=at, entry=entry)
        # Read the deployments again, in case a promotion has changed their statuses. From now on, no
        # promotion can finish, because the live pointer no longer exists.
        stored = self.rows.list_deployments(project_id)
        # A concurrent promotion cannot add the host again. Before its write, the promotion reads the live
        # pointer, which no longer exists.
        self.edge.remove_host(site.host)
        for deployment in (each.deployment for each in stored):
            if deployment.release:
                self.withdrawal.withdraw_deleted_release(deployment, at=self.clock())
        self.secrets.remove_all(site.build_secrets_folder(project_id))
        self.release_secrets.clear(site.site, project_id)
        self.secrets.remove_all(self.keys.build_folder(project_id))
        self.rows.expire(stored, at=self.clock())
        self.rows.finish(project, at=self.clock())
