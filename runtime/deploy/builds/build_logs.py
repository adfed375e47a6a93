"""The log of a deployment's build, page by page, during and after the build.

Until CloudWatch deletes the log, the log is read from CloudWatch, which limits a page to 1 MB. After that, it
is read from the logs bucket, where CodeBuild stored a copy at the end of the build:
`logs/builds/<site>/<the build id>.gz`, plain text without times. `log_archive.py` returns as much of the copy
as its limits allow.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from attrs import evolve, field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.builds import log_archive
from runtime.deploy.builds.log_archive import MAX_LINE_LENGTH
from runtime.deploy.builds.site_log import select_site_text
from runtime.deploy.model import Deployment, Status
from runtime.shared.aws import AwsResponse, CloudWatchLogsClient
from runtime.shared.aws_errors import is_retryable, read_error_code
from runtime.shared.cursors import Cursors
from runtime.shared.errors import ConflictError, MalformedError, UnavailableError
from runtime.shared.pages import Page

DEFAULT_PAGE_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 500

_BUILD_NOT_ENDED: Final = frozenset({Status.QUEUED, Status.BUILDING})
_MAX_READS: Final = 5
_IN_SCRIPT: Final[Mapping[str, Any]] = {"inScript": {"S": "1"}}
"""Part of a position after a line of the platform's script."""
_START: Final[Mapping[str, Any]] = {"token": {"S": ""}}
# The checkout in the buildspec prints this line, before any code of the repository runs.
_COMMIT_LINE: Final = re.compile(r"==> Commit ([0-9a-f]{40}(?:[0-9a-f]{24})?) is the head of ")
_HEAD_LINES: Final = 2_000
_HEAD_PAGES: Final = 3


class ArchivedLogError(ConflictError):
    """The log is in a storage class that must be restored before it can be read."""

    def __init__(self, deployment_id: str) -> None:
        super().__init__(
            f"the build log of deployment {deployment_id} is archived:"
            " ask the operator of the platform to restore it, which takes hours"
        )


class LogObjects(Protocol):
    """The calls of the `s3` client on the logs bucket."""

    def get_object(self, *, Bucket: str, Key: str) -> AwsResponse: ...  # noqa: N803, D102 - AWS's own names


@frozen(kw_only=True)
class LogLine:
    """One line of a log.

    Attributes:
        at: Time of the line. None if the log comes from the archive.
        text: First 1,500 characters, without the line terminator.
    """

    at: datetime | None
    text: str


@frozen(kw_only=True)
class BuildLogs:
    """The service that reads build logs for tenants.

    Attributes:
        objects: Returns the client of the logs bucket. Only called if CloudWatch has no line of a log.
        bucket: Name of the logs bucket.
    """

    logs: CloudWatchLogsClient
    objects: Callable[[], LogObjects] = field(repr=False)
    bucket: str
    cursors: Cursors

    def read_page(self, deployment: Deployment, *, limit: int, cursor: str | None) -> Page[LogLine]:
        """Return a page of the site's lines in the log, oldest line first.

        Lines of CodeBuild and of the platform's script are left out (`site_log.py`). So a page can have fewer
        lines than `limit`, and this method reads up to `_MAX_READS` pages of the log for one page. Until the
        end of the build, each page has a cursor, and an empty page means that there are no new lines. After
        the end of the build, the page without a cursor is the last one.

        Args:
            deployment: A deployment of the user who asks.
            limit: Maximum number of lines.
            cursor: Cursor of the previous page.

        Raises:
            MalformedError: The cursor does not belong to this log.
            ArchivedLogError: The log must be restored first, which takes hours.
            UnavailableError: CloudWatch is throttled.
        """
        query = f"logs:deployment={deployment.deployment_id}"
        position = self.cursors.read(deployment.user_id, query, cursor) if cursor is not None else _START
        kept: list[LogLine] = []
        next_position: Mapping[str, Any] | None = position
        for _ in range(_MAX_READS):
            lines, following = self._read(deployment, position, limit)
            in_script = "inScript" in position
            for line in lines:
                text, in_script = select_site_text(line.text, in_script=in_script)
                if text is not None:
                    kept.append(evolve(line, text=text))
            next_position = {**following, **_IN_SCRIPT} if following and in_script else following
            if kept or not lines or next_position is None:
                break
            position = next_position
        return Page(
            items=tuple(kept),
            cursor=self.cursors.write(deployment.user_id, query, next_position) if next_position else None,
        )

    def _read(
        self, deployment: Deployment, position: Mapping[str, Any], limit: int
    ) -> tuple[tuple[LogLine, ...], Mapping[str, Any] | None]:
        is_growing = deployment.status in _BUILD_NOT_ENDED
        if deployment.build_id is None:
            return (), position if is_growing else None
        if "byte" in position:
            return self._read_archive(deployment, int(position["byte"]["N"]), limit)
        token: str = position["token"]["S"]
        answer = self._read_cloudwatch(deployment.build_id, token, limit)
        lines = tuple(_parse_log_line(event) for event in answer["events"]) if answer else ()
        if is_growing:
            return lines, _build_position(answer["nextForwardToken"]) if answer else position
        if not lines and not token:
            # CloudWatch has deleted the log, or only its lines, or the log was always empty.
            return self._read_archive(deployment, 0, limit)
        if answer is None:
            raise MalformedError("the log was archived in the meantime: omit the cursor to start again")
        # At the end of a stream, CloudWatch returns the same token that the request contained.
        is_end = answer["nextForwardToken"] == token
        return lines, None if is_end else _build_position(answer["nextForwardToken"])

    def _read_cloudwatch(self, build_id: str, token: str, limit: int) -> AwsResponse | None:
        """Return a page from CloudWatch, or None if the log stream does not exist."""
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
            if read_error_code(error) == "ResourceNotFoundException":
                return None
            if token and read_error_code(error) == "InvalidParameterException":
                raise MalformedError("the cursor has expired: omit it to start again") from error
            if is_retryable(error):
                raise UnavailableError(
                    "build logs are requested too often at the moment: try again"
                ) from error
            raise

    def _read_archive(
        self, deployment: Deployment, start: int, limit: int
    ) -> tuple[tuple[LogLine, ...], Mapping[str, Any] | None]:
        build = (deployment.build_id or "").rpartition(":")[2]
        try:
            answer = self.objects().get_object(
                Bucket=self.bucket, Key=f"logs/builds/{deployment.site}/{build}.gz"
            )
        except ClientError as error:
            if read_error_code(error) == "InvalidObjectState":
                raise ArchivedLogError(deployment.deployment_id) from error
            if read_error_code(error) != "NoSuchKey":
                raise
            return (), None  # the build ended before it wrote a line
        texts, next_byte = log_archive.read_page(answer["Body"], start=start, limit=limit)
        lines = tuple(LogLine(at=None, text=text) for text in texts)
        return lines, None if next_byte is None else {"byte": {"N": str(next_byte)}}


def find_commit(logs: CloudWatchLogsClient, *, group: str, stream: str) -> str | None:
    """Return the commit that the build of a branch's head has checked out.

    Only the first lines of the log are searched. The result is None if these lines do not contain the commit.
    """
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
            if found := _COMMIT_LINE.match(event["message"]):
                return found[1]
        if answer["nextForwardToken"] == token:
            break
        token = answer["nextForwardToken"]
    return None


def _parse_log_line(event: Mapping[str, Any]) -> LogLine:
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return LogLine(at=at, text=event["message"].rstrip("\r\n")[:MAX_LINE_LENGTH])


def _build_position(token: str) -> Mapping[str, Any]:
    return {"token": {"S": token}}
