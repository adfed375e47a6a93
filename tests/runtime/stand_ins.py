# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""Fakes of services that moto does not have, or that are slow in moto."""

import hashlib
import hmac
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import Factory, define

from tests.runtime.calls import make_client_error

LOGS_BUCKET = "anchor-dev-123456789012-logs"


@define
class Queues:
    """A fake SQS that records messages, changes of the visibility timeout, and the URLs of purged queues."""

    sent: list[Mapping[str, Any]] = Factory(list)
    visibility_changes: list[tuple[str, int]] = Factory(list)
    purged: list[str] = Factory(list)

    def send_message(self, **arguments: Any) -> Mapping[str, Any]:
        self.sent.append(arguments)
        return {"MessageId": str(len(self.sent))}

    def change_message_visibility(self, **arguments: Any) -> None:
        self.visibility_changes.append((arguments["ReceiptHandle"], arguments["VisibilityTimeout"]))

    def purge_queue(self, *, QueueUrl: str) -> None:  # noqa: N803 - AWS's own name
        self.purged.append(QueueUrl)

    def list_bodies(self, url: str) -> list[str]:
        return [message["MessageBody"] for message in self.sent if message["QueueUrl"] == url]


class Kms:
    """A fake KMS that computes HMACs and encrypts. It exists because moto's KMS creates keys slowly.

    `test_signing` uses moto's KMS.
    """

    def generate_mac(self, **arguments: Any) -> Mapping[str, Any]:
        return {"Mac": hmac.new(b"the key", arguments["Message"], hashlib.sha256).digest()}

    def encrypt(self, **arguments: Any) -> Mapping[str, Any]:
        return {"CiphertextBlob": _flip_bits(json.dumps(_build_encrypted(arguments)).encode())}


def decrypt(key: str, encrypted: bytes, **context: str) -> str:
    """Return what the fake KMS has encrypted with this key and encryption context."""
    document = json.loads(_flip_bits(encrypted))
    assert document == _build_encrypted(
        {"KeyId": key, "EncryptionContext": context, "Plaintext": document["text"].encode()}
    )
    text: str = document["text"]
    return text


def _build_encrypted(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": arguments["KeyId"],
        "context": arguments["EncryptionContext"],
        "text": arguments["Plaintext"].decode(),
    }


def _flip_bits(content: bytes) -> bytes:
    return bytes(each ^ 0xFF for each in content)


@define
class ArtifactsBucket:
    """A fake of the bucket in which deploy keys are handed over to builds.

    Attributes:
        objects: Content of the objects by key.
    """

    objects: dict[str, bytes] = Factory(dict)

    def put_object(self, **arguments: Any) -> Mapping[str, Any]:
        self.objects[arguments["Key"]] = arguments["Body"]
        return {}

    def delete_object(self, **arguments: Any) -> Mapping[str, Any]:
        self.objects.pop(arguments["Key"], None)
        return {}


@define
class CodeBuild:
    """A fake CodeBuild that starts one build per idempotency token. The token is the deployment's id.

    Attributes:
        quota: Maximum number of running builds in the account. None means unlimited.
        is_deleted: Whether the build projects are deleted.
        errors: Errors that the next calls of `start_build` and `stop_build` raise, one for each call.
        refused_tokens: Idempotency tokens whose builds are always refused.
        builds: Arguments of each started build, by idempotency token.
        stopped: Ids of the builds that were stopped.
        ended: The fields that the end of a build changed in the build's record, by idempotency token.
        has_forgotten_builds: Whether CodeBuild has deleted all build records.
    """

    quota: int | None = None
    is_deleted: bool = False
    errors: list[Exception] = Factory(list)
    refused_tokens: set[str] = Factory(set)
    builds: dict[str, Mapping[str, Any]] = Factory(dict)
    stopped: list[str] = Factory(list)
    ended: dict[str, Mapping[str, Any]] = Factory(dict)
    has_forgotten_builds: bool = False

    def list_builds_for_project(self, **asked: str) -> Mapping[str, Any]:
        assert asked["sortOrder"] == "DESCENDING"
        if self.is_deleted:
            raise make_client_error("ResourceNotFoundException", "ListBuildsForProject", "no such project")
        found = [
            each["id"]
            for each in self._list_build_records()
            if each["id"].startswith(f"{asked['projectName']}:")
        ]
        return {"ids": found[::-1]}

    def batch_get_builds(self, *, ids: Sequence[str]) -> Mapping[str, Any]:
        found = [each for each in self._list_build_records() if each["id"] in ids]
        return {"builds": found, "buildsNotFound": sorted({*ids} - {each["id"] for each in found})}

    def end(self, token: str, status: str = "SUCCEEDED", **more: Any) -> None:
        """Record the end of a deployment's build in CodeBuild."""
        self.ended[token] = {"buildStatus": status, **more}

    def _list_build_records(self) -> list[Mapping[str, Any]]:
        if self.has_forgotten_builds:
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
        if self.errors:
            raise self.errors.pop(0)
        self.stopped.append(id)
        return {"build": {"id": id}}

    def start_build(self, **arguments: Any) -> Mapping[str, Any]:
        if self.errors:
            raise self.errors.pop(0)
        if self.is_deleted:
            raise make_client_error("ResourceNotFoundException", "StartBuild", "no such project")
        token = arguments["idempotencyToken"]
        if token in self.refused_tokens:
            raise make_client_error("InvalidInputException", "StartBuild", "never")
        if self.builds.get(token, arguments) != arguments:
            text = "the token was used before with other parameters"
            raise make_client_error("InvalidInputException", "StartBuild", text)
        running = self.builds.keys() - self.ended.keys()
        if self.quota is not None and token not in running and len(running) >= self.quota:
            raise make_client_error("AccountLimitExceededException", "StartBuild", "too many builds")
        self.builds[token] = arguments
        return {"build": {"id": f"{arguments['projectName']}:build-of-{token}"}}


