"""The live pointer of a project: it names the live release. A switch or a promotion moves the pointer.

After a move of the pointer, the caller updates the edge and the aliases, and then finishes the switch
(`releases/switching.py`). Each move is a transaction over the project and the deployment, so that an ended
deployment never becomes live.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen

from runtime.deploy.errors import (
    DeploymentNotFoundError,
    NotReleasedError,
    ProjectChangedError,
    ProjectNotFoundError,
    ProjectPinnedError,
    ReleaseCollectedError,
    SwitchOvertakenError,
    SwitchRefusedError,
    describe_newer_live,
)
from runtime.deploy.model import Deployment, LivePointer, Project, Status
from runtime.deploy.repositories.deployment_rows import (
    build_deployment_key,
    build_deployment_read,
    build_status_update,
    build_switch_lease_update,
    build_transition_update,
    create_stale_error,
    parse_deployment,
)
from runtime.deploy.repositories.projects import ProjectRepository, build_project_key, create_write_error
from runtime.deploy.repositories.usage import count_in_window_operation
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    TransactionRefusedError,
    build_condition_check,
    build_update,
    write_transaction,
)
from runtime.shared.errors import AnchorError, TooManyRequestsError
from runtime.shared.windows import Window

_MAX_ATTEMPTS: Final = 5
_MINUTE: Final = 60

RELEASED: Final = frozenset({Status.READY, Status.LIVE, Status.RETIRED, Status.SUPERSEDED})
"""The statuses in which a deployment can be promoted, if it has a release."""


@frozen(kw_only=True)
class LivePointerRepository:
    """The writes that move live pointers. `promote` serves a tenant. All other methods serve the platform.

    Attributes:
        client: Low-level DynamoDB client.
        deployments_table: Name of the deployments table.
        projects: Repository of the projects, whose rows hold the pointers.
    """

    client: DynamoDBClient
    deployments_table: str
    projects: ProjectRepository

    def switch(self, deployment: Deployment, *, at: datetime) -> Project:
        """Point a project to a deployment that is newer than the live one, if the project is not pinned.

        This is the first step of a switch. Idempotent. Makes one transaction over the project and the
        deployment, so that an ended deployment never becomes live. One more call reads the project.

        Returns:
            The project after the write: `live` is this deployment, and `serving` is still the replaced one.

        Raises:
            ProjectPinnedError: The project is pinned to another release. The deployment becomes `ready`.
            SwitchRefusedError: A newer release is live, or the project is being deleted. The deployment
                keeps its own URL and becomes `superseded`.
            ProjectNotFoundError: The project no longer exists.
            StaleDeploymentError: The deployment is neither `deploying` nor `live`.
        """
        pointer = _build_switch_update(self.projects.table, deployment, at=at)
        released = build_condition_check(
            self.deployments_table,
            build_deployment_key(deployment.project_id, deployment.deployment_id),
            when="#status IN (:deploying, :live)",
            deploying=Status.DEPLOYING,
            live=Status.LIVE,
        )
        try:
            write_transaction(self.client, {"Update": pointer}, released)
        except TransactionRefusedError as refused:
            in_project, in_deployment = refused.items
            if in_project is not None:
                raise _create_switch_error(in_project) from None
            raise create_stale_error(deployment, Status.LIVE, in_deployment) from None
        return self.projects.get(deployment.project_id)

    def promote(  # noqa: PLR0913 - the parts of the write
        self,
        user_id: str,
        deployment: Deployment,
        *,
        pin: bool | None,
        at: datetime,
        limit: int | None = None,
        entry: Mapping[str, Any] | None = None,
    ) -> Project:
        """Point a tenant's project to an older or newer deployment, and pin or unpin the project.

        Makes one transaction and one read, as `switch` does. The transaction also refuses a collected
        release, because the collector can run at the same time. A deployment that is not live gets a lease
        until its switch is finished. If the promotion crashes, the sweep completes the switch.

        Args:
            user_id: The tenant.
            deployment: The deployment, as read.
            pin: Whether the project is pinned afterwards. None leaves the pin unchanged, and expects that the
                live pointer already names the deployment.
            at: Current time.
            limit: Maximum number of promotions of the project in a minute. None if they are not counted.
            entry: The operation that records the change in the audit log.

        Returns:
            The project after the write: `serving` is still the replaced deployment.

        Raises:
            ProjectNotFoundError: The project no longer exists, or belongs to another tenant.
            ProjectChangedError: The pin is left unchanged, and another deployment became live.
            ProjectDeletedError: The project is being deleted.
            DeploymentNotFoundError: The deployment no longer exists.
            ReleaseCollectedError: The release was collected.
            NotReleasedError: The deployment has no release, or its release has not ended.
            TooManyRequestsError: The project was promoted too often in this minute.
        """
        pointer = _build_promote_update(self.projects.table, user_id, deployment, pin=pin, at=at)
        names = ", ".join(f":{status}" for status in sorted(RELEASED))
        released = (
            f"attribute_not_exists(#collectedAt) AND attribute_exists(#release) AND #status IN ({names})"
        )
        statuses = {status.value: status for status in RELEASED}
        key = build_deployment_key(deployment.project_id, deployment.deployment_id)
        checked = build_condition_check(self.deployments_table, key, when=released, **statuses)
        if deployment.status is not Status.LIVE:
            leased = build_switch_lease_update(
                self.deployments_table, deployment, when=released, at=at, **statuses
            )
            checked = {"Update": leased}
        window = Window(kind="PROMOTIONS", seconds=_MINUTE, at=at)
        counted = (
            ()
            if limit is None
            else (count_in_window_operation(self.projects.table, deployment.project_id, window, limit=limit),)
        )
        try:
            write_transaction(self.client, {"Update": pointer}, checked, *counted, entry=entry)
        except TransactionRefusedError as refused:
            in_project, in_deployment, *in_window = refused.items
            if in_project is not None:
                raise create_write_error(in_project, user_id) from None
            if in_deployment is None and limit is not None and in_window:
                raise TooManyRequestsError(
                    "promotions of the project", limit=limit, period="a minute", retry_after=window.remaining
                ) from None
            if not in_deployment:
                raise DeploymentNotFoundError from None
            now = from_row(in_deployment, Deployment)
            if now.collected_at:
                raise ReleaseCollectedError(now.deployment_id) from None
            raise NotReleasedError(now.deployment_id, now.status) from None
        return self.projects.get(deployment.project_id)

    def finish_switch(
        self,
        project: Project,
        deployment: Deployment,
        *,
        at: datetime,
        entry: Mapping[str, Any] | None = None,
    ) -> Deployment:
        """Mark this deployment as `live` and the replaced one as `retired`, in one transaction.

        This is the last step of a switch. Idempotent. The transaction covers both deployments and the
        project's `serving`, which names the deployment to retire. If `serving` has changed since the project
        was read, another switch has finished. The project is then read again, which costs more calls.

        Args:
            project: Result of `switch` or `promote`.
            deployment: The deployment in `project.live`: `deploying`, or one of `RELEASED`.
            at: Becomes `live_at`.
            entry: The operation that records the change in the audit log.

        Raises:
            SwitchOvertakenError: `project.live` now names another deployment. Nothing was written. The caller
                then supersedes a `deploying` deployment; any other keeps its status.
            StaleDeploymentError: The deployment is no longer in the status in which it was read, or cannot
                become `live` in that status.
        """
        for _ in range(_MAX_ATTEMPTS):
            if project.serving == deployment.deployment_id:
                key = (deployment.project_id, deployment.deployment_id)
                return parse_deployment(
                    self.client.get_item(**build_deployment_read(self.deployments_table, *key))
                )
            if project.live is None or project.live.deployment_id != deployment.deployment_id:
                break
            try:
                return self._update_statuses(project, deployment, at=at, entry=entry)
            except ProjectChangedError:
                project = self.projects.get(project.project_id)
        raise SwitchOvertakenError(
            deployment.deployment_id, project.live.deployment_id if project.live else None
        )

    def _update_statuses(
        self, project: Project, deployment: Deployment, *, at: datetime, entry: Mapping[str, Any] | None
    ) -> Deployment:
        live = evolve(deployment.with_status(Status.LIVE, at=at), live_at=at, status_reason=None)
        serving = _create_serving_attribute_update(self.projects.table, project, deployment)
        becomes_live = build_transition_update(
            self.deployments_table, deployment, Status.LIVE, at=at, extra_set=", #liveAt = :at"
        )
        operations = [{"Update": serving}, {"Update": becomes_live}]
        if project.serving:
            retires = build_status_update(
                self.deployments_table,
                build_deployment_key(project.project_id, project.serving),
                Status.RETIRED,
                expected=Status.LIVE,
                at=at,
            )
            operations.append({"Update": retires})
        try:
            write_transaction(self.client, *operations, entry=entry)
        except TransactionRefusedError as refused:
            if refused.items[0] is not None:
                raise ProjectChangedError from None
            raise create_stale_error(deployment, Status.LIVE, refused.items[1]) from None
        return live


def _build_switch_update(table: str, deployment: Deployment, *, at: datetime) -> dict[str, Any]:
    """Return the update that points an unpinned project to a release that is newer than the live one.

    Idempotent: a deployment that already has the pointer keeps it.
    """
    newer = "attribute_not_exists(#live) OR #live.#sequence < :sequence"
    allowed = f"#live.#deploymentId = :deployment OR (#pinned = :no AND ({newer}))"
    return build_update(
        table,
        build_project_key(deployment.project_id),
        "SET #live = :live, #updatedAt = :at",
        when=f"attribute_exists(#projectId) AND attribute_not_exists(#deletingAt) AND ({allowed})",
        live=_create_pointer(deployment),
        deployment=deployment.deployment_id,
        sequence=deployment.sequence,
        no=False,
        at=at,
    )


def _build_promote_update(
    table: str, user_id: str, deployment: Deployment, *, pin: bool | None, at: datetime
) -> dict[str, Any]:
    """Return the update that points a tenant's project to a release, and pins or unpins the project."""
    change, when = (
        "SET #live = :live, #updatedAt = :at",
        "#userId = :user AND attribute_not_exists(#deletingAt)",
    )
    more: dict[str, object] = {}
    if pin is None:
        when += " AND #live.#deploymentId = :deployment"
        more["deployment"] = deployment.deployment_id
    else:
        change += ", #pinned = :pin"
        more["pin"] = pin
    return build_update(
        table,
        build_project_key(deployment.project_id),
        change,
        when=when,
        live=_create_pointer(deployment),
        user=user_id,
        at=at,
        **more,
    )


