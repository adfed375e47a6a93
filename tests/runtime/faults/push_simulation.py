"""Pushes on their way to the visitors, in simulated time: functions are called, and again, as AWS does.

SQS hides a message that failed and brings it three times in all; a FIFO queue drops repetitions within five
minutes, and keeps a group waiting behind a message that is hidden. Lambda brings an event again after one and
after two more minutes. GitHub delivers once. The sweep runs every minute; one that would find nothing is left
out.
"""

import copy
import itertools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from attrs import Factory, define, field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.handlers import build_events, orchestrator, release, sweep, webhook
from runtime.deploy.model import Deployment, Project, Status
from runtime.shared.converters import from_row
from tests.runtime.calls import CrashError
from tests.runtime.data.life_cycle import ENDS, PUSH, artifact_of
from tests.runtime.events import build_state, delivery, messages
from tests.runtime.faults.direct import DirectDynamoDB, Parameters
from tests.runtime.faults.injected import Fault, Injector
from tests.runtime.platform_fixture import BUILD_QUEUE, MAX_RECEIVE_COUNT, OTHER, World
from tests.runtime.releases.release_fixture import (
    ARTIFACTS,
    ReleasePlatform,
    artifact_key,
    find_served_deployment_id,
)
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

ROOT: Final = Path(__file__).parents[3]
HIDDEN: Final = timedelta(minutes=30)
"""How long both queues hide a message (components/deploy/pipeline.py)."""
EVENT_PAUSES: Final = (timedelta(minutes=1), timedelta(minutes=2))
REMEMBERED: Final = timedelta(minutes=5)
BUILD: Final = timedelta(minutes=2)
MINUTE: Final = timedelta(minutes=1)
MOST_STEPS: Final = 60


