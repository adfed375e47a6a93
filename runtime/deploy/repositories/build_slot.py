"""A project's build slot: the deployments of a project build one after the other.

Slot, deployment status and the stage's set of running builds (`stage_builds.py`) are always written in one
transaction. So after any crash, the deployment that holds the slot is the one with the status `building`.
Each method makes one DynamoDB call. `cancel_owned` serves a tenant. All other methods serve the platform.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from runtime.deploy.errors import (
    BuildSlotTakenError,
    DeploymentNotFoundError,
    NoBuildCapacityError,
    ProjectNotFoundError,
)
from runtime.deploy.model import Deployment, Failure, Status
from runtime.deploy.repositories.deployment_rows import (
    BUILD_LEASE,
    build_deployment_key,
    build_status_update,
    compute_lease_end,
    create_stale_error,
)
from runtime.deploy.repositories.projects import build_project_key
from runtime.deploy.repositories.stage_builds import (
    RunningBuild,
    add_running_operation,
    add_waiting_operation,
    record_start_operation,
    remove_running_operation,
    remove_waiting_operation,
    undo_start_operation,
)
from runtime.deploy.repositories.transaction_retries import TransactionRetrier
from runtime.deploy.repositories.usage import (
    add_build_operation,
    add_queued_operation,
    remove_queued_operation,
)
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    build_update,
    translate_condition_errors,
    write_with_entry,
)
from runtime.shared.errors import AnchorError


@frozen(kw_only=True)
class BuildSlotRepository:
    """The writes that take and free build slots.

    Attributes:
        client: Low-level DynamoDB client.
        deployments_table: Name of the deployments table.
        projects_table: Name of the projects table.
        max_concurrent_builds: Maximum number of running builds in the stage.
        retrier: Retries conflicts on the row of running builds, which changes each time a slot is taken or
            freed.
    """

    client: DynamoDBClient
    deployments_table: str
    projects_table: str
    max_concurrent_builds: int
    retrier: TransactionRetrier

    def take(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Take the slot and build capacity, and move a deployment to `building`, in one transaction.

        Idempotent. A deployment that is already `building` keeps its capacity, however many builds run.

        Raises:
            StaleDeploymentError: The deployment is neither `queued` nor `building`, or it was read as
                `building` and is `queued` again.
            ProjectNotFoundError: The project no longer exists.
            BuildSlotTakenError: Another deployment of the project is building.
            NoBuildCapacityError: The stage already runs its maximum number of builds.
        """
        is_new = deployment.status is Status.QUEUED
        waiting_since: dict[str, Any] = {}
        if is_new and deployment.waiting_since:
            waiting_since = {"extra_set": ", #waitingSince = :since", "since": deployment.waiting_since}
        slot = build_update(
            self.projects_table,
            build_project_key(deployment.project_id),
            "SET #activeBuild = :deployment",
            when="attribute_exists(#projectId)"
            " AND (attribute_not_exists(#activeBuild) OR #activeBuild = :deployment)",
            deployment=deployment.deployment_id,
        )
        status = build_status_update(
            self.deployments_table,
            _build_key(deployment),
            Status.BUILDING,
            # A deployment that was read as `building` can be `queued` again. Then it has no capacity, so this
            # write must fail.
            expected=(Status.QUEUED, Status.BUILDING) if is_new else Status.BUILDING,
            at=at,
            starts_lease=is_new,
            **waiting_since,
        )
        running = add_running_operation(
            self.projects_table,
            RunningBuild.from_deployment(deployment),
            limit=self.max_concurrent_builds if is_new else None,
        )
        first_time = [
            remove_waiting_operation(self.projects_table, deployment.deployment_id),
            record_start_operation(self.projects_table, deployment.user_id, at=at),
            remove_queued_operation(self.projects_table, deployment),
        ]
        try:
            self.retrier.transact(
                self.client, {"Update": slot}, {"Update": status}, running, *(first_time if is_new else ())
            )
        except TransactionRefusedError as refused:
            in_project, in_deployment, *_ = refused.items
            if in_deployment is not None:
                raise create_stale_error(deployment, Status.BUILDING, in_deployment) from None
            if in_project is None:
                raise NoBuildCapacityError from None
            if not in_project:
                raise ProjectNotFoundError from None
            raise BuildSlotTakenError(in_project["activeBuild"]["S"]) from None
        return evolve(deployment, status=Status.BUILDING, updated_at=at)

    def requeue(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Free slot and capacity, and move a `building` deployment to `queued`, in one transaction.

        Used if the account's CodeBuild quota is reached. The deployment then waits again, but its waiting
        time counts from the start of its earlier wait.

        Raises:
            StaleDeploymentError: The deployment is no longer `building`, or has a build.
        """
        after = deployment.with_status(Status.QUEUED, at=at)
        status = build_status_update(
            self.deployments_table,
            _build_key(deployment),
            Status.QUEUED,
            expected=Status.BUILDING,
            at=at,
            extra_condition=" AND attribute_not_exists(#buildId)",
        )
        since = deployment.waiting_since or deployment.created_at
        try:
            self._free(
                deployment,
                status,
                add_waiting_operation(self.projects_table, deployment, since=since),
                undo_start_operation(self.projects_table, deployment.user_id),
                # The deployment was counted before, so it is counted again in any case.
                add_queued_operation(self.projects_table, deployment, limit=None),
            )
        except TransactionRefusedError as refused:
            raise create_stale_error(deployment, Status.QUEUED, refused.items[1]) from None
        return after

    def record_build(self, deployment: Deployment, build_id: str, *, at: datetime) -> Deployment:
        """Write the build id of a `building` deployment. Idempotent. The id of another build is not replaced.

        Raises:
            StaleDeploymentError: The deployment is no longer `building`, or has another build.
        """
        write = build_update(
            self.deployments_table,
            _build_key(deployment),
            "SET #buildId = :build, #updatedAt = :at, #leaseUntil = :leaseUntil",
            when="#status = :building AND (attribute_not_exists(#buildId) OR #buildId = :build)",
            build=build_id,
            building=Status.BUILDING,
            at=at,
            leaseUntil=compute_lease_end(BUILD_LEASE, at=at),
        )
        try:
            with translate_condition_errors():
                answer = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError as refused:
            raise create_stale_error(deployment, Status.BUILDING, refused.item) from None
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
        """Free slot and capacity, and set the status `built`, `failed` or `cancelled`, in one transaction.

        Args:
            deployment: A `building` deployment, as read.
            to: The new status.
            at: Current time.
            build_id: The build that ended. None if no build was started. If the deployment has another build
                id, nothing is written.
            failure: Reason of the failure. None for `built`.

        Raises:
            StaleDeploymentError: The deployment is no longer `building`, or has another build.
        """
        after = evolve(
            deployment.with_status(to, at=at), build_id=build_id or deployment.build_id, failure=failure
        )
        more: dict[str, object] = {}
        if after.build_id:
            more["build"] = after.build_id
        if failure:
            more["failure"] = failure
        status = build_status_update(
            self.deployments_table,
            _build_key(deployment),
            to,
            expected=Status.BUILDING,
            at=at,
            extra_set=(", #buildId = :build" if "build" in more else "")
            + (", #failure = :failure" if "failure" in more else ""),
            extra_condition=" AND (attribute_not_exists(#buildId)"
            + (" OR #buildId = :build)" if "build" in more else ")"),
            starts_lease=True,
            **more,
        )
        try:
            # The time of the build counts for the quota of the tenant, whatever its result is.
            self._free(deployment, status, add_build_operation(self.projects_table, deployment, at=at))
        except TransactionRefusedError as refused:
            raise create_stale_error(deployment, to, refused.items[1]) from None
        return after

    def cancel_owned(
        self, user_id: str, deployment: Deployment, *, at: datetime, entry: Mapping[str, Any] | None = None
    ) -> Deployment:
        """Move a tenant's `queued`, `building` or `built` deployment, as read, to `cancelled`.

        For a `building` deployment, slot and capacity are freed in the same transaction. The build is not
        stopped.

        Args:
            user_id: The tenant.
            deployment: The deployment, as read.
            at: Current time.
            entry: The operation that records the change in the audit log.

        Raises:
            DeploymentNotFoundError: The deployment belongs to another tenant.
            StaleDeploymentError: The deployment is no longer in the status in which it was read, or cannot
                be cancelled in that status.
        """
        if deployment.user_id != user_id:
            raise DeploymentNotFoundError
        after = deployment.with_status(Status.CANCELLED, at=at)
        status = build_status_update(
            self.deployments_table,
            _build_key(deployment),
            Status.CANCELLED,
            expected=deployment.status,
            at=at,
            extra_condition=" AND #userId = :user",
            user=user_id,
        )
        try:
            if deployment.status is Status.BUILDING:
                counted = add_build_operation(self.projects_table, deployment, at=at)
                self._free(deployment, status, counted, entry=entry)
            elif deployment.status is Status.QUEUED:
                waiting = remove_waiting_operation(self.projects_table, deployment.deployment_id)
                counted = remove_queued_operation(self.projects_table, deployment)
                self.retrier.transact(self.client, waiting, {"Update": status}, counted, entry=entry)
            else:
                write_with_entry(self.client, status, entry)
        except TransactionRefusedError as refused:
            raise _create_cancel_error(deployment, user_id, refused.items[1]) from None
        except ConditionFailedError as refused:
            raise _create_cancel_error(deployment, user_id, refused.item) from None
        return after

    def free_abandoned(self, project_id: str, holder: str) -> bool:
        """Free a slot whose holder is no longer `building`.

        Slot and status are always written together. So such a slot only exists after rows were restored or
        edited manually.

        Returns:
            False if another deployment holds the slot. Then nothing is written.
        """
        try:
            with translate_condition_errors():
                self.client.update_item(**self._build_free_slot_update(project_id, holder))
        except ConditionFailedError:
            return False
        return True

    def _free(
        self,
        deployment: Deployment,
        status: dict[str, Any],
        *operations: dict[str, Any],
        entry: Mapping[str, Any] | None = None,
    ) -> None:
        self.retrier.transact(
            self.client,
            {"Update": self._build_free_slot_update(deployment.project_id, deployment.deployment_id)},
            {"Update": status},
            remove_running_operation(self.projects_table, RunningBuild.from_deployment(deployment)),
            *operations,
            entry=entry,
        )

    def _build_free_slot_update(self, project_id: str, holder: str) -> dict[str, Any]:
        return build_update(
            self.projects_table,
            build_project_key(project_id),
            "REMOVE #activeBuild",
            when="#activeBuild = :deployment",
            deployment=holder,
        )


def _build_key(deployment: Deployment) -> Item:
    return build_deployment_key(deployment.project_id, deployment.deployment_id)


def _create_cancel_error(deployment: Deployment, user_id: str, item: Item | None) -> AnchorError:
    if item and item["userId"]["S"] != user_id:
        return DeploymentNotFoundError()
    return create_stale_error(deployment, Status.CANCELLED, item)
