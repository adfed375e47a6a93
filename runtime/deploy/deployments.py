"""The deployments table, and the transactions that change a deployment and its project together.

Methods with `owned` in their name serve a tenant: they take the signed-in user's id, and another tenant's
things are missing for them (A5). All others serve the platform. Every write of a status is conditional on the
status it comes from (P7) and raises `StaleDeploymentError` when that is no longer so. Each method makes one
DynamoDB call, except where its docstring says more.
"""

from datetime import datetime, timedelta
from typing import Any

from attrs import evolve, frozen

from runtime.deploy.deployment_rows import deployment_key, stale, status_update
from runtime.deploy.errors import (
    DeliveryRepeatedError,
    DeploymentNotFoundError,
    ProjectChangedError,
    ProjectNotFoundError,
    StaleDeploymentError,
    SwitchOvertakenError,
)
from runtime.deploy.model import Deployment, Failure, Project, Release, Status
from runtime.deploy.projects import ProjectRepository, project_key
from runtime.shared.aws import DynamoDBClient
from runtime.shared.converters import attribute, from_row, to_row
from runtime.shared.dynamodb import (
    ConditionFailedError,
    TransactionRefusedError,
    condition,
    names,
    put_new,
    put_unless_alive,
    transact,
    update,
    values,
)
from runtime.shared.ids import floor, is_ulid

_DELIVERY_REMEMBERED = timedelta(days=30)
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
        found: list[Deployment] = []
        start: dict[str, Any] = {}
        while True:
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="#projectId = :project AND #deploymentId >= :floor",
                FilterExpression="#status = :queued",
                ExpressionAttributeNames=names("#projectId #deploymentId #status"),
                ExpressionAttributeValues=values(
                    project=project_id, floor=floor(since), queued=Status.QUEUED
                ),
                ConsistentRead=True,
                **start,
            )
            found += [from_row(row, Deployment) for row in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return tuple(sorted(found, key=lambda deployment: deployment.sequence, reverse=True))
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    # Push

    def record(self, project: Project, deployment: Deployment, *, delivery: str) -> None:
        """Write a queued deployment, the project's new sequence and the delivery behind it, or nothing.

        Args:
            project: As read: its sequence is the one before the deployment's.
            deployment: From `Deployment.queued`.
            delivery: Hexadecimal SHA-256 of the signed body; remembered for 30 days, whenever DynamoDB
                deletes the row.

        Raises:
            DeliveryRepeatedError: This delivery was recorded before; names the deployment that it made.
            ProjectChangedError: Another deployment took the sequence: read the project again.
            ProjectNotFoundError: The project is gone.
        """
        sequence = update(
            self.projects.table,
            project_key(project.project_id),
            "SET #sequence = :next",
            when="#sequence = :read",
            next=deployment.sequence,
            read=project.sequence,
        )
        seen = {
            "projectId": attribute(project.project_id),
            "sk": attribute(f"DELIVERY#{delivery}"),
            "deploymentId": attribute(deployment.deployment_id),
            "expiresAt": attribute(int((deployment.created_at + _DELIVERY_REMEMBERED).timestamp())),
        }
        try:
            transact(
                self.client,
                {"Update": sequence},
                {"Put": put_new(self.table, to_row(deployment), key="projectId")},
                {
                    "Put": put_unless_alive(
                        self.projects.table, seen, key="projectId", at=deployment.created_at
                    )
                },
            )
        except TransactionRefusedError as refused:
            in_project, _, in_delivery = refused.items
            if in_delivery:
                raise DeliveryRepeatedError(in_delivery["deploymentId"]["S"]) from None
            if in_project:
                raise ProjectChangedError from None
            raise ProjectNotFoundError from None

    # Release

    def begin_deploying(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Move `built` to `deploying`. Repeatable: a deployment read as `deploying` is returned as it is.

        Raises:
            StaleDeploymentError: It is in neither status.
        """
        if deployment.status is Status.DEPLOYING:
            return deployment
        return self._moved(deployment, Status.DEPLOYING, at=at)

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

    def finish_switch(self, project: Project, deployment: Deployment, *, at: datetime) -> Deployment:
        """Write that a switch is over: this deployment `live`, the one it replaced `retired`, or neither.

        Step (d), for releases and promotes. Repeatable. One transaction over three rows: both deployments,
        and the project's `serving`, which names the one to retire and must be as read. When another switch
        finished in the meantime the project is read again: then more than one call.

        Args:
            project: As `ProjectRepository.switch` or `.promote` returned it.
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
        unchanged = "#serving = :previous" if project.serving else "attribute_not_exists(#serving)"
        serving = update(
            self.projects.table,
            project_key(project.project_id),
            "SET #serving = :deployment",
            when=f"#live.#deploymentId = :deployment AND {unchanged}",
            deployment=deployment.deployment_id,
            **({"previous": project.serving} if project.serving else {}),
        )
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

        A `building` one holds the build slot: that is for `end_building`.

        Raises:
            StaleDeploymentError: It is no longer in the status it was read in, or cannot fail in it.
        """
        if deployment.status is Status.BUILDING:
            raise StaleDeploymentError(deployment.deployment_id, to=Status.FAILED, found=deployment.status)
        return self._moved(deployment, Status.FAILED, at=at, also=", #failure = :failure", failure=failure)

    def supersede(self, deployment: Deployment, *, at: datetime) -> Deployment:
        """Move a `queued`, `built` or `deploying` deployment, as read, to `superseded`. It keeps its own URL.

        Raises:
            StaleDeploymentError: It is no longer in the status it was read in, or cannot be superseded in it.
        """
        return self._moved(deployment, Status.SUPERSEDED, at=at)

    def _move(
        self, deployment: Deployment, to: Status, *, at: datetime, also: str = "", **more: object
    ) -> dict[str, Any]:
        deployment.moved(to, at=at)  # refuses what TRANSITIONS does not have
        key = deployment_key(deployment.project_id, deployment.deployment_id)
        return status_update(self.table, key, to, was=deployment.status, at=at, also=also, when="", **more)

    def _moved(
        self, deployment: Deployment, to: Status, *, at: datetime, also: str = "", **more: object
    ) -> Deployment:
        return self._written(deployment, to, self._move(deployment, to, at=at, also=also, **more))

    def _written(self, deployment: Deployment, to: Status, write: dict[str, Any]) -> Deployment:
        try:
            with condition():
                answer = self.client.update_item(**write, ReturnValues="ALL_NEW")
        except ConditionFailedError as refused:
            raise stale(deployment, to, refused.item) from None
        return from_row(answer["Attributes"], Deployment)
