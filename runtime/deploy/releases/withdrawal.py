"""The withdrawal of releases: the first step of their collection, after which no visitor reaches them.

The collector withdraws releases once an hour. Before each release, the function `release` withdraws those
that the project no longer keeps. So the number of releases of a project at the edge is limited, however often
it deploys.
"""

from contextlib import suppress
from datetime import datetime

from attrs import frozen

from runtime.deploy.errors import DeploymentNotFoundError, ReleaseInUseError, SiteNotFoundError
from runtime.deploy.model import Deployment, Site
from runtime.deploy.releases.edge_store import EdgeStore, build_release_host
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.retention import HeldRelease, RetentionRepository, find_collectable_releases


@frozen(kw_only=True)
class ReleaseWithdrawal:
    """The first step of a collection: it withdraws releases. It makes no calls to Lambda or S3."""

    projects: ProjectRepository
    deployments: DeploymentRepository
    retention: RetentionRepository
    edge: EdgeStore

    def withdraw_surplus_releases(self, project_id: str, *, kept: int, at: datetime) -> int:
        """Withdraw the releases that a project does not keep, before it gets another one. Idempotent.

        Without this call, a project could add releases to the edge until the collector runs, and fill the
        store that all sites share.

        Args:
            project_id: The project.
            kept: Number of newest releases that the project keeps.
            at: The current time.

        Returns:
            The number of withdrawn releases.

        Raises:
            EdgeBusyError: The edge's store is busy.
        """
        held = [
            each
            for each in self.retention.list_held_releases()
            if each.project_id == project_id and each.collected_at is None
        ]
        withdrawn = 0
        for each in find_collectable_releases(held, kept=kept):
            # The index is eventually consistent, so the release can be live or collected by now.
            with suppress(DeploymentNotFoundError, ReleaseInUseError):
                deployment = self.deployments.get(each.project_id, each.deployment_id)
                self.withdraw_unused_release(each, deployment, at=at)
                withdrawn += 1
        return withdrawn

    def withdraw_unused_release(self, held: HeldRelease, deployment: Deployment, *, at: datetime) -> None:
        """Withdraw a release that is not in use. Idempotent.

        Raises:
            ReleaseInUseError: The release is live, or was withdrawn before.
            EdgeBusyError: The edge's store is busy. The release is already marked as collected.
        """
        site = self.find_site(deployment)
        # The transaction of `mark_collected_if_unused` only checks the rows. The check here protects a
        # release that the edge serves because the edge's store was edited manually.
        if site and self.edge.find_release_of_host(site.host) == deployment.deployment_id:
            raise ReleaseInUseError(deployment.deployment_id)
        self.retention.mark_collected_if_unused(held, at=at)
        self.remove_host(deployment, site)

    def withdraw_deleted_release(self, deployment: Deployment, *, at: datetime) -> None:
        """Withdraw a release of a project that is being deleted, live or not. Idempotent.

        The collector deletes the release's functions and files after an hour. Before this call, the caller
        must remove the site's own host (`EdgeStore.remove_host`), because that host can serve this release.

        Raises:
            DeploymentNotFoundError: The deployment no longer exists.
            EdgeBusyError: The edge's store is busy.
        """
        self.retention.mark_collected(deployment, at=at)
        self.remove_host(deployment, self.find_site(deployment))

    def remove_host(self, deployment: Deployment, site: Site | None) -> bool:
        """Remove a release's own host from the edge. Return whether the edge had this host."""
        host = find_release_host(deployment, site)
        return host is not None and self.edge.remove_release(host)

    def find_site(self, deployment: Deployment) -> Site | None:
        """Return the deployment's site, or None if it is no longer declared."""
        try:
            return self.projects.get_site(deployment.site)
        except SiteNotFoundError:
            return None


def find_release_host(deployment: Deployment, site: Site | None) -> str | None:
    """Return the host of a deployment's release, or None if it can no longer be determined."""
    if deployment.release:
        return deployment.release.host
    return build_release_host(deployment.deployment_id, site.host) if site else None
