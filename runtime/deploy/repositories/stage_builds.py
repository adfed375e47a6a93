"""The builds of the whole stage: running ones, waiting deployments, and each tenant's last build start.

All of these are rows in one partition of the projects table, so that one query reads them:

- `RUNNING` holds the set of running builds. It is only written in the transaction that takes or frees a
  project's build slot (`build_slot.py`). After any crash it is the set of `building` deployments.
- `WAITING#<deployment>` is a deployment that waits for build capacity. The transaction that moves the
  deployment out of `queued` deletes the row.
- `STARTED#<user>` is the start time of a tenant's last build. It expires after a day.
- `FULL` records CodeBuild's last refusal of a build because the account's quota was reached: the time, and
  the number of builds that the stage ran at that time.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from attrs import frozen

from runtime.deploy.model import BUILDS_PARTITION, Deployment, Status
from runtime.deploy.repositories.deployment_rows import build_deployment_key
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.clock import parse_time
from runtime.shared.converters import to_attribute_value
from runtime.shared.dynamodb import (
    TransactionRefusedError,
    build_attribute_names,
    build_attribute_values,
    build_condition_check,
    query_all,
    write_transaction,
)

_RUNNING: Final = "RUNNING"
_WAITING: Final = "WAITING#"
_STARTED: Final = "STARTED#"
_FULL: Final = "FULL"
_PROBE_INTERVAL: Final = timedelta(minutes=1)
NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""The start time of a tenant without any build."""

_RETENTION: Final = timedelta(days=1)  # longer than the duration of any build


@frozen(kw_only=True)
class RunningBuild:
    """A build that takes capacity, from before the request to CodeBuild until the end of the build."""

    deployment_id: str
    project_id: str
    user_id: str

    @classmethod
    def from_deployment(cls, deployment: Deployment) -> Self:
        """Return the build of a deployment."""
        return cls(
            deployment_id=deployment.deployment_id,
            project_id=deployment.project_id,
            user_id=deployment.user_id,
        )

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse an element of the `RUNNING` set."""
        deployment_id, project_id, user_id = text.split("#", 2)
        return cls(deployment_id=deployment_id, project_id=project_id, user_id=user_id)

    @property
    def text(self) -> str:
        """The text that stands for this build in the set `RUNNING`."""
        return f"{self.deployment_id}#{self.project_id}#{self.user_id}"


@frozen(kw_only=True)
class WaitingBuild:
    """A deployment that waits for build capacity.

    Attributes:
        since: Start of the wait. A deployment that replaces an older waiting deployment of its project takes
            over the older one's start.
    """

    deployment_id: str
    project_id: str
    user_id: str
    since: datetime


@frozen(kw_only=True)
class QuotaReached:
    """The last time that CodeBuild refused a build because the account's quota was reached.

    Attributes:
        builds: Number of the stage's builds that ran at the time of the refusal.
        at: Time of the refusal.
    """

    builds: int
    at: datetime


@frozen(kw_only=True)
class StageBuilds:
    """The stage's running and waiting builds.

    Attributes:
        started: Start time of each tenant's last build in the last day, by user id.
        quota_reached: CodeBuild's last refusal in the last day.
    """

    running: tuple[RunningBuild, ...] = ()
    waiting: tuple[WaitingBuild, ...] = ()
    started: Mapping[str, datetime]
    quota_reached: QuotaReached | None = None

    def compute_capacity(self, limit: int, *, at: datetime) -> int:
        """Return the number of builds that can run now, at most `limit`.

        After CodeBuild has refused a build, the capacity is the number of builds that ran at that time, plus
        one for each minute since then. So each minute, only one more build tests whether the quota allows it.
        """
        if self.quota_reached is None:
            return limit
        return min(limit, self.quota_reached.builds + max(0, (at - self.quota_reached.at) // _PROBE_INTERVAL))

    def list_waiting_for_project(self, project_id: str) -> tuple[WaitingBuild, ...]:
        """Return the waiting deployments of one project.

        A project has two or more waiting deployments only until the older ones are superseded.
        """
        return tuple(each for each in self.waiting if each.project_id == project_id)


@frozen(kw_only=True)
class StageBuildRepository:
    """Reads and writes of running and waiting builds. Each method makes one DynamoDB call.

    Attributes:
        client: Low-level DynamoDB client.
        deployments_table: Name of the deployments table.
        projects_table: Name of the projects table.
    """

    client: DynamoDBClient
    deployments_table: str
    projects_table: str

    def read(self) -> StageBuilds:
        """Return all builds of the stage (strongly consistent). Makes more calls for thousands of builds."""
        running: tuple[RunningBuild, ...] = ()
        waiting: list[WaitingBuild] = []
        started: dict[str, datetime] = {}
        full: QuotaReached | None = None
        for row in query_all(
            self.client,
            TableName=self.projects_table,
            KeyConditionExpression="#projectId = :builds",
            ExpressionAttributeNames=build_attribute_names("#projectId"),
            ExpressionAttributeValues=build_attribute_values(builds=BUILDS_PARTITION),
            ConsistentRead=True,
        ):
            sk = row["sk"]["S"]
            if sk == _RUNNING:
                texts = row.get("running", {"SS": ()})["SS"]
                running = tuple(RunningBuild.from_text(text) for text in sorted(texts))
            elif sk.startswith(_WAITING):
                waiting.append(
                    WaitingBuild(
                        deployment_id=sk.removeprefix(_WAITING),
                        project_id=row["waitingProject"]["S"],
                        user_id=row["userId"]["S"],
                        since=parse_time(row["waitingSince"]["S"]),
                    )
                )
            elif sk.startswith(_STARTED):
                started[sk.removeprefix(_STARTED)] = parse_time(row["startedAt"]["S"])
            elif sk == _FULL:
                full = QuotaReached(builds=int(row["fullWith"]["N"]), at=parse_time(row["fullAt"]["S"]))
        return StageBuilds(running=running, waiting=tuple(waiting), started=started, quota_reached=full)

    def add_waiting(self, deployment: Deployment, *, since: datetime) -> bool:
        """Record a `queued` deployment as waiting. Idempotent: a waiting deployment keeps its start time.

        Returns:
            False if the deployment is no longer `queued`. Then nothing is written.
        """
        is_queued = build_condition_check(
            self.deployments_table,
            build_deployment_key(deployment.project_id, deployment.deployment_id),
            when="#status = :queued",
            queued=Status.QUEUED,
        )
        try:
            write_transaction(
                self.client,
                add_waiting_operation(self.projects_table, deployment, since=since),
                is_queued,
            )
        except TransactionRefusedError:
            return False
        return True

    def remove_waiting(self, deployment_id: str) -> None:
        """Remove the row of a waiting deployment, which stays `queued`. Idempotent.

        If the deployment's build message is delivered again, the row can be added again.
        """
        self.client.delete_item(**remove_waiting_operation(self.projects_table, deployment_id)["Delete"])

    def record_quota_reached(self, *, builds: int, at: datetime) -> None:
        """Record that CodeBuild refused a build while this number of the stage's builds ran. Idempotent."""
        self.client.update_item(
            **_build_update_arguments(
                self.projects_table,
                _FULL,
                "SET #fullWith = :builds, #fullAt = :at, #expiresAt = :end",
                builds=to_attribute_value(builds),
                at=to_attribute_value(at),
                end=to_attribute_value(int((at + _RETENTION).timestamp())),
            )
        )

    def remove_running(self, build: RunningBuild) -> bool:
        """Remove a running build whose deployment is not `building`.

        The running build and the status are always written together. So such a running build only exists
        after rows were restored or edited manually.

        Returns:
            False if the deployment is `building`. Then nothing is written.
        """
        is_not_building = build_condition_check(
            self.deployments_table,
            build_deployment_key(build.project_id, build.deployment_id),
            when="attribute_not_exists(#status) OR #status <> :building",
            building=Status.BUILDING,
        )
        try:
            write_transaction(
                self.client, remove_running_operation(self.projects_table, build), is_not_building
            )
        except TransactionRefusedError:
            return False
        return True