class Stage(ReleasePlatform):
    """Uploads by presigned URLs can go wrong as all calls can; what S3 answers then is a status."""

    def _put(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            status = super()._put(url, body, headers)
        except ClientError as refused:
            return refused.response["ResponseMetadata"]["HTTPStatusCode"]
        self.world.calls.after("put")
        return status


@define
class Due:
    """A call of a function that AWS owes.

    Attributes:
        content: A message's body, or an event.
        group: Of a FIFO queue: while one of it is hidden, no other comes.
        tries: How often the function has been called with it.
    """

    at: datetime
    function: str
    content: Any
    group: str | None = None
    tries: int = 0


@frozen(kw_only=True)
class Observed:
    """How a push ended.

    Attributes:
        status: None where no deployment was recorded.
        reason: Of a failure, with its step.
        minutes: From the push to the end, beyond what it takes without a fault.
        at_once: Whether the function that met the fault tried again itself.
        again: The functions that were called again, in that order.
        sweeps: That found something, until it had ended.
        dead: Messages that became dead letters.
    """

    status: str | None
    reason: str
    minutes: int
    at_once: bool
    again: tuple[str, ...]
    sweeps: int
    dead: int

    def __str__(self) -> str:
        if self.status is None:
            return "not accepted, which GitHub shows; delivered again by hand: live"
        said = [f"{self.status} {self.minutes} min late" if self.minutes else self.status]
        if self.reason:
            said.append(f"“{self.reason}”")
        if self.at_once:
            said.append("tried again at once")
        said += [f"{function} called again" for function in dict.fromkeys(self.again)]
        if self.sweeps:
            said.append("1 sweep" if self.sweeps == 1 else f"{self.sweeps} sweeps")
        if self.dead:
            said.append(f"{self.dead} dead letter")
        return ", ".join(said)


@define(slots=False)
class Journey:
    """One project with a live release, and another tenant's that must not be touched.

    Attributes:
        events_after: How long after their starts the events of the next builds come; None is never. Others
            come after `BUILD`.
        lost: Names a function for each message or event that never comes to it; each counts once.
        finished: Is told of every call that was finished.
        usual: Seconds from a push to its end when nothing goes wrong.
    """

    stage: ReleasePlatform = Factory(lambda: Stage(World(database=DirectDynamoDB(), ssm=Parameters())))
    due: list[Due] = Factory(list)
    dead: list[Due] = Factory(list)
    called_again: list[tuple[datetime, str]] = Factory(list)
    sweeps: int = 0
    events_after: list[timedelta | None] = Factory(list)
    lost: list[str] = Factory(list)
    usual: float = 0.0
    finished: Callable[[Due], None] = lambda _: None
    _sent: int = 0
    _names: dict[str, datetime] = Factory(dict)
    _started: set[str] = Factory(set)
    _pushes: Any = field(factory=lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        self.world = self.stage.world
        self.project, self.others = self.stage.project(), self.stage.project("others-site", user_id=OTHER)
        self.stage.live(self.others)
        self._sent, self._started = len(self.world.queues.sent), set(self.world.codebuild.builds)
        self.site, self.site_of_others = self.stage.site(self.project), self.stage.site(self.others)
        self.secret = self.world.signer.derive_webhook_secret(self.project.project_id, 1)
        self.injector = Injector(self.world.calls, check=self.is_reachable)
        self.of_others = self.what_others_have()
        self.observe()  # the first release does some things that no later one does
        self.injector.sites.clear()
        started = self.now
        self.observe()
        self.usual = (self._ended_at() - started).total_seconds()

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    # What happens

    def push(self) -> str:
        """GitHub delivers a push, once; returns the delivery's body."""
        body = json.dumps({**PUSH, "after": f"{next(self._pushes):040x}"})
        self.deliver(body)
        return body

    def deliver(self, body: str) -> None:
        self.world.signer._known.clear()  # as in functions that start anew
        self.due.append(Due(self.now, "webhook", body))

    def observe(self, fault: Fault | None = None, *, pushes: int = 1) -> Observed:
        """Let pushes go their way with a fault at one call, until nothing is left to be done.

        Returns:
            What became of the last one.
        """
        started, count = self.now, len(self.deployments())
        self.injector.fault, self.injector.happened = fault, False
        bodies = [self.push() for _ in range(pushes)]
        self.run()
        assert fault is None or self.injector.happened, fault
        observed = self.observed(started, count)
        if observed.status is None:  # GitHub shows that, and has a button for it
            self.deliver(bodies[-1])
            self.run()
            assert self.observed(started, count).status == Status.LIVE
        self.all_is_well()
        self._forget_the_past()
        return observed

    def _forget_the_past(self) -> None:
        """The fewer rows there are, the faster moto is."""
        live = self.world.projects.get(self.project.project_id).serving
        for row in self.rows():
            if row["deploymentId"]["S"] != live:
                key = {name: row[name] for name in ("projectId", "deploymentId")}
                self.world.database.delete_item(TableName=DEPLOYMENTS, Key=key)
        for row in self.world.database.scan(TableName=PROJECTS)["Items"]:
            if row["sk"]["S"].startswith("DELIVERY#"):
                key = {name: row[name] for name in ("projectId", "sk")}
                self.world.database.delete_item(TableName=PROJECTS, Key=key)
        self.world.codebuild.builds.clear()

    def observed(self, started: datetime, count: int) -> Observed:
        """What became of the pushes since the given number of deployments; begins anew."""
        deployments = self.deployments()[count:]
        newest = deployments[-1] if deployments else None
        ended = self._ended_at() if newest else self.now
        late = (ended - started).total_seconds() - self.usual
        failure = newest.failure if newest else None
        observed = Observed(
            status=newest.status.value if newest else None,
            reason=f"{failure.step}: {failure.reason}" if failure else "",
            at_once=bool(self.stage.pauses),
            minutes=max(0, round(late / 60)) if newest else 0,
            # Those that found everything done are nothing to tell.
            again=tuple(function for at, function in self.called_again if at <= ended),
            sweeps=self.sweeps,
            dead=len(self.dead),
        )
        self.called_again.clear()
        self.stage.pauses.clear()
        self.dead.clear()
        self.sweeps = 0  # until it had ended: of an end there is no lease
        return observed

    def run(self) -> None:
        """Let time pass until nobody owes a call any more and no deployment has a lease."""
        for _ in range(MOST_STEPS):
            upcoming = min(self.due, key=self._comes_at, default=None)
            comes_at = self._comes_at(upcoming) if upcoming else datetime.max.replace(tzinfo=UTC)
            if comes_at > self.now + MINUTE:
                lease = self._earliest_lease()
                if lease is not None and lease < comes_at:
                    self.world.clock.now = max(self.now, lease + MINUTE)
                    self.sweeps += 1
                    self.call(Due(self.now, "sweep", {"id": "event"}))
                    continue
            if upcoming is None:
                return
            self.due.remove(upcoming)
            self.world.clock.now = max(self.now, comes_at)
            self.call(upcoming)
        raise AssertionError("it does not come to an end")

    def _comes_at(self, due: Due) -> datetime:
        hidden = [each.at for each in self.due if each is not due and each.tries and each.group == due.group]
        return max([due.at, *(hidden if due.group else [])])

    def call(self, due: Due) -> None:
        """Call a function, and owe it again what it did not finish."""
        due.tries += 1
        if due.tries > 1:
            self.called_again.append((self.now, due.function))
        self.injector.function, self.injector.dead = due.function, False
        shown = len(self.world.queues.shown_again)
        try:
            done = self._done(due)
        except CrashError:
            done = False
        except AssertionError:
            raise
        except Exception:  # noqa: BLE001 - Lambda notes that the function failed
            done = False
        finally:
            self.injector.function = ""
        self._collect()
        if done:
            self.finished(due)
        else:
            self._owe_again(due, [seconds for _, seconds in self.world.queues.shown_again[shown:]])

    def _done(self, due: Due) -> bool:
        match due.function:
            case "webhook":
                event = delivery(self.project.project_id, self.secret, due.content.encode())
                return webhook.respond(event, self.world.pushes)["statusCode"] < 500
            case "orchestrator":
                event = messages(due.content, receives=due.tries)
                return not orchestrator.respond(event, self.world.builder)["batchItemFailures"]
            case "build events":
                build_events.respond(due.content, self.world.results)
            case "release":
                event = messages(due.content, receives=due.tries)
                return not release.respond(event, self.stage.releaser)["batchItemFailures"]
            case _:
                sweep.respond(due.content, self.world.sweeper)
        return True

    def _owe_again(self, due: Due, shown_again: list[int]) -> None:
        match due.function:
            case "orchestrator" | "release" if due.tries < MAX_RECEIVE_COUNT:
                pause = timedelta(seconds=shown_again[-1]) if shown_again else HIDDEN
                due.at = self.now + pause
                self.due.append(due)
            case "orchestrator" | "release":
                self.dead.append(due)
            case "build events" if due.tries <= len(EVENT_PAUSES):
                due.at = self.now + EVENT_PAUSES[due.tries - 1]
                self.due.append(due)
            case _:
                pass  # GitHub does not try again, and the next minute has a sweep of its own

    def _collect(self) -> None:
        """Owe what was sent, and the events of builds that were started."""
        for message in self.world.queues.sent[self._sent :]:
            name = message.get("MessageDeduplicationId")
            if name and self.now - self._names.get(name, datetime.min.replace(tzinfo=UTC)) < REMEMBERED:
                continue
            if name:
                self._names[name] = self.now
            function = "orchestrator" if message["QueueUrl"] == BUILD_QUEUE else "release"
            if function in self.lost:
                self.lost.remove(function)
                continue
            group = message.get("MessageGroupId")
            comes = self.now + timedelta(seconds=message.get("DelaySeconds", 0))
            self.due.append(Due(comes, function, message["MessageBody"], group))
        self._sent = len(self.world.queues.sent)
        for token in set(self.world.codebuild.builds) - self._started:
            self._started.add(token)
            self._end_build(token, self.events_after.pop(0) if self.events_after else BUILD)

    def _end_build(self, token: str, event_after: timedelta | None) -> None:
        """Let a deployment's build end well, and its event come then."""
        deployment = self.world.deployments.get(self.project.project_id, token)
        key, content = (ARTIFACTS, artifact_key(deployment)), artifact_of(deployment)
        self.stage.objects.stored[key] = (content, "application/zip", None)
        self.world.codebuild.end(token)
        build_id = f"{self.world.codebuild.builds[token]['projectName']}:build-of-{token}"
        if event_after is not None:
            event = build_state(deployment, build_id=build_id)
            self.due.append(Due(self.now + event_after, "build events", event))

    # What is there

    def rows(self) -> list[Mapping[str, Any]]:
        return self._rows_of(self.project)

    def deployments(self) -> list[Deployment]:
        """Oldest first."""
        return [from_row(row, Deployment) for row in self.rows()]

    def functions_published(self) -> dict[str, str]:
        """The versions of the site's server, with what they are made of."""
        return self.stage.functions.functions[self.site.server_function].descriptions

    def _rows_of(self, project: Project) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = self.world.database.query(
            TableName=DEPLOYMENTS,
            KeyConditionExpression="projectId = :project",
            ExpressionAttributeValues={":project": {"S": project.project_id}},
        )["Items"]
        return rows

    def _earliest_lease(self) -> datetime | None:
        ends = [int(row["leaseUntil"]["N"]) for row in self.rows() if "leaseUntil" in row]
        return datetime.fromtimestamp(min(ends), UTC) if ends else None

    def _ended_at(self) -> datetime:
        return max(each.updated_at for each in self.deployments())

    def is_reachable(self) -> None:
        """Once something is live, visitors are led to a release whose function answers, at every moment."""
        value = self.stage.store.items.get(self.site.host)
        if value is None:
            return
        led = json.loads(value)
        urls = self.stage.functions.functions[self.site.server_function].urls
        alias = f"r-{led['r'].lower()}"
        assert urls[alias]["FunctionUrl"] == f"https://{led['s']}/"

    def what_others_have(self) -> object:
        """Rows, edge keys, functions and objects of the other tenant's project."""
        key = {"projectId": {"S": self.others.project_id}, "sk": {"S": "METADATA"}}
        functions = self.stage.functions.functions
        return copy.deepcopy(
            (
                self.world.database.get_item(TableName=PROJECTS, Key=key)["Item"],
                self._rows_of(self.others),
                {
                    host: value
                    for host, value in self.stage.store.items.items()
                    if host.endswith(self.site_of_others.host)
                },
                {name: function for name, function in functions.items() if "others-site" in name},
                {key: kept for key, kept in self.stage.objects.stored.items() if "others-site" in key[1]},
                {key: row for key, row in self.stage.tags.rows.items() if "others-site" in key[0]},
            )
        )

    def all_is_well(self) -> None:
        """Everything has ended, one release is live, everything leads there, and others were left alone."""
        project, deployments = self.world.projects.get(self.project.project_id), self.deployments()
        assert {each.status for each in deployments} <= ENDS
        assert all(each.failure for each in deployments if each.status is Status.FAILED)
        live = [each.deployment_id for each in deployments if each.status is Status.LIVE]
        assert live == [project.serving]
        assert project.live
        assert (
            project.live.deployment_id
            == project.serving
            == find_served_deployment_id(self.stage, self.project)
        )
        assert project.active_build is None
        self.is_reachable()
        assert self.what_others_have() == self.of_others
