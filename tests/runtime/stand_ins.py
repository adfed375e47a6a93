# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""Stand-ins for the services that moto does not have, or makes slow."""

import hashlib
import hmac
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import Factory, define

from tests.runtime.calls import client_error

LOGS_BUCKET = "anchor-dev-123456789012-logs"


@define
class Queues:
    sent: list[Mapping[str, Any]] = Factory(list)
    shown_again: list[tuple[str, int]] = Factory(list)

    def send_message(self, **arguments: Any) -> Mapping[str, Any]:
        self.sent.append(arguments)
        return {"MessageId": str(len(self.sent))}

    def change_message_visibility(self, **arguments: Any) -> None:
        self.shown_again.append((arguments["ReceiptHandle"], arguments["VisibilityTimeout"]))

    def bodies(self, url: str) -> list[str]:
        return [message["MessageBody"] for message in self.sent if message["QueueUrl"] == url]


class Kms:
    """Makes HMACs as KMS does. `test_signing` asks moto's, which takes its time to make a key."""

    def generate_mac(self, **arguments: Any) -> Mapping[str, Any]:
        return {"Mac": hmac.new(b"the key", arguments["Message"], hashlib.sha256).digest()}


@define
class CodeBuild:
    """Starts one build for a token, as CodeBuild does within five minutes.

    Attributes:
        quota: How many builds the account may run at the same time.
        gone: Whether the build projects are deleted, and their builds with them.
    """

    quota: int | None = None
    gone: bool = False
    refusals: list[Exception] = Factory(list)
    never: set[str] = Factory(set)
    builds: dict[str, Mapping[str, Any]] = Factory(dict)
    stopped: list[str] = Factory(list)
    ended: dict[str, Mapping[str, Any]] = Factory(dict)
    forgotten: bool = False

    def list_builds_for_project(self, **asked: str) -> Mapping[str, Any]:
        assert asked["sortOrder"] == "DESCENDING"
        if self.gone:
            raise client_error("ResourceNotFoundException", "ListBuildsForProject", "no such project")
        found = [each["id"] for each in self._records() if each["id"].startswith(f"{asked['projectName']}:")]
        return {"ids": found[::-1]}

    def batch_get_builds(self, *, ids: Sequence[str]) -> Mapping[str, Any]:
        found = [each for each in self._records() if each["id"] in ids]
        return {"builds": found, "buildsNotFound": sorted({*ids} - {each["id"] for each in found})}

    def end(self, token: str, status: str = "SUCCEEDED", **more: Any) -> None:
        """Let a deployment's build end, as CodeBuild's own record tells it."""
        self.ended[token] = {"buildStatus": status, **more}

    def _records(self) -> list[Mapping[str, Any]]:
        if self.forgotten:
            return []
        return [
            {
                "id": f"{started['projectName']}:build-of-{token}",
                "buildStatus": "IN_PROGRESS",
                "environment": {"environmentVariables": started["environmentVariablesOverride"]},
                **self.ended.get(token, {}),
            }
            for token, started in self.builds.items()
        ]

    def stop_build(self, *, id: str) -> Mapping[str, Any]:  # noqa: A002 - AWS's own name
        if self.refusals:
            raise self.refusals.pop(0)
        self.stopped.append(id)
        return {"build": {"id": id}}

    def start_build(self, **arguments: Any) -> Mapping[str, Any]:
        if self.refusals:
            raise self.refusals.pop(0)
        if self.gone:
            raise client_error("ResourceNotFoundException", "StartBuild", "no such project")
        token = arguments["idempotencyToken"]
        if token in self.never:
            raise client_error("InvalidInputException", "StartBuild", "never")
        if self.builds.get(token, arguments) != arguments:
            text = "the token was used before with other parameters"
            raise client_error("InvalidInputException", "StartBuild", text)
        running = self.builds.keys() - self.ended.keys()
        if self.quota is not None and token not in running and len(running) >= self.quota:
            raise client_error("AccountLimitExceededException", "StartBuild", "too many builds")
        self.builds[token] = arguments
        return {"build": {"id": f"{arguments['projectName']}:build-of-{token}"}}


@define
class Logs:
    """One stream, which goes on from a token as CloudWatch's do: at its end the token stays the same."""

    lines: list[str] | None = None
    asked: list[Mapping[str, Any]] = Factory(list)

    def get_log_events(self, **arguments: Any) -> Mapping[str, Any]:
        self.asked.append(arguments)
        if self.lines is None:
            raise client_error("ResourceNotFoundException", "GetLogEvents", "no such log stream")
        limit = arguments["limit"]
        first = int(arguments.get("nextToken", "f/0")[2:]) if arguments["startFromHead"] else -limit
        kept = self.lines[first:][:limit]
        return {
            "events": [{"timestamp": 1_500, "message": line + "\n"} for line in kept],
            "nextForwardToken": f"f/{first + len(kept)}",
        }


@define
class KeptLogs:
    """The logs bucket: what CodeBuild put there, by key."""

    stored: dict[str, bytes] = Factory(dict)
    refusal: str = "NoSuchKey"

    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]:  # noqa: N803 - AWS's own
        assert Bucket == LOGS_BUCKET
        if Key not in self.stored:
            raise client_error(self.refusal, "GetObject", "no")
        return {"Body": io.BytesIO(self.stored[Key])}


@define
class Clock:
    """Each reading is one second after the last."""

    now: datetime = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now