@define
class Logs:
    """A fake CloudWatch log stream. At the end of the stream, the forward token stays the same.

    Attributes:
        lines: The lines of the stream. None if the stream does not exist.
    """

    lines: list[str] | None = None
    requests: list[Mapping[str, Any]] = Factory(list)

    def get_log_events(self, **arguments: Any) -> Mapping[str, Any]:
        self.requests.append(arguments)
        if self.lines is None:
            raise make_client_error("ResourceNotFoundException", "GetLogEvents", "no such log stream")
        limit = arguments["limit"]
        first = int(arguments.get("nextToken", "f/0")[2:]) if arguments["startFromHead"] else -limit
        kept = self.lines[first:][:limit]
        return {
            "events": [{"timestamp": 1_500, "message": line + "\n"} for line in kept],
            "nextForwardToken": f"f/{first + len(kept)}",
        }


@define
class FunctionLogEvents:
    """A fake CloudWatch that filters the events of log groups.

    Attributes:
        groups: The events of each log group: time in Unix milliseconds, version of the function, message.
        page: Maximum number of events in a response.
        scanned: Number of events after which a response ends, even if few of them match.
        requests: The arguments of each call.
    """

    groups: dict[str, list[tuple[int, str, str]]] = Factory(dict)
    page: int = 10_000
    scanned: int = 10**6
    requests: list[Mapping[str, Any]] = Factory(list)

    def filter_log_events(self, **arguments: Any) -> Mapping[str, Any]:
        self.requests.append(arguments)
        group = arguments["logGroupName"]
        if group not in self.groups:
            raise make_client_error("ResourceNotFoundException", "FilterLogEvents", "no such log group")
        start, end = arguments["startTime"], arguments["endTime"]
        ordered = sorted(enumerate(self.groups[group]), key=lambda each: each[1][0])
        inside = [each for each in ordered if start <= each[1][0] <= end]
        first = int(arguments.get("nextToken", "0"))
        stop = first + min(self.scanned, self.page, arguments["limit"])
        terms = re.findall(r'"([^"]*)"', arguments.get("filterPattern", ""))
        events = [
            {
                "timestamp": at,
                "logStreamName": f"2026/01/31/[{version}]{number:032x}",
                "eventId": f"{group}-{number}",
                "message": message,
            }
            for number, (at, version, message) in inside[first:stop]
            if all(term in message for term in terms)
        ]
        more = {"nextToken": str(stop)} if stop < len(inside) else {}
        return {"events": events, **more}


@define
class LogsBucket:
    """A fake of the logs bucket.

    Attributes:
        objects: Content by key.
        error_code: Code of the error for a missing object.
    """

    objects: dict[str, bytes] = Factory(dict)
    error_code: str = "NoSuchKey"

    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]:  # noqa: N803 - AWS's own
        assert Bucket == LOGS_BUCKET
        if Key not in self.objects:
            raise make_client_error(self.error_code, "GetObject", "no")
        return {"Body": io.BytesIO(self.objects[Key])}


@define
class Clock:
    """A clock that advances by one second with each reading."""

    now: datetime = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now
