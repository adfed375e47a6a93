"""The deployments table, and the transactions that change a deployment and its project together.

Methods with `owned` in their name serve a tenant: they take the signed-in user's id, and another tenant's
things are missing for them (A5). All others serve the platform. Every write of a status is conditional on the
status it comes from (P7) and raises `StaleDeploymentError` when that is no longer so. Each method makes one
DynamoDB call, except where its docstring says more.
"""

from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from runtime.deploy.errors import (
    DeliveryRepeatedError,
    DeploymentNotFoundError,
    NotReleasedError,
    ProjectChangedError,
    ProjectNotFoundError,
    ReleaseCollectedError,
    StaleDeploymentError,
    SwitchOvertakenError,
)
from runtime.deploy.model import Deployment, Failure, Project, Release, Status
from runtime.deploy.repositories.deployment_rows import (
    delivery_row,
    deployment_key,
    queued_row,
    stale,
    status_update,
    switch_lease,
    write_existing,
)
from runtime.deploy.repositories.projects import (
    ProjectRepository,
    changed,
    pointer_elsewhere,
    pointer_promote,
    pointer_switch,
    project_key,
    serving_switch,
    switch_refused,
)
from runtime.deploy.repositories.retention import HELD
from runtime.deploy.repositories.stage_builds import no_more_waiting
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import from_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    check,
    condition,
    every_row,
    names,
    put_new,
    put_unless_alive,
    transact,
    update,
    values,
)
from runtime.shared.ids import floor, is_ulid

_SWITCH_ATTEMPTS = 5


