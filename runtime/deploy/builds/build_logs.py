"""The log of a deployment's build, page by page: while it grows, and as long as it is kept (A2).

CloudWatch has it first; its pages end at 1 MB by themselves. Once that has forgotten it, there is the whole
log that CodeBuild put into the logs bucket when the build ended: `logs/builds/<site>/<the build id>.gz`,
plain text without times, of which `log_archive.py` shows as much as fits its bounds.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from attrs import field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.builds import log_archive
from runtime.deploy.builds.log_archive import LONGEST_LINE
from runtime.deploy.model import Deployment, Status
from runtime.shared.aws import AwsResponse, CloudWatchLogsClient
from runtime.shared.aws_errors import error_code, is_retryable
from runtime.shared.cursors import Cursors
from runtime.shared.errors import ConflictError, MalformedError, UnavailableError
from runtime.shared.pages import Page

PAGE: Final = 100
LARGEST_PAGE: Final = 500

_BEFORE_ITS_END: Final = frozenset({Status.QUEUED, Status.BUILDING})
_START: Final[Mapping[str, Any]] = {"token": {"S": ""}}
# What the buildspec's checkout says, before it runs anything of the repository's.
_COMMIT: Final = re.compile(r"==> Commit ([0-9a-f]{40}(?:[0-9a-f]{24})?) is the head of ")
_HEAD_LINES: Final = 2_000
_HEAD_PAGES: Final = 3


class ArchivedLogError(ConflictError):
    """The log has moved to storage that is not read at once."""

    def __init__(self, deployment_id: str) -> None:
        super().__init__(
            f"the build log of deployment {deployment_id} is archived:"
            " whoever runs the platform can restore it, which takes hours"
        )


class LogObjects(Protocol):
    """Calls of the `s3` client on the logs bucket."""

    def get_object(self, *, Bucket: str, Key: str) -> AwsResponse: ...  # noqa: N803, D102 - AWS's own names


@frozen(kw_only=True)
class LogLine:
    """One line of a log.

    Attributes:
        at: When it was written; absent once only the archive has it.
        text: Its first 1,500 characters, without the line's end.
    """

    at: datetime | None
    text: str


@frozen(kw_only=True)
class BuildLogs:
    """Reads the logs of builds for tenants.

    Attributes:
        objects: Returns the client of the logs bucket; called only once CloudWatch has forgotten a log.
        bucket: Name of the logs bucket.
    """

    logs: CloudWatchLogsClient
    objects: Callable[[], LogObjects] = field(repr=False)
    bucket: str
    cursors: Cursors

    def page(self, deployment: Deployment, *, limit: int, cursor: str | None) -> Page[LogLine]:
        """Return some of the log, oldest first.

        Until the build has ended every page has a cursor, and an empty page means: nothing new yet. After it,
        the page without a cursor is the last one.

        Args:
            deployment: Its owner is who asks.
            limit: Lines at most.
            cursor: From the page before.

        Raises:
            MalformedError: The cursor is not one of this log's.
            ArchivedLogError: Restoring the log takes hours.
            UnavailableError: CloudWatch is asked for too much at the moment.
        """
        query = f"logs:deployment={deployment.deployment_id}"
        position = self.cursors.read(deployment.user_id, query, cursor) if cursor is not None else _START
        lines, following = self._read(deployment, position, limit)
        return Page(
            items=lines,
            cursor=self.cursors.write(deployment.user_id, query, following) if following else None,
        )

    def _read(
        self, deployment: Deployment, position: Mapping[str, Any], limit: int
    ) -> tuple[tuple[LogLine, ...], Mapping[str, Any] | None]:
        grows = deployment.status in _BEFORE_ITS_END
        if deployment.build_id is None:
            return (), position if grows else None
        if "byte" in position:
            return self._archived(deployment, int(position["byte"]["N"]), limit)
        token: str = position["token"]["S"]
        answer = self._events(deployment.build_id, token, limit)
        lines = tuple(_line(event) for event in answer["events"]) if answer else ()
        if grows:
            return lines, _at(answer["nextForwardToken"]) if answer else position
        if not lines and not token:
            # Forgotten by CloudWatch, which may keep the empty stream; or there never was a line.
            return self._archived(deployment, 0, limit)
        if answer is None:
            raise MalformedError("the log has been archived since: leave the cursor away to start anew")
        # At the end CloudWatch returns the token that it was given.
        is_end = answer["nextForwardToken"] == token
        return lines, None if is_end else _at(answer["nextForwardToken"])

    def _events(self, build_id: str, token: str, limit: int) -> AwsResponse | None:
        """Return CloudWatch's page; None if it has no such stream (yet, or any more)."""
        project, _, build = build_id.partition(":")
        try:
            return self.logs.get_log_events(
                logGroupName=f"/aws/codebuild/{project}",
                logStreamName=build,
                limit=limit,
                startFromHead=True,
                **({"nextToken": token} if token else {}),
            )
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            if token and error_code(error) == "InvalidParameterException":
                raise MalformedError("the cursor is too old: leave it away to start anew") from error
            if is_retryable(error):
                raise UnavailableError(
                    "build logs are asked for too often at the moment: try again"
                ) from error
            raise

    def _archived(
        self, deployment: Deployment, start: int, limit: int
    ) -> tuple[tuple[LogLine, ...], Mapping[str, Any] | None]:
        build = (deployment.build_id or "").rpartition(":")[2]
        try:
            answer = self.objects().get_object(
                Bucket=self.bucket, Key=f"logs/builds/{deployment.site}/{build}.gz"
            )
        except ClientError as error:
            if error_code(error) == "InvalidObjectState":
                raise ArchivedLogError(deployment.deployment_id) from error
            if error_code(error) != "NoSuchKey":
                raise
            return (), None  # a build that ended before it could write anything
        texts, following = log_archive.page(answer["Body"], start=start, limit=limit)
        lines = tuple(LogLine(at=None, text=text) for text in texts)
        return lines, None if following is None else {"byte": {"N": str(following)}}


def commit_found(logs: CloudWatchLogsClient, *, group: str, stream: str) -> str | None:
    """Return the commit that the build of a branch's head has built; None if it did not come that far."""
    token = ""
    for _ in range(_HEAD_PAGES):
        answer = logs.get_log_events(
            logGroupName=group,
            logStreamName=stream,
            limit=_HEAD_LINES,
            startFromHead=True,
            **({"nextToken": token} if token else {}),
        )
        for event in answer["events"]:
            if said := _COMMIT.match(event["message"]):
                return said[1]
        if answer["nextForwardToken"] == token:
            break
        token = answer["nextForwardToken"]
    return None


def _line(event: Mapping[str, Any]) -> LogLine:
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return LogLine(at=at, text=event["message"].rstrip("\r\n")[:LONGEST_LINE])


def _at(token: str) -> Mapping[str, Any]:
    return {"token": {"S": token}}
