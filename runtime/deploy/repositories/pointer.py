"""The pointer of a project to its live release, and how a switch or a promote moves it (D3, D5, P8).

Who moves the pointer makes edge and aliases follow it, and then ends the switch (`releases/switching.py`).
Every move is a transaction over the project and its deployments, so that nothing that has ended is live.
"""

from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen

from runtime.deploy.errors import (
    NotReleasedError,
    ProjectChangedError,
    ProjectNotFoundError,
    ReleaseCollectedError,
    SwitchOvertakenError,
    SwitchRefusedError,
)
from runtime.deploy.model import Deployment, Pointer, Project, Status
from runtime.deploy.repositories.deployment_rows import (
    deployment_key,
    found,
    move,
    reading,
    stale,
    status_update,
    switch_lease,
)
from runtime.deploy.repositories.projects import ProjectRepository, changed, project_key
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    TransactionRefusedError,
    build_condition_check,
    build_update,
    write_transaction,
)
from runtime.shared.errors import AnchorError

_ATTEMPTS: Final = 5


@frozen(kw_only=True)
class PointerRepository:
    """Moves projects' pointers. `promote` serves a tenant, all others the platform.

    Attributes:
        client: Low-level DynamoDB client.
        deployments_table: Name of the deployments table.
        projects: The projects, whose rows have the pointers.
    """

    client: DynamoDBClient
    deployments_table: str
    projects: ProjectRepository

    def switch(self, deployment: Deployment, *, at: datetime) -> Project:
        """Let the project's site lead to a deployment if it is newer than what is live and none is pinned.

        Step (a) of a release's switch, and repeatable. One transaction over the project and the deployment,
        so that nothing that has ended is live, and one call more to read the project.

        Returns:
            The project after the write: `live` is this deployment, `serving` the one that `live` replaces.

        Raises:
            SwitchRefusedError: A newer release is live, another one is pinned, or the project is being
                deleted. The deployment keeps its own URL and becomes `superseded`.
            ProjectNotFoundError: The project is gone.
            StaleDeploymentError: The deployment is neither `deploying` nor `live`.
        """
        pointer = _switch(self.projects.table, deployment, at=at)
        released = build_condition_check(
            self.deployments_table,
            deployment_key(deployment.project_id, deployment.deployment_id),
            when="#status IN (:deploying, :live)",
            deploying=Status.DEPLOYING,
            live=Status.LIVE,
        )
        try:
            write_transaction(self.client, {"Update": pointer}, released)
        except TransactionRefusedError as refused:
            in_project, in_deployment = refused.items
            if in_project is not None:
                raise _switch_refused(in_project) from None
            raise stale(deployment, Status.LIVE, in_deployment) from None
        return self.projects.get(deployment.project_id)

    def promote(self, user_id: str, deployment: Deployment, *, at: datetime) -> Project:
        """Let the site of a tenant's project lead to a deployment, older or newer, and pin it there (D5).

        As `switch`, but of a deployment that collection may take meanwhile. Until its switch is over, a
        `retired` one has a lease: should the promote die, the sweep has the switch finished.

        Returns:
            The project after the write.

        Raises:
            ProjectNotFoundError: The project is gone, or another tenant's.
            ProjectDeletedError: It is being deleted.
            ReleaseCollectedError: The deployment is not kept any more.
            NotReleasedError: It is neither `live` nor `retired`.
        """
        pointer = _promote(self.projects.table, user_id, deployment, at=at)
        released = "attribute_not_exists(#collectedAt) AND #status IN (:live, :retired)"
        statuses = {"live": Status.LIVE, "retired": Status.RETIRED}
        key = deployment_key(deployment.project_id, deployment.deployment_id)
        checked = build_condition_check(self.deployments_table, key, when=released, **statuses)
        if deployment.status is Status.RETIRED:
            leased = switch_lease(self.deployments_table, deployment, when=released, at=at, **statuses)
            checked = {"Update": leased}
        try:
            write_transaction(self.client, {"Update": pointer}, checked)
        except TransactionRefusedError as refused:
            in_project, in_deployment = refused.items
            if in_project is not None:
                raise changed(in_project, user_id) from None
            if not in_deployment:
                raise ProjectNotFoundError from None
            now = from_row(in_deployment, Deployment)
            if now.collected_at:
                raise ReleaseCollectedError(now.deployment_id) from None
            raise NotReleasedError(now.deployment_id, now.status) from None
        return self.projects.get(deployment.project_id)

    def finish_switch(self, project: Project, deployment: Deployment, *, at: datetime) -> Deployment:
        """Write that a switch is over: this deployment `live`, the one it replaced `retired`, or neither.

        Step (d), for releases and promotes. Repeatable. One transaction over three rows: both deployments,
        and the project's `serving`, which names the one to retire and must be as read. When another switch
        finished in the meantime the project is read again: then more than one call.

        Args:
            project: As `switch` or `promote` returned it.
            deployment: The one that `project.live` names; `deploying`, `retired` or `live`.
            at: Becomes `live_at`.

        Raises:
            SwitchOvertakenError: `project.live` names another deployment by now. Nothing was written: a
                `deploying` deployment is then to be superseded, a `retired` one stays so.
            StaleDeploymentError: This deployment is in a status that cannot become `live`.
        """
        for _ in range(_ATTEMPTS):
            if project.serving == deployment.deployment_id:
                key = (deployment.project_id, deployment.deployment_id)
                return found(self.client.get_item(**reading(self.deployments_table, *key)))
            if project.live is None or project.live.deployment_id != deployment.deployment_id:
                break
            try:
                return self._switch_statuses(project, deployment, at=at)
            except ProjectChangedError:
                project = self.projects.get(project.project_id)
        raise SwitchOvertakenError(
            deployment.deployment_id, project.live.deployment_id if project.live else None
        )

    def _switch_statuses(self, project: Project, deployment: Deployment, *, at: datetime) -> Deployment:
        live = evolve(deployment.moved(Status.LIVE, at=at), live_at=at)
        serving = _serve(self.projects.table, project, deployment)
        becomes_live = move(self.deployments_table, deployment, Status.LIVE, at=at, also=", #liveAt = :at")
        operations = [{"Update": serving}, {"Update": becomes_live}]
        if project.serving:
            retires = status_update(
                self.deployments_table,
                deployment_key(project.project_id, project.serving),
                Status.RETIRED,
                was=Status.LIVE,
                at=at,
            )
            operations.append({"Update": retires})
        try:
            write_transaction(self.client, *operations)
        except TransactionRefusedError as refused:
            if refused.items[0] is not None:
                raise ProjectChangedError from None
            raise stale(deployment, Status.LIVE, refused.items[1]) from None
        return live


