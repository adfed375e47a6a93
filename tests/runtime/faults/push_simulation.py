"""Pushes in simulated time. The simulation calls and retries the functions as AWS does.

SQS hides a failed message and delivers it five times in total. A FIFO queue drops duplicates within five
minutes. While a message is hidden, a FIFO queue delivers no other message of the same message group. Lambda
retries an event after one minute, and again after two more minutes. GitHub delivers each push once. AWS calls
the sweep every minute, but the simulation skips the calls at which no lease has expired.
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
from tests.runtime.data.life_cycle import ENDS, PUSH, make_deployment_artifact
from tests.runtime.events import make_build_state_event, make_delivery_event, make_sqs_event
from tests.runtime.faults.direct import DirectDynamoDB, InMemoryParameters
from tests.runtime.faults.injected import Fault, Injector
from tests.runtime.platform_fixture import BUILD_QUEUE, MAX_RECEIVE_COUNT, OTHER, OWNER, Platform
from tests.runtime.releases.release_fixture import (
    ARTIFACTS,
    ReleasePlatform,
    build_artifact_key,
    find_served_deployment_id,
)
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

ROOT: Final = Path(__file__).parents[3]
VISIBILITY_TIMEOUT: Final = timedelta(minutes=30)
"""The visibility timeout of both queues (components/deploy/pipeline.py)."""
EVENT_RETRY_DELAYS: Final = (timedelta(minutes=1), timedelta(minutes=2))
DEDUPLICATION_INTERVAL: Final = timedelta(minutes=5)
BUILD_DURATION: Final = timedelta(minutes=2)
MINUTE: Final = timedelta(minutes=1)
MAX_CALLS: Final = 60


class UploadFaultPlatform(ReleasePlatform):
    """A platform whose uploads to presigned URLs can fail.

    S3 reports such a failure as an HTTP status, not as an exception.
    """

    def _put(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            status = super()._put(url, body, headers)
        except ClientError as refused:
            return refused.response["ResponseMetadata"]["HTTPStatusCode"]
        self.platform.calls.after("put")
        return status


@define
class PendingCall:
    """A call of a function that AWS will make.

    Attributes:
        at: Earliest time of the call.
        function: Name of the function.
        content: Body of a message, or an event.
        group: FIFO message group. While one message of the group is hidden, its other messages wait.
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
        reason: Step and reason of a failure. Empty without a failure.
        minutes: Number of minutes by which the push ended later than a push without a fault.
        at_once: Whether a function retried its work within the same invocation.
        again: Functions that were called again before the push ended, in the order of the calls.
        sweeps: Number of sweeps before the push ended. The simulation skips sweeps that would find nothing.
        dead: Number of messages that were moved to a dead-letter queue.
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
            return "refused, and GitHub shows the failed delivery; live after a manual redelivery"
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
class PushSimulation:
    """A simulation of pushes to a project with a live release.

    Another tenant has a second project, which the pushes must not change.

    Attributes:
        due: Calls that AWS will make.
        dead: Calls whose messages were moved to a dead-letter queue.
        called_again: Time and function of each repeated call.
        events_after: For each of the next builds, the delay between its start and its event. None means that
            no event is sent. A build without an entry has the delay `BUILD_DURATION`.
        lost: Functions whose next message is lost. A function that loses two messages has two entries.
        usual: Seconds between a push without faults and its end.
        finished: A hook of the test, which is called after each simulated call that succeeds.
    """

    stage: ReleasePlatform = Factory(
        lambda: UploadFaultPlatform(Platform(database=DirectDynamoDB(), ssm=InMemoryParameters()))
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
    _last_sent: dict[str, datetime] = Factory(dict)  # by deduplication id
    _started: set[str] = Factory(set)
    _pushes: Any = field(factory=lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        self.platform = self.stage.platform
        self.project, self.others = (
            self.stage.create_project(),
            self.stage.create_project("others-site", user_id=OTHER),
        )
        # With a deploy key, the start of a build makes all calls that it can make.
        self.platform.deploy_key_service.create(OWNER, self.project.project_id)
        self.stage.create_live(self.others)
        self._sent, self._started = len(self.platform.queues.sent), set(self.platform.codebuild.builds)
        self.site, self.site_of_others = self.stage.get_site(self.project), self.stage.get_site(self.others)
        self.secret = self.platform.signer.derive_webhook_secret(self.project.project_id, 1)
        self.injector = Injector(self.platform.calls, check=self.check_site_is_reachable)
        self.state_of_others = self.read_other_tenants_state()
        self.run_pushes()
        # Forget the call sites of the first release. A first release makes calls that later ones do not make.
        self.injector.sites.clear()
        started = self.now
        self.run_pushes()
        self.usual = (self._find_last_update_time() - started).total_seconds()

    @property
    def now(self) -> datetime:
        return self.platform.clock.now

    # Pushes and calls

    def push(self) -> str:
        """Schedule the delivery of a new push, as GitHub does. Return the body of the delivery."""
        body = json.dumps({**PUSH, "after": f"{next(self._pushes):040x}"})
        self.deliver(body)
        return body

    def deliver(self, body: str) -> None:
        """Schedule a delivery. The webhook function derives its secret again, as after a cold start."""
        self.platform.signer._known.clear()
        self.due.append(PendingCall(self.now, "webhook", body))

    def run_pushes(self, fault: Fault | None = None, *, pushes: int = 1) -> Outcome:
        """Run pushes, with at most one fault, until no call is pending and no deployment has a lease.

        Returns:
            The outcome of the last push.
        """
        started, count = self.now, len(self.list_deployments())
        self.injector.fault, self.injector.happened = fault, False
        bodies = [self.push() for _ in range(pushes)]
        self.run_until_idle()
        assert fault is None or self.injector.happened, fault
        observed = self.read_outcome(started, count)
        if observed.status is None:  # GitHub shows the failed delivery, and a user redelivers it
            self.deliver(bodies[-1])
            self.run_until_idle()
            assert self.read_outcome(started, count).status == Status.LIVE
        self.check_final_state()
        self._delete_old_rows()
        return observed

    def _delete_old_rows(self) -> None:
        """Delete the builds, the recorded deliveries, and all deployments except the live one.

        The reason: moto is slow with many rows.
        """
        live = self.platform.projects.get(self.project.project_id).serving
        for row in self.read_rows():
            if row["deploymentId"]["S"] != live:
                key = {name: row[name] for name in ("projectId", "deploymentId")}
                self.platform.database.delete_item(TableName=DEPLOYMENTS, Key=key)
        for row in self.platform.database.scan(TableName=PROJECTS)["Items"]:
            if row["sk"]["S"].startswith("DELIVERY#"):
                key = {name: row[name] for name in ("projectId", "sk")}
                self.platform.database.delete_item(TableName=PROJECTS, Key=key)
        self.platform.codebuild.builds.clear()

    def read_outcome(self, started: datetime, count: int) -> Outcome:
        """Return the outcome of the newest push, and reset the counters.

        Args:
            started: Time of the push.
            count: Number of deployments before the push.
        """
        deployments = self.list_deployments()[count:]
        newest = deployments[-1] if deployments else None
        ended = self._find_last_update_time() if newest else self.now
        late = (ended - started).total_seconds() - self.usual
        failure = newest.failure if newest else None
        observed = Outcome(
            status=newest.status.value if newest else None,
            reason=f"{failure.step}: {failure.reason}" if failure else "",
            at_once=bool(self.stage.pauses),
            minutes=max(0, round(late / 60)) if newest else 0,
            # Calls after the end of the push had nothing to do, so they are not counted.
            again=tuple(function for at, function in self.called_again if at <= ended),
            # All sweeps ran before the end, because an ended deployment has no lease.
            sweeps=self.sweeps,
            dead=len(self.dead),
        )
        self.called_again.clear()
        self.stage.pauses.clear()
        self.dead.clear()
        self.sweeps = 0
        return observed

    def run_until_idle(self) -> None:
        """Advance the time until no call is pending and no deployment has a lease."""
        for _ in range(MAX_CALLS):
            upcoming = min(self.due, key=self._compute_call_time, default=None)
            comes_at = self._compute_call_time(upcoming) if upcoming else datetime.max.replace(tzinfo=UTC)
            if comes_at > self.now + MINUTE:
                lease = self._find_earliest_lease_end()
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
        raise AssertionError(f"the pushes have not ended after {MAX_CALLS} calls")

    def _compute_call_time(self, due: PendingCall) -> datetime:
        """Return the time of a call. A hidden message delays the other messages of its group."""
        hidden = [each.at for each in self.due if each is not due and each.tries and each.group == due.group]
        return max([due.at, *(hidden if due.group else [])])

    def call(self, due: PendingCall) -> None:
        """Make a call. If it fails, schedule the retry that AWS would make."""
        due.tries += 1
        if due.tries > 1:
            self.called_again.append((self.now, due.function))
        self.injector.function, self.injector.has_crashed = due.function, False
        count = len(self.platform.queues.visibility_changes)
        try:
            done = self._invoke(due)
        except CrashError:
            done = False
        except AssertionError:
            raise
        except Exception:  # noqa: BLE001 - in Lambda, any exception is a failed call
            done = False
        finally:
            self.injector.function = ""
        self._schedule_new_calls()
        if done:
            self.finished(due)
        else:
            self._schedule_retry(due, [time for _, time in self.platform.queues.visibility_changes[count:]])

    def _invoke(self, due: PendingCall) -> bool:
        """Call the handler of a function, and return whether AWS counts the call as successful."""
        match due.function:
            case "webhook":
                event = make_delivery_event(self.project.project_id, self.secret, due.content.encode())
                return webhook.handle_event(event, self.platform.push_receiver)["statusCode"] < 500
            case "orchestrator":
                event = make_sqs_event(due.content, receives=due.tries)
                return not orchestrator.handle_event(event, self.platform.builder)["batchItemFailures"]
            case "build events":
                build_events.handle_event(due.content, self.platform.result_recorder)
            case "release":
                event = make_sqs_event(due.content, receives=due.tries)
                return not release.handle_event(event, self.stage.releaser)["batchItemFailures"]
            case _:
                sweep.handle_event(due.content, self.platform.sweeper)
        return True

    def _schedule_retry(self, due: PendingCall, timeouts: list[int]) -> None:
        """Schedule the retry of a failed call. `timeouts` are the visibility timeouts that the call set."""
        match due.function:
            case "orchestrator" | "release" if due.tries < MAX_RECEIVE_COUNT:
                pause = timedelta(seconds=timeouts[-1]) if timeouts else VISIBILITY_TIMEOUT
                due.at = self.now + pause
                self.due.append(due)
            case "orchestrator" | "release":
                self.dead.append(due)
            case "build events" if due.tries <= len(EVENT_RETRY_DELAYS):
                due.at = self.now + EVENT_RETRY_DELAYS[due.tries - 1]
                self.due.append(due)
            case _:
                pass  # GitHub does not retry a delivery, and the next sweep runs a minute later

    def _schedule_new_calls(self) -> None:
        """Schedule the calls for new messages, and for the events of new builds."""
        for message in self.platform.queues.sent[self._sent :]:
            deduplication_id = message.get("MessageDeduplicationId")
            last_sent = self._last_sent.get(deduplication_id) if deduplication_id else None
            if last_sent and self.now - last_sent < DEDUPLICATION_INTERVAL:
                continue
            if deduplication_id:
                self._last_sent[deduplication_id] = self.now
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
            self._end_build(token, self.events_after.pop(0) if self.events_after else BUILD_DURATION)

    def _end_build(self, token: str, event_after: timedelta | None) -> None:
        """End a deployment's build successfully. If `event_after` is not None, schedule the build's event."""
        deployment = self.platform.deployments.get(self.project.project_id, token)
        key, content = (ARTIFACTS, build_artifact_key(deployment)), make_deployment_artifact(deployment)
        self.stage.objects.stored[key] = (content, "application/zip", None)
        self.platform.codebuild.end(token)
        build_id = f"{self.platform.codebuild.builds[token]['projectName']}:build-of-{token}"
        if event_after is not None:
            event = make_build_state_event(deployment, build_id=build_id)
            self.due.append(PendingCall(self.now + event_after, "build events", event))

    # Stored state

    def read_rows(self) -> list[Mapping[str, Any]]:
        return self._read_project_rows(self.project)

    def list_deployments(self) -> list[Deployment]:
        """Return the deployments, oldest first."""
        return [from_row(row, Deployment) for row in self.read_rows()]

    def list_published_versions(self) -> dict[str, str]:
        """Return the descriptions of the published versions of the site's server function, by version."""
        return self.stage.functions.functions[self.site.server_function].descriptions

    def _read_project_rows(self, project: Project) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = self.platform.database.query(
            TableName=DEPLOYMENTS,
            KeyConditionExpression="projectId = :project",
            ExpressionAttributeValues={":project": {"S": project.project_id}},
        )["Items"]
        return rows

    def _find_earliest_lease_end(self) -> datetime | None:
        ends = [int(row["leaseUntil"]["N"]) for row in self.read_rows() if "leaseUntil" in row]
        return datetime.fromtimestamp(min(ends), UTC) if ends else None

    def _find_last_update_time(self) -> datetime:
        return max(each.updated_at for each in self.list_deployments())

    def check_site_is_reachable(self) -> None:
        """Assert that the site's host points to an existing function URL, if the edge has the host."""
        value = self.stage.store.items.get(self.site.host)
        if value is None:
            return
        entry = json.loads(value)
        urls = self.stage.functions.functions[self.site.server_function].urls
        alias = f"r-{entry['r'].lower()}"
        assert urls[alias]["FunctionUrl"] == f"https://{entry['s']}/"

    def read_other_tenants_state(self) -> object:
        """Return the rows, edge keys, functions, objects and tags of the other tenant's project."""
        key = {"projectId": {"S": self.others.project_id}, "sk": {"S": "METADATA"}}
        functions = self.stage.functions.functions
        return copy.deepcopy(
            (
                self.platform.database.get_item(TableName=PROJECTS, Key=key)["Item"],
                self._read_project_rows(self.others),
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
        """Assert that all deployments have ended, one is live, and the other tenant's state is unchanged."""
        project, deployments = self.platform.projects.get(self.project.project_id), self.list_deployments()
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
        self.check_site_is_reachable()
        assert self.read_other_tenants_state() == self.state_of_others
