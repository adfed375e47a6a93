"""A simulated life of a project: messages reordered, late or repeated, and crashes at any write.

A message is redelivered until its function finishes. Users repeat requests that failed.
`LifeCycle.drain` runs all pending messages and requests.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import Factory, define

from runtime.deploy.errors import NotReleasedError, StaleDeploymentError, SwitchOvertakenError
from runtime.deploy.handlers import build_events, webhook
from runtime.deploy.messages import DeploymentMessage
from runtime.deploy.model import BUILDS_PARTITION, Deployment, Project, Status
from runtime.shared.converters import from_row
from tests.runtime.calls import CrashError
from tests.runtime.events import build_state_event, delivery_event
from tests.runtime.platform_fixture import BUILD_QUEUE, OTHER, OWNER, RELEASE_QUEUE, Platform
from tests.runtime.releases.open_next import SERVER, make_artifact
from tests.runtime.releases.release_fixture import (
    ARTIFACTS,
    ReleasePlatform,
    artifact_key,
    find_served_deployment_id,
)
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

PUSH = json.loads((Path(__file__).parents[3] / "examples" / "github-webhooks" / "push.json").read_bytes())
WRITES = {
    "delete_item",
    "put_item",
    "put_key",
    "put_parameter",
    "send_message",
    "start_build",
    "transact_write_items",
    "update_item",
    "update_keys",
}


def artifact_of(deployment: Deployment) -> bytes:
    """Return the artifact of a deployment's build. Each artifact contains a different server."""
    return make_artifact({f"{SERVER}index.mjs": deployment.deployment_id.encode()}).getvalue()


ENDS = {Status.LIVE, Status.RETIRED, Status.FAILED, Status.CANCELLED, Status.SUPERSEDED}

Crash = tuple[str, int] | None
"""The write at which a function crashes: `("before", 1)` is right before its first write."""


