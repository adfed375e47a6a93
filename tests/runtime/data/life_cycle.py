"""A simulation of a project: messages arrive late, repeatedly and in any order, and functions crash.

A message is redelivered until its function finishes. Users repeat requests that failed.
`LifeCycle.drain` processes all pending messages and requests.
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
from tests.runtime.events import make_build_state_event, make_delivery_event
from tests.runtime.platform_fixture import BUILD_QUEUE, OTHER, OWNER, RELEASE_QUEUE, Platform
from tests.runtime.releases.open_next import SERVER, make_artifact
from tests.runtime.releases.release_fixture import (
    ARTIFACTS,
    ReleasePlatform,
    build_artifact_key,
    find_served_deployment_id,
)
from tests.runtime.stored_rows import read_rows
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


def make_deployment_artifact(deployment: Deployment) -> bytes:
    """Return the artifact of a deployment's build. Each artifact contains a different server."""
    return make_artifact({f"{SERVER}index.mjs": deployment.deployment_id.encode()}).getvalue()


ENDS = {Status.READY, Status.LIVE, Status.RETIRED, Status.FAILED, Status.CANCELLED, Status.SUPERSEDED}

Crash = tuple[str, int] | None
"""The write at which a function crashes, or None. `("before", 1)` means directly before the first write."""