@frozen(kw_only=True)
class DeploymentRepository:
    """Reads and writes deployments.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the deployments table.
        projects: The projects, for what changes together with a deployment.
    """

    client: DynamoDBClient
    table: str
    projects: ProjectRepository

    # Reading

    def get(self, project_id: str, deployment_id: str) -> Deployment:
        """Read a deployment as it stands now (strongly consistent).

        Raises:
            DeploymentNotFoundError: There is none.
        """
        answer = self.client.get_item(
            TableName=self.table, Key=deployment_key(project_id, deployment_id), ConsistentRead=True
        )
        if "Item" not in answer:
            raise DeploymentNotFoundError
        return from_row(answer["Item"], Deployment)

    def owned(self, user_id: str, deployment_id: str) -> Deployment:
        """Read a tenant's deployment by its id alone (index `DeploymentIdIndex`, eventually consistent).

        Raises:
            DeploymentNotFoundError: There is none, or it is another tenant's.
        """
        if not is_ulid(deployment_id):  # a stranger's text may be too long for a key
            raise DeploymentNotFoundError
        answer = self.client.query(
            TableName=self.table,
            IndexName="DeploymentIdIndex",
            KeyConditionExpression="#deploymentId = :deployment",
            ExpressionAttributeNames=names("#deploymentId"),
            ExpressionAttributeValues=values(deployment=deployment_id),
        )
        found = [from_row(row, Deployment) for row in answer["Items"]]
        if not found or found[0].user_id != user_id:
            raise DeploymentNotFoundError
        return found[0]

    def waiting(self, project_id: str, *, since: datetime) -> tuple[Deployment, ...]:
        """List the project's `queued` deployments made since a time, newest first (strongly consistent).

        Newest means the highest sequence: that is the order of pushes that all writers agree on. One call as
        long as the deployments since then fit into one page of 1 MB.
        """
        rows = every_row(
            self.client,
            TableName=self.table,
            KeyConditionExpression="#projectId = :project AND #deploymentId >= :floor",
            FilterExpression="#status = :queued",
            ExpressionAttributeNames=names("#projectId #deploymentId #status"),
            ExpressionAttributeValues=values(project=project_id, floor=floor(since), queued=Status.QUEUED),
            ConsistentRead=True,
        )
        found = (from_row(row, Deployment) for row in rows)
        return tuple(sorted(found, key=lambda deployment: deployment.sequence, reverse=True))

    # Push

    def record(self, project: Project, deployment: Deployment, *, delivery: str | None) -> None:
        """Write a queued deployment, the project's new sequence and the delivery behind it, or nothing.

        Args:
            project: As read: its sequence is the one before the deployment's.
            deployment: From `Deployment.queued`.
            delivery: Hexadecimal SHA-256 of the signed body; remembered for 30 days, whenever DynamoDB
                deletes the row. None where no webhook asked.

        Raises:
            DeliveryRepeatedError: This delivery was recorded before; names the deployment that it made.
            ProjectChangedError: Another deployment took the sequence: read the project again.
            ProjectDeletedError: The project is being deleted.
            ProjectNotFoundError: The project is gone.
        """
        sequence = update(
            self.projects.table,
            project_key(project.project_id),
            "SET #sequence = :next",
            when="#sequence = :read AND attribute_not_exists(#deletingAt)",
            next=deployment.sequence,
            read=project.sequence,
        )
        writes: list[dict[str, Any]] = [
            {"Update": sequence},
            {"Put": put_new(self.table, queued_row(deployment), key="projectId")},
        ]
        if delivery is not None:
            seen = delivery_row(deployment, delivery)
            put = put_unless_alive(self.projects.table, seen, key="projectId", at=deployment.created_at)
            writes.append({"Put": put})
        try:
            transact(self.client, *writes)
        except TransactionRefusedError as refused:
            in_project, _, *in_delivery = refused.items
            if in_delivery and in_delivery[0]:
                raise DeliveryRepeatedError(in_delivery[0]["deploymentId"]["S"]) from None
            raise changed(in_project, project.user_id) from None

    def record_commit(self, deployment: Deployment, sha: str) -> Deployment:
        """Write which commit the build of a branch's head has found. Repeatable.

        Raises:
            DeploymentNotFoundError: There is no such deployment.
        """
        return write_existing(self.client, self.table, deployment, "SET #commitSha = :sha", sha=sha)

    # Release

    def begin_deploying(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Move `built` to `deploying`. Repeatable: a deployment read as `deploying` is returned as it is.

        Raises:
            StaleDeploymentError: It is in neither status.
        """
        if deployment.status is Status.DEPLOYING:
            return deployment
        # From here on there is something to collect one day.
        return self._moved(deployment, Status.DEPLOYING, at=at, also=", #held = :held", held=HELD)

    def record_release(self, deployment: Deployment, release: Release, *, at: datetime) -> Deployment:
        """Write what a `deploying` deployment became, once versions, alias and URLs exist. Repeatable.

        Raises:
            StaleDeploymentError: It is no longer `deploying`.
        """
        write = update(
            self.table,
            deployment_key(deployment.project_id, deployment.deployment_id),
            "SET #release = :release, #updatedAt = :at",
            when="#status = :deploying",
            release=release,
            deploying=Status.DEPLOYING,
            at=at,
        )
        return self._written(deployment, Status.DEPLOYING, write)

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
        pointer = pointer_switch(self.projects.table, deployment, at=at)
        released = check(
            self.table,
            deployment_key(deployment.project_id, deployment.deployment_id),
            when="#status IN (:deploying, :live)",
            deploying=Status.DEPLOYING,
            live=Status.LIVE,
        )
        try:
            transact(self.client, {"Update": pointer}, released)
        except TransactionRefusedError as refused:
            in_project, in_deployment = refused.items
            if in_project is not None:
                raise switch_refused(in_project) from None
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
        pointer = pointer_promote(self.projects.table, user_id, deployment, at=at)
        released = "attribute_not_exists(#collectedAt) AND #status IN (:live, :retired)"
        statuses = {"live": Status.LIVE, "retired": Status.RETIRED}
        key = deployment_key(deployment.project_id, deployment.deployment_id)
        checked = check(self.table, key, when=released, **statuses)
        if deployment.status is Status.RETIRED:
            leased = switch_lease(self.table, deployment, when=released, at=at, **statuses)
            checked = {"Update": leased}
        try:
            transact(self.client, {"Update": pointer}, checked)
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
        for _ in range(_SWITCH_ATTEMPTS):
            if project.serving == deployment.deployment_id:
                return self.get(deployment.project_id, deployment.deployment_id)
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
        serving = serving_switch(self.projects.table, project, deployment)
        becomes_live = self._move(deployment, Status.LIVE, at=at, also=", #liveAt = :at")
        operations = [{"Update": serving}, {"Update": becomes_live}]
        if project.serving:
            retires = status_update(
                self.table,
                deployment_key(project.project_id, project.serving),
                Status.RETIRED,
                was=Status.LIVE,
                at=at,
            )
            operations.append({"Update": retires})
        try:
            transact(self.client, *operations)
        except TransactionRefusedError as refused:
            if refused.items[0] is not None:
                raise ProjectChangedError from None
            raise stale(deployment, Status.LIVE, refused.items[1]) from None
        return live

    # Ends

    def fail(self, deployment: Deployment, failure: Failure, *, at: datetime) -> Deployment:
        """Move a `queued`, `built` or `deploying` deployment, as read, to `failed` with the step and reason.

        A `building` one holds the build slot: that is for `BuildSlotRepository.free`.

        Raises:
            StaleDeploymentError: It is no longer in the status it was read in, or cannot fail in it; or the
                project's pointer has moved to it: then the error names no status.
        """
        if deployment.status is Status.BUILDING:
            raise StaleDeploymentError(deployment.deployment_id, to=Status.FAILED, found=deployment.status)
        return self._moved(deployment, Status.FAILED, at=at, also=", #failure = :failure", failure=failure)

    def supersede(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Move a `queued`, `built` or `deploying` deployment, as read, to `superseded`. It keeps its own URL.

        Raises:
            StaleDeploymentError: As of `fail`.
        """
        return self._moved(deployment, Status.SUPERSEDED, at=at)

    def _move(
        self, deployment: Deployment, to: Status, *, at: datetime, also: str = "", **more: object
    ) -> dict[str, Any]:
        deployment.moved(to, at=at)  # refuses what TRANSITIONS does not have
        key = deployment_key(deployment.project_id, deployment.deployment_id)
        was = deployment.status
        return status_update(self.table, key, to, was=was, at=at, also=also, when="", anew=True, **more)

    def _moved(
        self, deployment: Deployment, to: Status, *, at: datetime, also: str = "", **more: object
    ) -> Deployment:
        write = self._move(deployment, to, at=at, also=also, **more)
        match deployment.status:
            case Status.QUEUED:
                beside = no_more_waiting(self.projects.table, deployment.deployment_id)
            case Status.DEPLOYING:
                # Its site may lead to it since it was read: what does that cannot end otherwise than live.
                beside = pointer_elsewhere(self.projects.table, deployment)
            case _:
                return self._written(deployment, to, write)
        try:
            transact(self.client, beside, {"Update": write})
        except TransactionRefusedError as refused:
            raise stale(deployment, to, refused.items[1]) from None
        return evolve(deployment.moved(to, at=at), **more)

    def _written(self, deployment: Deployment, to: Status, write: dict[str, Any]) -> Deployment:
        try:
            with condition():
                answer = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError as refused:
            raise stale(deployment, to, refused.item) from None
        return from_row(answer["Attributes"], Deployment)