@define(slots=False)
class LifeCycle:
    """A project of OWNER under test, and a project of OTHER that must not change."""

    stage: ReleasePlatform = Factory(lambda: ReleasePlatform(Platform(max_concurrent_builds=1)))
    due: list[Callable[[], None]] = Factory(list)
    builds: dict[str, Deployment] = Factory(dict)
    events: list[Mapping[str, Any]] = Factory(list)
    _seen: int = 0
    _delivery: Any = Factory(lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        self.platform = self.stage.platform
        self.project = self.stage.project()
        self.others = self.stage.project("others-site", user_id=OTHER)
        self.platform.put_live(self.others)

    # Events

    def push(self, crash: Crash = None) -> None:
        number = next(self._delivery)
        body = json.dumps({**PUSH, "after": f"{number:040x}"}).encode()
        secret = self.platform.signer.derive_webhook_secret(self.project.project_id, 1)
        event = delivery_event(self.project.project_id, secret, body)

        def arrives() -> None:
            assert webhook.respond(event, self.platform.push_receiver)["statusCode"] == 202

        self._run(arrives, crash)

    def build_message(self, deployment: Deployment, crash: Crash = None, *, refused: bool = False) -> None:
        def arrives() -> None:
            if refused:
                self.platform.codebuild.refused_tokens.add(deployment.deployment_id)
            self.platform.deliver_build_message(deployment)

        self._run(arrives, crash)

    def build_ends(self, build_id: str, status: str) -> None:
        deployment = self.builds.pop(build_id)
        if status == "SUCCEEDED":
            key = (ARTIFACTS, artifact_key(deployment))
            self.stage.objects.stored[key] = (artifact_of(deployment), "application/zip", None)
        self.platform.codebuild.end(deployment.deployment_id, status)
        event = build_state_event(deployment, status, build_id=build_id)
        self.events.append(event)
        self.due.append(lambda: build_events.respond(event, self.platform.result_recorder))

    def build_event(self, event: Mapping[str, Any], crash: Crash = None) -> None:
        self._run(lambda: build_events.respond(event, self.platform.result_recorder), crash)

    def release_message(self, deployment: Deployment, crash: Crash = None) -> None:
        self._run(lambda: self.stage.release(deployment), crash)

    def promote(self, deployment: Deployment, crash: Crash = None) -> bool:
        def asked() -> None:
            try:
                self.stage.switch.promote(OWNER, deployment.deployment_id)
            except (NotReleasedError, SwitchOvertakenError):
                return

        return self._run(asked, crash)

    def unpin(self, crash: Crash = None) -> bool:
        return self._run(
            lambda: self.platform.projects.change_owned(
                OWNER, self.project.project_id, {"pinned": False}, at=self.platform.clock()
            ),
            crash,
        )

    def cancel(self, deployment: Deployment, crash: Crash = None) -> None:
        def asked() -> None:
            try:
                self.platform.cancellation.cancel(OWNER, deployment.deployment_id)
            except StaleDeploymentError:
                return

        self._run(asked, crash)

    def sweep(self) -> None:
        self._run(lambda: self.platform.sweeper.sweep(self.platform.log), None)

    def bring_what_is_due(self, crash: Crash = None) -> None:
        """Redeliver the oldest message or request that is due."""
        if self.due:
            self._run(self.due.pop(0), crash)

    def drain(self) -> None:
        """Run until everything has ended, without crashes and with successful builds."""
        for _ in range(1000):
            if self.due:
                self.bring_what_is_due()
            elif self.builds:
                self.build_ends(next(iter(self.builds)), "SUCCEEDED")
            else:
                return
        raise AssertionError("it does not come to an end")

    def _run(self, work: Callable[[], object], crash: Crash) -> bool:
        """Run a function. If it crashes, make it due again. Return whether it finished."""
        left = crash[1] if crash else 0
        calls = self.platform.calls

        def counted(when: str) -> Callable[[str], None]:
            def count(operation: str) -> None:
                nonlocal left
                if crash and when == crash[0] and operation in WRITES:
                    left -= 1
                    if left == 0:
                        raise CrashError

            return count

        calls.before, calls.after = counted("before"), counted("after")
        try:
            work()
        except CrashError:
            self.due.append(work)
            return False
        finally:
            calls.before = calls.after = lambda _: None
            self._note_messages()
        return True

    def _note_messages(self) -> None:
        """Record sent messages as due, and started builds as running."""
        for message in self.platform.queues.sent[self._seen :]:
            named = DeploymentMessage.from_body(message["MessageBody"])
            if message["QueueUrl"] == BUILD_QUEUE:
                self.due.append(lambda named=named: self.platform.builder.build(named, self.platform.log))
            elif message["QueueUrl"] == RELEASE_QUEUE:
                self.due.append(
                    lambda named=named: self.stage.releaser.release(named, self.platform.log, is_last=False)
                )
        self._seen = len(self.platform.queues.sent)
        for token, started in list(self.platform.codebuild.builds.items()):
            build_id = f"{started['projectName']}:build-of-{token}"
            if not any(event["detail"]["build-id"].endswith(build_id) for event in self.events):
                self.builds[build_id] = self.platform.deployments.get(self.project.project_id, token)

    # Stored state

    def now(self) -> tuple[Project, dict[str, Deployment]]:
        """Return the project, and its deployments by id, oldest first."""
        project = self.platform.projects.get(self.project.project_id)
        rows = self.platform.database.query(
            TableName=DEPLOYMENTS,
            KeyConditionExpression="projectId = :project",
            ExpressionAttributeValues={":project": {"S": self.project.project_id}},
            ConsistentRead=True,
        )["Items"]
        return project, {row["deploymentId"]["S"]: from_row(row, Deployment) for row in rows}

    def read_rows_of_others(self) -> list[Mapping[str, Any]]:
        """Return all rows of other projects, without the stage's shared builds."""
        tables = (PROJECTS, DEPLOYMENTS)
        return [
            row
            for table in tables
            for row in self.platform.database.scan(TableName=table)["Items"]
            if row["projectId"]["S"] not in {self.project.project_id, BUILDS_PARTITION}
        ]

    def stage_builds(self) -> tuple[set[str], set[str]]:
        """Return the ids of the running and of the waiting deployments in the stage's rows."""
        found = self.platform.stage_builds.read()
        return {each.deployment_id for each in found.running}, {each.deployment_id for each in found.waiting}

    def find_served_deployment(self) -> str | None:
        """Return the deployment that the edge serves."""
        return find_served_deployment_id(self.stage, self.project)
