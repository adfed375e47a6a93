"""The builds of the whole stage: which run, which wait for room, and who had the last one (P8).

All are rows of one partition of the projects table, so that one query tells them:

- `RUNNING` has the set of the builds that run. It is only ever written in the transaction that takes or frees
  a project's build slot (`build_slot.py`): whatever crashed, it is the set of the deployments that are
  `building`.
- `WAITING#<deployment>` is a deployment for which there was no room. The transaction that moves the
  deployment out of `queued` deletes the row, whichever way it goes.
- `STARTED#<user>` says when a tenant's last build started, for a day.
- `FULL` says when CodeBuild last refused a build because its account's quota was reached, and how many of the
  stage's builds ran then.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from attrs import frozen

from runtime.deploy.model import BUILDS, Deployment, Status
from runtime.deploy.repositories.deployment_rows import deployment_key
from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.clock import parse_time
from runtime.shared.converters import to_attribute_value
from runtime.shared.dynamodb import (
    TransactionRefusedError,
    attribute_names,
    attribute_values,
    build_condition_check,
    query_all,
    write_transaction,
)

_RUNNING: Final = "RUNNING"
_WAITING: Final = "WAITING#"
_STARTED: Final = "STARTED#"
_FULL: Final = "FULL"
_FULL_FOR: Final = timedelta(minutes=1)
NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""Before every build."""

_REMEMBERED: Final = timedelta(days=1)  # a build ends within the hour