def add_running_operation(table: str, build: RunningBuild, *, limit: int | None) -> dict[str, Any]:
    """Return the transaction operation that adds a running build.

    Args:
        table: Name of the projects table.
        build: The build to add.
        limit: Maximum number of running builds, including this one. If None, the number is not checked.
    """
    write = _build_update_arguments(
        table,
        _RUNNING,
        "ADD #running :builds",
        builds={"SS": [build.text]},
    )
    if limit is not None:
        when = "attribute_not_exists(#running) OR size(#running) < :limit OR contains(#running, :build)"
        write["ConditionExpression"] = when
        write["ExpressionAttributeValues"] |= build_attribute_values(limit=limit, build=build.text)
        write["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return {"Update": write}


def remove_running_operation(table: str, build: RunningBuild) -> dict[str, Any]:
    """Return the transaction operation that removes a running build."""
    return {
        "Update": _build_update_arguments(
            table, _RUNNING, "DELETE #running :builds", builds={"SS": [build.text]}
        )
    }


def add_waiting_operation(table: str, deployment: Deployment, *, since: datetime) -> dict[str, Any]:
    """Return the transaction operation that adds a waiting deployment, or keeps an existing one."""
    return {
        "Update": _build_update_arguments(
            table,
            _WAITING + deployment.deployment_id,
            "SET #userId = :user, #waitingProject = :project,"
            " #waitingSince = if_not_exists(#waitingSince, :since)",
            user=to_attribute_value(deployment.user_id),
            project=to_attribute_value(deployment.project_id),
            since=to_attribute_value(since),
        )
    }


def remove_waiting_operation(table: str, deployment_id: str) -> dict[str, Any]:
    """Return the transaction operation that removes a waiting deployment, if it exists."""
    return {"Delete": {"TableName": table, "Key": _build_key(_WAITING + deployment_id)}}


def record_start_operation(table: str, user_id: str, *, at: datetime) -> dict[str, Any]:
    """Return the transaction operation that records the start of a tenant's build."""
    return {
        "Update": _build_update_arguments(
            table,
            _STARTED + user_id,
            "SET #startedBefore = if_not_exists(#startedAt, :never), #startedAt = :at, #expiresAt = :end",
            never=to_attribute_value(NEVER),
            at=to_attribute_value(at),
            end=to_attribute_value(int((at + _RETENTION).timestamp())),
        )
    }


def undo_start_operation(table: str, user_id: str) -> dict[str, Any]:
    """Return the transaction operation that undoes `record_start_operation`: it restores the older time."""
    return {
        "Update": _build_update_arguments(
            table,
            _STARTED + user_id,
            "SET #startedAt = if_not_exists(#startedBefore, :never)",
            never=to_attribute_value(NEVER),
        )
    }


def _build_key(sk: str) -> Item:
    return {"projectId": to_attribute_value(BUILDS_PARTITION), "sk": to_attribute_value(sk)}


def _build_update_arguments(table: str, sk: str, change: str, **by_name: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of an unconditional update."""
    return {
        "TableName": table,
        "Key": _build_key(sk),
        "UpdateExpression": change,
        "ExpressionAttributeNames": build_attribute_names(change),
        "ExpressionAttributeValues": {f":{name}": value for name, value in by_name.items()},
    }