def build_pinned_check(table: str, deployment: Deployment) -> dict[str, Any]:
    """Return the check that a project exists and is pinned to another deployment."""
    return build_condition_check(
        table,
        build_project_key(deployment.project_id),
        when="#pinned = :yes AND #live.#deploymentId <> :deployment",
        deployment=deployment.deployment_id,
        yes=True,
    )


def build_not_live_check(table: str, deployment: Deployment) -> dict[str, Any]:
    """Return the check that a project's live pointer does not name a deployment.

    The check also succeeds if the project does not exist.
    """
    return build_condition_check(
        table,
        build_project_key(deployment.project_id),
        when="attribute_not_exists(#live) OR #live.#deploymentId <> :deployment",
        deployment=deployment.deployment_id,
    )


def _create_serving_attribute_update(table: str, project: Project, deployment: Deployment) -> dict[str, Any]:
    """Return the update that finishes a switch: it sets `serving`, if `serving` is the same as when read."""
    unchanged = "#serving = :previous" if project.serving else "attribute_not_exists(#serving)"
    return build_update(
        table,
        build_project_key(project.project_id),
        "SET #serving = :deployment",
        when=f"#live.#deploymentId = :deployment AND {unchanged}",
        deployment=deployment.deployment_id,
        **({"previous": project.serving} if project.serving else {}),
    )


def _create_switch_error(item: Item) -> AnchorError:
    """Return the error for a refused `switch`. `item` is the project's row, or empty if there is no row."""
    if not item:
        return ProjectNotFoundError()
    project = from_row(item, Project)
    if project.deleting_at:
        return SwitchRefusedError("the project is being deleted")
    live = project.live.deployment_id if project.live else None
    return ProjectPinnedError(live) if project.pinned else SwitchRefusedError(describe_newer_live(live))


def _create_pointer(deployment: Deployment) -> LivePointer:
    return LivePointer(deployment_id=deployment.deployment_id, sequence=deployment.sequence)