@define(slots=False)
class LifeCycle:
    """A project of OWNER under test, and a project of OTHER that must not change.

    Attributes:
        pending: The messages to deliver and the requests to repeat, as functions that do this.
        builds: The running builds, by build id.
        events: The events of all builds that have ended.
    """

    release_platform: ReleasePlatform = Factory(lambda: ReleasePlatform(Platform(max_concurrent_builds=1)))
    pending: list[Callable[[], None]] = Factory(list)
    builds: dict[str, Deployment] = Factory(dict)
    events: list[Mapping[str, Any]] = Factory(list)
    _read_count: int = 0
    _delivery: Any = Factory(lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        self.platform = self.release_platform.platform
        self.project = self.release_platform.create_project()
        self.others = self.release_platform.create_project("others-site", user_id=OTHER)
        self.platform.put_live(self.others)

    # Events

    def push(self, crash: Crash = None) -> None:
        number = next(self._delivery)
        body = json.dumps({**PUSH, "after": f"{number:040x}"}).encode()
        secret = self.platform.signer.derive_webhook_secret(self.project.project_id, 1)
        event = make_delivery_event(self.project.project_id, secret, body)

        def deliver_push() -> None:
            assert webhook.handle_event(event, self.platform.push_receiver)["statusCode"] == 202

        self._run(deliver_push, crash)

    def deliver_build_message(
        self, deployment: Deployment, crash: Crash = None, *, refused: bool = False
    ) -> None:
        def deliver_message() -> None:
            if refused:
                self.platform.codebuild.refused_tokens.add(deployment.deployment_id)
            self.platform.deliver_build_message(deployment)

        self._run(deliver_message, crash)

    def end_build(self, build_id: str, status: str) -> None:
        deployment = self.builds.pop(build_id)
        if status == "SUCCEEDED":
            key = (ARTIFACTS, build_artifact_key(deployment))
            self.release_platform.objects.stored[key] = (
                make_deployment_artifact(deployment),
                "application/zip",
                None,
            )
        self.platform.codebuild.end(deployment.deployment_id, status)
        event = make_build_state_event(deployment, status, build_id=build_id)
        self.events.append(event)
        self.pending.append(lambda: build_events.handle_event(event, self.platform.result_recorder))

    def deliver_build_event(self, event: Mapping[str, Any], crash: Crash = None) -> None:
        self._run(lambda: build_events.handle_event(event, self.platform.result_recorder), crash)

    def deliver_release_message(self, deployment: Deployment, crash: Crash = None) -> None:
        self._run(lambda: self.release_platform.release(deployment), crash)

    def promote(self, deployment: Deployment, crash: Crash = None) -> bool:
        def request_promotion() -> None:
            try:
                self.release_platform.switch.promote(OWNER, deployment.deployment_id, pin=True)
            except (NotReleasedError, SwitchOvertakenError):
                return

        return self._run(request_promotion, crash)

    def unpin(self, crash: Crash = None) -> bool:
        return self._run(
            lambda: self.platform.projects.change_owned(
                OWNER, self.project.project_id, {"pinned": False}, at=self.platform.clock()
            ),
            crash,
        )

    def cancel(self, deployment: Deployment, crash: Crash = None) -> None:
        def request_cancellation() -> None:
            try:
                self.platform.cancellation.cancel(OWNER, deployment.deployment_id)
            except StaleDeploymentError:
                return

        self._run(request_cancellation, crash)

    def sweep(self) -> None:
        self._run(lambda: self.platform.sweeper.sweep(self.platform.log), None)

    def deliver_next(self, crash: Crash = None) -> None:
        """Deliver the oldest pending message, or repeat the oldest pending request."""
        if self.pending:
            self._run(self.pending.pop(0), crash)

    def drain(self) -> None:
        """Deliver all messages and end all builds successfully, without crashes."""
        for _ in range(1000):
            if self.pending:
                self.deliver_next()
            elif self.builds:
                self.end_build(next(iter(self.builds)), "SUCCEEDED")
            else:
                return
        raise AssertionError("messages or builds remain after a thousand steps")

    def _run(self, work: Callable[[], object], crash: Crash) -> bool:
        """Call a function. If it crashes, make it pending again. Return whether it finished."""
        left = crash[1] if crash else 0
        calls = self.platform.calls

        def count_writes(when: str) -> Callable[[str], None]:
            def count_write(operation: str) -> None:
                nonlocal left
                if crash and when == crash[0] and operation in WRITES:
                    left -= 1
                    if left == 0:
                        raise CrashError

            return count_write

        calls.before, calls.after = count_writes("before"), count_writes("after")
        try:
            work()
        except CrashError:
            self.pending.append(work)
            return False
        finally:
            calls.before = calls.after = lambda _: None
            self._record_messages()
        return True

    def _record_messages(self) -> None:
        """Record the sent messages as pending, and the started builds as running."""
        for message in self.platform.queues.sent[self._read_count :]:
            named = DeploymentMessage.from_body(message["MessageBody"])
            if message["QueueUrl"] == BUILD_QUEUE:
                self.pending.append(lambda named=named: self.platform.builder.build(named, self.platform.log))
            elif message["QueueUrl"] == RELEASE_QUEUE:
                self.pending.append(
                    lambda named=named: self.release_platform.releaser.release(
                        named, self.platform.log, is_last=False
                    )
                )
        self._read_count = len(self.platform.queues.sent)
        for token, started in list(self.platform.codebuild.builds.items()):
            build_id = f"{started['projectName']}:build-of-{token}"
            if not any(event["detail"]["build-id"].endswith(build_id) for event in self.events):
                self.builds[build_id] = self.platform.deployments.get(self.project.project_id, token)

    # Stored state

    def read_state(self) -> tuple[Project, dict[str, Deployment]]:
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
        """Return all rows of other projects, without the rows of the stage's builds and the owner's usage."""
        shared = {self.project.project_id, BUILDS_PARTITION, f"USER#{OWNER}"}
        rows = read_rows(self.platform.database, (PROJECTS, DEPLOYMENTS))
        return [row for row in rows if row["projectId"]["S"] not in shared]

    def read_build_ids(self) -> tuple[set[str], set[str]]:
        """Return the deployment ids of the running and of the waiting builds in the stage's rows."""
        found = self.platform.stage_builds.read()
        return {each.deployment_id for each in found.running}, {each.deployment_id for each in found.waiting}

    def read_usage(self) -> tuple[set[str], set[str]]:
        """Return the ids of the projects and of the queued deployments in the owner's usage."""
        key = {"projectId": {"S": f"USER#{OWNER}"}, "sk": {"S": "USAGE"}}
        row = self.platform.database.get_item(TableName=PROJECTS, Key=key)["Item"]
        projects, queued = (set(row.get(name, {"SS": []})["SS"]) for name in ("projects", "queued"))
        return projects, queued

    def find_served_deployment(self) -> str | None:
        """Return the id of the deployment that the edge serves, or None."""
        return find_served_deployment_id(self.release_platform, self.project)