@frozen(kw_only=True)
class RunningBuild:
    """A build that has its room, from before it is asked for until it has ended."""

    deployment_id: str
    project_id: str
    user_id: str

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """Return the build of a deployment."""
        return cls(
            deployment_id=deployment.deployment_id,
            project_id=deployment.project_id,
            user_id=deployment.user_id,
        )

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read an element of the set."""
        deployment_id, project_id, user_id = text.split("#", 2)
        return cls(deployment_id=deployment_id, project_id=project_id, user_id=user_id)

    @property
    def text(self) -> str:
        """Write an element of the set."""
        return f"{self.deployment_id}#{self.project_id}#{self.user_id}"


@frozen(kw_only=True)
class WaitingBuild:
    """A deployment that waits for room.

    Attributes:
        since: When it was queued, or the one of its project that waited before it.
    """

    deployment_id: str
    project_id: str
    user_id: str
    since: datetime


@frozen(kw_only=True)
class Full:
    """That CodeBuild has refused a build, because its account's quota was reached.

    Attributes:
        builds: How many builds of the stage had room.
        at: When.
    """

    builds: int
    at: datetime


@frozen(kw_only=True)
class StageBuilds:
    """What runs and what waits.

    Attributes:
        started: When each tenant's last build started, of those who had one within a day.
        full: When CodeBuild was last found full, if it was within a day.
    """

    running: tuple[RunningBuild, ...] = ()
    waiting: tuple[WaitingBuild, ...] = ()
    started: Mapping[str, datetime]
    full: Full | None = None

    def room(self, most: int, *, at: datetime) -> int:
        """Return for how many builds there is room now, of as many as the stage may have.

        Since CodeBuild was full there is for as many as ran then, and for one more with each minute: so one
        at a time finds out, whose turn it is.
        """
        if self.full is None:
            return most
        return min(most, self.full.builds + max(0, (at - self.full.at) // _FULL_FOR))

    def waiting_of(self, project_id: str) -> tuple[WaitingBuild, ...]:
        """Return what waits of one project: more than one only for a moment."""
        return tuple(each for each in self.waiting if each.project_id == project_id)


@frozen(kw_only=True)
class StageBuildRepository:
    """Reads what runs and what waits, and lets deployments wait. Each method makes one DynamoDB call.

    Attributes:
        client: Low-level DynamoDB client.
        deployments_table: Name of the deployments table.
        projects_table: Name of the projects table.
    """

    client: DynamoDBClient
    deployments_table: str
    projects_table: str

    def read(self) -> StageBuilds:
        """Read all of it (strongly consistent): one call up to some thousands that wait."""
        running: tuple[RunningBuild, ...] = ()
        waiting: list[WaitingBuild] = []
        started: dict[str, datetime] = {}
        full: Full | None = None
        for row in query_all(
            self.client,
            TableName=self.projects_table,
            KeyConditionExpression="#projectId = :builds",
            ExpressionAttributeNames=attribute_names("#projectId"),
            ExpressionAttributeValues=attribute_values(builds=BUILDS),
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
                full = Full(builds=int(row["fullWith"]["N"]), at=parse_time(row["fullAt"]["S"]))
        return StageBuilds(running=running, waiting=tuple(waiting), started=started, full=full)

    def wait(self, deployment: Deployment, *, since: datetime) -> bool:
        """Let a `queued` deployment wait. Repeatable: it keeps the time since when.

        Returns:
            Whether it waits: not if it is no longer `queued`.
        """
        still = build_condition_check(
            self.deployments_table,
            deployment_key(deployment.project_id, deployment.deployment_id),
            when="#status = :queued",
            queued=Status.QUEUED,
        )
        try:
            write_transaction(self.client, waits(self.projects_table, deployment, since=since), still)
        except TransactionRefusedError:
            return False
        return True

    def withdraw(self, deployment_id: str) -> None:
        """Let a deployment wait no more, `queued` as it is: its message makes it wait again. Repeatable."""
        self.client.delete_item(**no_more_waiting(self.projects_table, deployment_id)["Delete"])

    def note_full(self, *, builds: int, at: datetime) -> None:
        """Write that CodeBuild takes no more than so many builds of the stage. Repeatable."""
        self.client.update_item(
            **_written(
                self.projects_table,
                _FULL,
                "SET #fullWith = :builds, #fullAt = :at, #expiresAt = :end",
                builds=to_attribute_value(builds),
                at=to_attribute_value(at),
                end=to_attribute_value(int((at + _REMEMBERED).timestamp())),
            )
        )

    def forget(self, build: RunningBuild) -> bool:
        """Take a build from those that run whose deployment is not `building`.

        While both are written together that never happens, but rows can be restored or changed by hand.

        Returns:
            Whether it was taken away: not if the deployment is `building` by now.
        """
        other = build_condition_check(
            self.deployments_table,
            deployment_key(build.project_id, build.deployment_id),
            when="attribute_not_exists(#status) OR #status <> :building",
            building=Status.BUILDING,
        )
        try:
            write_transaction(self.client, runs_no_more(self.projects_table, build), other)
        except TransactionRefusedError:
            return False
        return True


def runs(table: str, build: RunningBuild, *, room: int | None) -> dict[str, Any]:
    """Return the operation by which a build runs; with `room`, only if so many do not run without it."""
    write = _written(
        table,
        _RUNNING,
        "ADD #running :builds",
        builds={"SS": [build.text]},
    )
    if room is not None:
        when = "attribute_not_exists(#running) OR size(#running) < :room OR contains(#running, :build)"
        write["ConditionExpression"] = when
        write["ExpressionAttributeValues"] |= attribute_values(room=room, build=build.text)
        write["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return {"Update": write}


def runs_no_more(table: str, build: RunningBuild) -> dict[str, Any]:
    """Return the operation by which a build makes room."""
    return {"Update": _written(table, _RUNNING, "DELETE #running :builds", builds={"SS": [build.text]})}


def waits(table: str, deployment: Deployment, *, since: datetime) -> dict[str, Any]:
    """Return the operation by which a deployment waits; one that does so already keeps its place."""
    return {
        "Update": _written(
            table,
            _WAITING + deployment.deployment_id,
            "SET #userId = :user, #waitingProject = :project,"
            " #waitingSince = if_not_exists(#waitingSince, :since)",
            user=to_attribute_value(deployment.user_id),
            project=to_attribute_value(deployment.project_id),
            since=to_attribute_value(since),
        )
    }


def no_more_waiting(table: str, deployment_id: str) -> dict[str, Any]:
    """Return the operation by which a deployment waits no more, whether or not it did."""
    return {"Delete": {"TableName": table, "Key": _key(_WAITING + deployment_id)}}


def starts(table: str, user_id: str, *, at: datetime) -> dict[str, Any]:
    """Return the operation that notes the start of a tenant's build."""
    return {
        "Update": _written(
            table,
            _STARTED + user_id,
            "SET #startedBefore = if_not_exists(#startedAt, :never), #startedAt = :at, #expiresAt = :end",
            never=to_attribute_value(NEVER),
            at=to_attribute_value(at),
            end=to_attribute_value(int((at + _REMEMBERED).timestamp())),
        )
    }


def starts_not(table: str, user_id: str) -> dict[str, Any]:
    """Return the operation that takes back what `starts` has noted, should it still be known."""
    return {
        "Update": _written(
            table,
            _STARTED + user_id,
            "SET #startedAt = if_not_exists(#startedBefore, :never)",
            never=to_attribute_value(NEVER),
        )
    }


def _key(sk: str) -> Item:
    return {"projectId": to_attribute_value(BUILDS), "sk": to_attribute_value(sk)}


def _written(table: str, sk: str, change: str, **by_name: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of an update that does not depend on what is there."""
    return {
        "TableName": table,
        "Key": _key(sk),
        "UpdateExpression": change,
        "ExpressionAttributeNames": attribute_names(change),
        "ExpressionAttributeValues": {f":{name}": value for name, value in by_name.items()},
    }
