"""A project's one build slot: deployments of a project build one after the other (P8).

Slot, status and the stage's set of builds that run (`stage_builds.py`) are only written together, each time
in one transaction: the deployment that holds the slot is the one that is `building`, whatever crashed. Each
method makes one DynamoDB call. `cancel_owned` serves a tenant, all others the platform.
"""

from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from runtime.deploy.errors import (
    BuildRoomTakenError,
    BuildSlotTakenError,
    DeploymentNotFoundError,
    ProjectNotFoundError,
)
from runtime.deploy.model import Deployment, Failure, Status
from runtime.deploy.repositories.deployment_rows import (
    BUILD_LEASE,
    deployment_key,
    lease_end,
    stale,
    status_update,
)
from runtime.deploy.repositories.patience import Patience
from runtime.deploy.repositories.projects import project_key
from runtime.deploy.repositories.stage_builds import (
    RunningBuild,
    no_more_waiting,
    runs,
    runs_no_more,
    starts,
    starts_not,
    waits,
)
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    build_update,
    named_condition_errors,
    write_transaction,
)
from runtime.shared.errors import AnchorError


@frozen(kw_only=True)
class BuildSlotRepository:
    """Takes and frees build slots.

    Attributes:
        client: Low-level DynamoDB client.
        deployments_table: Name of the deployments table.
        projects_table: Name of the projects table.
        room: How many builds may run at the same time in the stage.
        patience: For the row of what runs, which all of them write.
    """

    client: DynamoDBClient
    deployments_table: str
    projects_table: str
    room: int
    patience: Patience

    def take(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Take the project's build slot and room, and move `queued` to `building`, in one transaction.

        Repeatable. One that is `building` already has its room, however many others run.

        Raises:
            StaleDeploymentError: The deployment is neither `queued` nor `building`; or it was read as
                `building`, and is `queued` again.
            BuildSlotTakenError: Another deployment of the project is building.
            BuildRoomTakenError: As many builds run as may.
        """
        is_new = deployment.status is Status.QUEUED
        place: dict[str, Any] = {}
        if is_new and deployment.waiting_since:
            place = {"also": ", #waitingSince = :since", "since": deployment.waiting_since}
        slot = build_update(
            self.projects_table,
            project_key(deployment.project_id),
            "SET #activeBuild = :deployment",
            when="attribute_exists(#projectId)"
            " AND (attribute_not_exists(#activeBuild) OR #activeBuild = :deployment)",
            deployment=deployment.deployment_id,
        )
        status = status_update(
            self.deployments_table,
            _key(deployment),
            Status.BUILDING,
            # One that was read as `building` may have given its turn back since: then it has no room.
            was=(Status.QUEUED, Status.BUILDING) if is_new else Status.BUILDING,
            at=at,
            anew=is_new,
            **place,
        )
        room = runs(self.projects_table, RunningBuild.of(deployment), room=self.room if is_new else None)
        first = [
            no_more_waiting(self.projects_table, deployment.deployment_id),
            starts(self.projects_table, deployment.user_id, at=at),
        ]
        try:
            self.patience.transact(
                self.client, {"Update": slot}, {"Update": status}, room, *(first if is_new else ())
            )
        except TransactionRefusedError as refused:
            in_project, in_deployment, *_ = refused.items
            if in_deployment is not None:
                raise stale(deployment, Status.BUILDING, in_deployment) from None
            if in_project is None:
                raise BuildRoomTakenError from None
            if not in_project:
                raise ProjectNotFoundError from None
            raise BuildSlotTakenError(in_project["activeBuild"]["S"]) from None
        return evolve(deployment, status=Status.BUILDING, updated_at=at)

    def give_back(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Give slot and room back, and move `building` to `queued`, in one transaction.

        For a build that CodeBuild had no room for. It waits where it did, as if it had not had its turn.

        Raises:
            StaleDeploymentError: It is no longer `building`, or has a build.
        """
        after = deployment.moved(Status.QUEUED, at=at)
        status = status_update(
            self.deployments_table,
            _key(deployment),
            Status.QUEUED,
            was=Status.BUILDING,
            at=at,
            when=" AND attribute_not_exists(#buildId)",
        )
        since = deployment.waiting_since or deployment.created_at
        try:
            self._free(
                deployment,
                status,
                waits(self.projects_table, deployment, since=since),
                starts_not(self.projects_table, deployment.user_id),
            )
        except TransactionRefusedError as refused:
            raise stale(deployment, Status.QUEUED, refused.items[1]) from None
        return after

    def record_build(self, deployment: Deployment, build_id: str, *, at: datetime) -> Deployment:
        """Write which build a `building` deployment has. Repeatable, but never another build.

        Raises:
            StaleDeploymentError: It is no longer `building`, or has another build.
        """
        write = build_update(
            self.deployments_table,
            _key(deployment),
            "SET #buildId = :build, #updatedAt = :at, #leaseUntil = :leaseUntil",
            when="#status = :building AND (attribute_not_exists(#buildId) OR #buildId = :build)",
            build=build_id,
            building=Status.BUILDING,
            at=at,
            leaseUntil=lease_end(BUILD_LEASE, at=at),
        )
        try:
            with named_condition_errors():
                answer = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError as refused:
            raise stale(deployment, Status.BUILDING, refused.item) from None
        return from_row(answer["Attributes"], Deployment)

    def free(
        self,
        deployment: Deployment,
        to: Status,
        *,
        at: datetime,
        build_id: str | None = None,
        failure: Failure | None = None,
    ) -> Deployment:
        """Free slot and room, and move `building` to `built`, `failed` or `cancelled`, in one transaction.

        Args:
            deployment: As read, `building`.
            to: What the build came to.
            at: Now.
            build_id: The build that ended; None when none was started. A deployment that has another build
                recorded is left as it is.
            failure: Why, unless it was built.

        Raises:
            StaleDeploymentError: It is no longer `building`, or has another build.
        """
        after = evolve(deployment.moved(to, at=at), build_id=build_id or deployment.build_id, failure=failure)
        more: dict[str, object] = {}
        if after.build_id:
            more["build"] = after.build_id
        if failure:
            more["failure"] = failure
        status = status_update(
            self.deployments_table,
            _key(deployment),
            to,
            was=Status.BUILDING,
            at=at,
            also=(", #buildId = :build" if "build" in more else "")
            + (", #failure = :failure" if "failure" in more else ""),
            when=" AND (attribute_not_exists(#buildId)"
            + (" OR #buildId = :build)" if "build" in more else ")"),
            anew=True,
            **more,
        )
        try:
            self._free(deployment, status)
        except TransactionRefusedError as refused:
            raise stale(deployment, to, refused.items[1]) from None
        return after

    def cancel_owned(self, user_id: str, deployment: Deployment, *, at: datetime) -> Deployment:
        """Move a tenant's `queued`, `building` or `built` deployment, as read, to `cancelled`.

        A `building` one's slot and room are freed in the same transaction; its build is not stopped by this.

        Raises:
            DeploymentNotFoundError: It is another tenant's.
            StaleDeploymentError: It is no longer in the status it was read in, or cannot be cancelled in it.
        """
        if deployment.user_id != user_id:
            raise DeploymentNotFoundError
        after = deployment.moved(Status.CANCELLED, at=at)
        status = status_update(
            self.deployments_table,
            _key(deployment),
            Status.CANCELLED,
            was=deployment.status,
            at=at,
            when=" AND #userId = :user",
            user=user_id,
        )
        try:
            if deployment.status is Status.BUILDING:
                self._free(deployment, status)
            elif deployment.status is Status.QUEUED:
                left = no_more_waiting(self.projects_table, deployment.deployment_id)
                write_transaction(self.client, left, {"Update": status})
            else:
                with named_condition_errors():
                    self.client.update_item(**status)
        except TransactionRefusedError as refused:
            raise _not_cancelled(deployment, user_id, refused.items[1]) from None
        except ConditionFailedError as refused:
            raise _not_cancelled(deployment, user_id, refused.item) from None
        return after

    def release_abandoned(self, project_id: str, holder: str) -> bool:
        """Free a slot whose holder is not `building` any more; False when it is another's by now.

        While both are written together that never happens, but rows can be restored or changed by hand.
        """
        try:
            with named_condition_errors():
                self.client.update_item(**self._freed_of(project_id, holder))
        except ConditionFailedError:
            return False
        return True

    def _free(self, deployment: Deployment, status: dict[str, Any], *beside: dict[str, Any]) -> None:
        self.patience.transact(
            self.client,
            {"Update": self._freed_of(deployment.project_id, deployment.deployment_id)},
            {"Update": status},
            runs_no_more(self.projects_table, RunningBuild.of(deployment)),
            *beside,
        )

    def _freed_of(self, project_id: str, holder: str) -> dict[str, Any]:
        return build_update(
            self.projects_table,
            project_key(project_id),
            "REMOVE #activeBuild",
            when="#activeBuild = :deployment",
            deployment=holder,
        )


def _key(deployment: Deployment) -> Item:
    return deployment_key(deployment.project_id, deployment.deployment_id)


def _not_cancelled(deployment: Deployment, user_id: str, item: Item | None) -> AnchorError:
    if item and item["userId"]["S"] != user_id:
        return DeploymentNotFoundError()
    return stale(deployment, Status.CANCELLED, item)
