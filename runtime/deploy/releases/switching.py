"""Switch of a site to another release: edge, aliases and statuses follow the project's live pointer."""

from collections.abc import Mapping
from functools import partial

from attrs import frozen

from runtime.deploy.audit.model import PLATFORM, Action, Actor, ActorKind, Change, Origin, describe_fields
from runtime.deploy.audit.trail import AuditTrail
from runtime.deploy.errors import SwitchOvertakenError
from runtime.deploy.model import Deployment, LivePointer, Project, Release, Site
from runtime.deploy.releases.edge_store import EdgeStore
from runtime.deploy.releases.publishing import FunctionPublisher
from runtime.deploy.releases.release_secrets import ReleaseSecrets
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.idempotency import IdempotencyRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.api.idempotency import IdempotentRequest
from runtime.shared.clock import Clock


@frozen(kw_only=True)
class Promotion:
    """The result of a promotion.

    Attributes:
        deployment: The promoted deployment.
        pinned: Whether the project is pinned now.
        live: Id of the deployment that is live now. It differs from the promoted one only in the answer to a
            repeated request, after a later promotion.
        replaced: Id of the deployment that was live before. If the promoted one was already live, this is its
            id.
    """

    deployment: Deployment
    pinned: bool
    live: str | None
    replaced: str | None


@frozen(kw_only=True)
class Switch:
    """The service that makes a release live.

    `promote` moves the project's pointer and then applies it. `apply_pointer` only applies a pointer that was
    already moved. Several switches of one site can run at the same time, because each step reads the
    pointer's latest value.

    Attributes:
        max_promotions: Maximum number of promotions of a project in a minute.
    """

    projects: ProjectRepository
    deployments: DeploymentRepository
    requests: IdempotencyRepository
    edge: EdgeStore
    publisher: FunctionPublisher
    secrets: ReleaseSecrets
    audit: AuditTrail
    clock: Clock
    max_promotions: int | None = None

    def promote(
        self,
        user_id: str,
        deployment_id: str,
        *,
        pin: bool | None = None,
        request: IdempotentRequest | None = None,
        origin: Origin = PLATFORM,
    ) -> Promotion:
        """Make a release live on its tenant's site.

        Idempotent. The project is pinned, unless `pin` is false. Without `pin`, promoting the live release
        leaves the pin unchanged.

        Args:
            user_id: The tenant.
            deployment_id: User input.
            pin: Whether the project is pinned afterwards. None for the default.
            request: The request with its idempotency key. If it was carried out before, nothing changes.
            origin: Where the request came from, for the audit log.

        Raises:
            IdempotencyKeyReusedError: The idempotency key was used for another request.
            DeploymentNotFoundError: There is no such deployment, or it belongs to another tenant.
            NotReleasedError: The deployment has no release, or its release has not ended.
            ProjectChangedError: Another release became live at the same time.
            ProjectDeletedError: The project is being deleted.
            ReleaseCollectedError: The release was collected.
            SiteNotFoundError: The site is no longer declared.
            SwitchOvertakenError: A later switch of the same project has moved the pointer.
            TooManyRequestsError: The project was promoted too often in this minute.
        """
        found = self.deployments.get_owned(user_id, deployment_id)
        if request and (answered := self.requests.find_owned(request, at=self.clock())):
            project = self.projects.get_owned(user_id, found.project_id)
            return Promotion(
                deployment=self.deployments.get(found.project_id, answered.result_id),
                pinned=project.pinned,
                live=project.serving,
                replaced=answered.replaced_id,
            )
        # The index that finds a deployment by its id alone is eventually consistent, so read the row itself.
        deployment = self.deployments.get(found.project_id, deployment_id)
        site = self.projects.get_site(deployment.site)
        before = self.projects.get_owned(user_id, deployment.project_id).live
        if pin is None:
            pin = None if before and before.deployment_id == deployment_id else True
        at = self.clock()
        is_older = before is not None and deployment.sequence < before.sequence
        entry = self.audit.build_user_entry(
            Action.DEPLOYMENT_ROLLBACK if is_older else Action.DEPLOYMENT_PROMOTE,
            user_id=user_id,
            project_id=deployment.project_id,
            origin=origin,
            at=at,
            target_id=deployment_id,
            changes=_describe_promotion(before, pin=pin),
        )
        project = self.deployments.live_pointers.promote(
            user_id, deployment, pin=pin, at=at, limit=self.max_promotions, entry=entry
        )
        live = self.apply_pointer(project, deployment, site)
        if request:
            self.requests.record_owned(
                request, result_id=deployment_id, replaced_id=project.serving, at=self.clock()
            )
        return Promotion(
            deployment=live, pinned=project.pinned, live=live.deployment_id, replaced=project.serving
        )

    def apply_pointer(self, project: Project, deployment: Deployment, site: Site) -> Deployment:
        """Make the edge and the `live` aliases follow the project's pointer, and record the live deployment.

        Idempotent. Older releases of the project get the secrets of the live one.

        Args:
            project: The project, as returned by the write that moved the pointer.
            deployment: The released deployment that the pointer names.
            site: The project's site.

        Returns:
            The live deployment.

        Raises:
            SwitchOvertakenError: Another switch has moved the pointer, and the edge and the aliases follow
                the new pointer. Or the deletion of the project has removed the pointer.
        """
        self.edge.point_host_to_release(
            site.host, partial(self._read_live_deployment_id, project, deployment)
        )
        self.publisher.point_live_aliases(partial(self._read_live_versions, project, deployment, site))
        self.secrets.replace_older(deployment)
        at = self.clock()
        entry = self.audit.build_entry(
            Action.RELEASE_LIVE,
            user_id=deployment.user_id,
            project_id=deployment.project_id,
            actor=Actor(kind=ActorKind.PLATFORM, id="switch"),
            at=at,
            target_id=deployment.deployment_id,
            changes=[Change(name="previous", value=project.serving)] if project.serving else [],
        )
        return self.deployments.live_pointers.finish_switch(project, deployment, at=at, entry=entry)

    def _read_live_deployment_id(self, project: Project, deployment: Deployment) -> str:
        """Return the id of the deployment that the project's pointer names now.

        Raises:
            SwitchOvertakenError: The pointer no longer names a deployment.
        """
        live = self.projects.get(project.project_id).live
        if live is None:
            raise SwitchOvertakenError(deployment.deployment_id, None)
        return live.deployment_id

    def _read_live_versions(self, project: Project, deployment: Deployment, site: Site) -> Mapping[str, str]:
        """Return the version of each function in the release that the project's pointer names now.

        Raises:
            SwitchOvertakenError: The pointer no longer names a deployment, or names one without a release.
        """
        pointed_id = self._read_live_deployment_id(project, deployment)
        if pointed_id == deployment.deployment_id:
            pointed = deployment
        else:
            pointed = self.deployments.get(project.project_id, pointed_id)
        if pointed.release is None:
            raise SwitchOvertakenError(deployment.deployment_id, pointed_id)
        return _get_function_versions(pointed.release, site)


def _describe_promotion(before: LivePointer | None, *, pin: bool | None) -> tuple[Change, ...]:
    """Return the release that a promotion replaces, and the new pin, for the audit log."""
    fields = {"previous": before.deployment_id if before else None, "pinned": pin}
    return describe_fields({name: value for name, value in fields.items() if value is not None})


def _get_function_versions(release: Release, site: Site) -> Mapping[str, str]:
    versions = {
        site.server_function: release.server_version,
        site.image_function: release.image_version,
    }
    if release.revalidation_version is not None:
        versions[site.revalidation_function] = release.revalidation_version
    return versions
