"""Pushes in simulated time. Functions are called and retried as AWS does.

SQS hides a failed message and delivers it three times in total. A FIFO queue drops duplicates within five
minutes, and blocks a message group behind a hidden message. Lambda retries an event after one and after two
more minutes. GitHub delivers once. The sweep runs every minute, unless it would find nothing.
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
from tests.runtime.events import build_state_event, delivery_event, sqs_event
from tests.runtime.faults.direct import DirectDynamoDB, InMemoryParameters
from tests.runtime.faults.injected import Fault, Injector
from tests.runtime.platform_fixture import BUILD_QUEUE, MAX_RECEIVE_COUNT, OTHER, Platform
from tests.runtime.releases.release_fixture import (
    ARTIFACTS,
    ReleasePlatform,
    artifact_key,
    find_served_deployment_id,
)
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

ROOT: Final = Path(__file__).parents[3]
HIDDEN: Final = timedelta(minutes=30)
"""The visibility timeout of both queues (components/deploy/pipeline.py)."""
EVENT_PAUSES: Final = (timedelta(minutes=1), timedelta(minutes=2))
REMEMBERED: Final = timedelta(minutes=5)
BUILD: Final = timedelta(minutes=2)
MINUTE: Final = timedelta(minutes=1)
MOST_STEPS: Final = 60


class Stage(ReleasePlatform):
    """A stage whose uploads to presigned URLs can also fail. For such a URL, S3's error is a status code."""

    def _put(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            status = super()._put(url, body, headers)
        except ClientError as refused:
            return refused.response["ResponseMetadata"]["HTTPStatusCode"]
        self.platform.calls.after("put")
        return status


@define
class PendingCall:
    """A pending call of a function, which AWS will make.

    Attributes:
        content: Body of a message, or an event.
        group: FIFO message group. While a message of the group is hidden, no other message is delivered.
        tries: Number of calls so far.
    """

    at: datetime
    function: str
    content: Any
    group: str | None = None
    tries: int = 0


@frozen(kw_only=True)
class Outcome:
    """The result of a push.

    Attributes:
        status: None if no deployment was recorded.
        reason: Step and reason of a failure.
        minutes: Delay of the end compared with a push without a fault.
        at_once: Whether the function retried within the same call.
        again: Functions that were called again, in the order of the calls.
        sweeps: Number of sweeps that found something before the end.
        dead: Number of dead letters.
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
    """A project with a live release, and a project of another tenant that must not change.

    Attributes:
        events_after: Delays between the next builds' starts and their events. None means that no event comes.
            The default is `BUILD`.
        lost: Functions whose next message or event is lost, one entry each.
        finished: Called with each finished call.
        usual: Seconds from a push to its end without faults.
    """

    stage: ReleasePlatform = Factory(
        lambda: Stage(Platform(database=DirectDynamoDB(), ssm=InMemoryParameters()))
    )
    due: list[PendingCall] = Factory(list)
    dead: list[PendingCall] = Factory(list)
    called_again: list[tuple[datetime, str]] = Factory(list)
    sweeps: int = 0
    events_after: list[timedelta | None] = Factory(list)
    lost: list[str] = Factory(list)
    usual: float = 0.0
    finished: Callable[[PendingCall], None] = lambda _: None
    _sent: int = 0
    _names: dict[str, datetime] = Factory(dict)
    _started: set[str] = Factory(set)
    _pushes: Any = field(factory=lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        self.platform = self.stage.platform
        self.project, self.others = self.stage.project(), self.stage.project("others-site", user_id=OTHER)
        self.stage.live(self.others)
        self._sent, self._started = len(self.platform.queues.sent), set(self.platform.codebuild.builds)
        self.site, self.site_of_others = self.stage.site(self.project), self.stage.site(self.others)
        self.secret = self.platform.signer.derive_webhook_secret(self.project.project_id, 1)
        self.injector = Injector(self.platform.calls, check=self.check_reachable)
        self.of_others = self.read_state_of_others()
        self.observe()  # the first release makes calls that later releases do not make
        self.injector.sites.clear()
        started = self.now
        self.observe()
        self.usual = (self._ended_at() - started).total_seconds()

    @property
    def now(self) -> datetime:
        return self.platform.clock.now

    # Events

    def push(self) -> str:
        """Deliver a push once, as GitHub does. Return the body of the delivery."""
        body = json.dumps({**PUSH, "after": f"{next(self._pushes):040x}"})
        self.deliver(body)
        return body

    def deliver(self, body: str) -> None:
        self.platform.signer._known.clear()  # as after a cold start
        self.due.append(PendingCall(self.now, "webhook", body))

    def observe(self, fault: Fault | None = None, *, pushes: int = 1) -> Outcome:
        """Run pushes with a fault at one call, until nothing is left to do.

        Returns:
            The outcome of the last push.
        """
        started, count = self.now, len(self.deployments())
        self.injector.fault, self.injector.happened = fault, False
        bodies = [self.push() for _ in range(pushes)]
        self.run()
        assert fault is None or self.injector.happened, fault
        observed = self.observed(started, count)
        if observed.status is None:  # GitHub shows the failed delivery, and a button that sends it again
            self.deliver(bodies[-1])
            self.run()
            assert self.observed(started, count).status == Status.LIVE
        self.check_final_state()
        self._forget_the_past()
        return observed

    def _forget_the_past(self) -> None:
        """Delete old rows, because moto is slow with many rows."""
        live = self.platform.projects.get(self.project.project_id).serving
        for row in self.rows():
            if row["deploymentId"]["S"] != live:
                key = {name: row[name] for name in ("projectId", "deploymentId")}
                self.platform.database.delete_item(TableName=DEPLOYMENTS, Key=key)
        for row in self.platform.database.scan(TableName=PROJECTS)["Items"]:
            if row["sk"]["S"].startswith("DELIVERY#"):
                key = {name: row[name] for name in ("projectId", "sk")}
                self.platform.database.delete_item(TableName=PROJECTS, Key=key)
        self.platform.codebuild.builds.clear()

    def observed(self, started: datetime, count: int) -> Outcome:
        """Return the outcome of the pushes after a number of deployments, and reset the counters."""
        deployments = self.deployments()[count:]
        newest = deployments[-1] if deployments else None
        ended = self._ended_at() if newest else self.now
        late = (ended - started).total_seconds() - self.usual
        failure = newest.failure if newest else None
        observed = Outcome(
            status=newest.status.value if newest else None,
            reason=f"{failure.step}: {failure.reason}" if failure else "",
            at_once=bool(self.stage.pauses),
            minutes=max(0, round(late / 60)) if newest else 0,
            # Calls after the end found nothing to do, so they are not counted.
            again=tuple(function for at, function in self.called_again if at <= ended),
            sweeps=self.sweeps,
            dead=len(self.dead),
        )
        self.called_again.clear()
        self.stage.pauses.clear()
        self.dead.clear()
        self.sweeps = 0  # only sweeps before the end were counted: an ended deployment has no lease
        return observed

    def run(self) -> None:
        """Advance the time until no call is pending and no deployment has a lease."""
        for _ in range(MOST_STEPS):
            upcoming = min(self.due, key=self._comes_at, default=None)
            comes_at = self._comes_at(upcoming) if upcoming else datetime.max.replace(tzinfo=UTC)
            if comes_at > self.now + MINUTE:
                lease = self._earliest_lease()
                if lease is not None and lease < comes_at:
                    self.platform.clock.now = max(self.now, lease + MINUTE)
                    self.sweeps += 1
                    self.call(PendingCall(self.now, "sweep", {"id": "event"}))
                    continue
            if upcoming is None:
                return
            self.due.remove(upcoming)
            self.platform.clock.now = max(self.now, comes_at)
            self.call(upcoming)
        raise AssertionError("it does not come to an end")

    def _comes_at(self, due: PendingCall) -> datetime:
        hidden = [each.at for each in self.due if each is not due and each.tries and each.group == due.group]
        return max([due.at, *(hidden if due.group else [])])

    def call(self, due: PendingCall) -> None:
        """Call a function, and schedule the retry if it fails."""
        due.tries += 1
        if due.tries > 1:
            self.called_again.append((self.now, due.function))
        self.injector.function, self.injector.dead = due.function, False
        shown = len(self.platform.queues.visibility_changes)
        try:
            done = self._done(due)
        except CrashError:
            done = False
        except AssertionError:
            raise
        except Exception:  # noqa: BLE001 - in Lambda, any exception is a failed call
            done = False
        finally:
            self.injector.function = ""
        self._collect()
        if done:
            self.finished(due)
        else:
            self._owe_again(due, [seconds for _, seconds in self.platform.queues.visibility_changes[shown:]])

    def _done(self, due: PendingCall) -> bool:
        match due.function:
            case "webhook":
                event = delivery_event(self.project.project_id, self.secret, due.content.encode())
                return webhook.respond(event, self.platform.push_receiver)["statusCode"] < 500
            case "orchestrator":
                event = sqs_event(due.content, receives=due.tries)
                return not orchestrator.respond(event, self.platform.builder)["batchItemFailures"]
            case "build events":
                build_events.respond(due.content, self.platform.result_recorder)
            case "release":
                event = sqs_event(due.content, receives=due.tries)
                return not release.respond(event, self.stage.releaser)["batchItemFailures"]
            case _:
                sweep.respond(due.content, self.platform.sweeper)
        return True

    def _owe_again(self, due: PendingCall, shown_again: list[int]) -> None:
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
                pass  # GitHub does not retry, and the next sweep runs a minute later

    def _collect(self) -> None:
        """Schedule the sent messages, and the events of started builds."""
        for message in self.platform.queues.sent[self._sent :]:
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
            self.due.append(PendingCall(comes, function, message["MessageBody"], group))
        self._sent = len(self.platform.queues.sent)
        for token in set(self.platform.codebuild.builds) - self._started:
            self._started.add(token)
            self._end_build(token, self.events_after.pop(0) if self.events_after else BUILD)

    def _end_build(self, token: str, event_after: timedelta | None) -> None:
        """End a deployment's build successfully, and schedule its event."""
        deployment = self.platform.deployments.get(self.project.project_id, token)
        key, content = (ARTIFACTS, artifact_key(deployment)), artifact_of(deployment)
        self.stage.objects.stored[key] = (content, "application/zip", None)
        self.platform.codebuild.end(token)
        build_id = f"{self.platform.codebuild.builds[token]['projectName']}:build-of-{token}"
        if event_after is not None:
            event = build_state_event(deployment, build_id=build_id)
            self.due.append(PendingCall(self.now + event_after, "build events", event))

    # Stored state

    def rows(self) -> list[Mapping[str, Any]]:
        return self._rows_of(self.project)

    def deployments(self) -> list[Deployment]:
        """Return the deployments, oldest first."""
        return [from_row(row, Deployment) for row in self.rows()]

    def functions_published(self) -> dict[str, str]:
        """Return the versions of the site's server function with their descriptions."""
        return self.stage.functions.functions[self.site.server_function].descriptions

    def _rows_of(self, project: Project) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = self.platform.database.query(
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

    def check_reachable(self) -> None:
        """Assert that the edge serves a release with a working function, once a release is live."""
        value = self.stage.store.items.get(self.site.host)
        if value is None:
            return
        led = json.loads(value)
        urls = self.stage.functions.functions[self.site.server_function].urls
        alias = f"r-{led['r'].lower()}"
        assert urls[alias]["FunctionUrl"] == f"https://{led['s']}/"

    def read_state_of_others(self) -> object:
        """Return rows, edge keys, functions and objects of the other tenant's project."""
        key = {"projectId": {"S": self.others.project_id}, "sk": {"S": "METADATA"}}
        functions = self.stage.functions.functions
        return copy.deepcopy(
            (
                self.platform.database.get_item(TableName=PROJECTS, Key=key)["Item"],
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

    def check_final_state(self) -> None:
        """Assert that everything has ended, one release is live, and the other tenant is unaffected."""
        project, deployments = self.platform.projects.get(self.project.project_id), self.deployments()
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
        self.check_reachable()
        assert self.read_state_of_others() == self.of_others