def _switch(table: str, deployment: Deployment, *, at: datetime) -> dict[str, Any]:
    """Return the update that leads a site to a release if it is newer than what is live and none is pinned.

    Repeatable: a deployment that has the pointer already keeps it.
    """
    newer = "attribute_not_exists(#live) OR #live.#sequence < :sequence"
    allowed = f"#live.#deploymentId = :deployment OR (#pinned = :no AND ({newer}))"
    return build_update(
        table,
        project_key(deployment.project_id),
        "SET #live = :live, #updatedAt = :at",
        when=f"attribute_exists(#projectId) AND attribute_not_exists(#deletingAt) AND ({allowed})",
        live=_pointer(deployment),
        deployment=deployment.deployment_id,
        sequence=deployment.sequence,
        no=False,
        at=at,
    )


def _promote(table: str, user_id: str, deployment: Deployment, *, at: datetime) -> dict[str, Any]:
    """Return the update that lets the site of a tenant's project lead to a release, and pins it there."""
    return build_update(
        table,
        project_key(deployment.project_id),
        "SET #live = :live, #pinned = :yes, #updatedAt = :at",
        when="#userId = :user AND attribute_not_exists(#deletingAt)",
        live=_pointer(deployment),
        user=user_id,
        yes=True,
        at=at,
    )


def pointer_elsewhere(table: str, deployment: Deployment) -> dict[str, Any]:
    """Return the check that a project, which may be gone, does not lead its site to a deployment."""
    return build_condition_check(
        table,
        project_key(deployment.project_id),
        when="attribute_not_exists(#live) OR #live.#deploymentId <> :deployment",
        deployment=deployment.deployment_id,
    )


def _serve(table: str, project: Project, deployment: Deployment) -> dict[str, Any]:
    """Return the update that ends a switch: `serving`, if it is as read, becomes what the pointer is at."""
    unchanged = "#serving = :previous" if project.serving else "attribute_not_exists(#serving)"
    return build_update(
        table,
        project_key(project.project_id),
        "SET #serving = :deployment",
        when=f"#live.#deploymentId = :deployment AND {unchanged}",
        deployment=deployment.deployment_id,
        **({"previous": project.serving} if project.serving else {}),
    )


def _switch_refused(item: Item) -> AnchorError:
    """Return the error for a `switch` that this row, empty when there is none, did not allow."""
    if not item:
        return ProjectNotFoundError()
    project = from_row(item, Project)
    if project.deleting_at:
        return SwitchRefusedError("the project is being deleted")
    live = project.live.deployment_id if project.live else None
    return SwitchRefusedError(
        f"deployment {live} is pinned" if project.pinned else f"deployment {live} is newer and already live"
    )


def _pointer(deployment: Deployment) -> Pointer:
    return Pointer(deployment_id=deployment.deployment_id, sequence=deployment.sequence)
