"""The run-time log of a site, page by page, for the owner of its project.

The messages come from the log group of one function of the site. CloudWatch allows few calls of
FilterLogEvents per second and account, so a page reads one log group, with at most `_MAX_READS` calls. While
a page continues inside a scan of CloudWatch, the cursor contains CloudWatch's token. In all other cases, the
cursor contains a time, and the identifiers of the messages that were returned since that time.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from attrs import define, field, frozen
from botocore.exceptions import ClientError

from runtime.deploy.function_logs.lines import FunctionMessage, parse_message
from runtime.deploy.model import Deployment, Project, Site
from runtime.shared.aws import FunctionLogsClient
from runtime.shared.aws_errors import is_retryable, read_error_code
from runtime.shared.clock import Clock
from runtime.shared.cursors import Cursors
from runtime.shared.errors import ConflictError, MalformedError, UnavailableError

DEFAULT_PAGE_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 500
DEFAULT_PERIOD: Final = timedelta(hours=1)
"""The time before the request at which the log begins, if the request has no start."""

LEVELS: Final = ("DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN")

_MAX_READS: Final = 4
_TIME_FOR_READS: Final = timedelta(seconds=6)
_MAX_EVENTS: Final = 10_000  # in one response of CloudWatch
# Lambda sends messages to CloudWatch with a delay, and the processes of a function have different delays. So
# the last seconds are read again with the next page.
_MAX_DELAY_MS: Final = 10_000
_MAX_SEEN: Final = 500
_SEEN_BYTES: Final = 6
# One character can take 14 bytes of Lambda's response, which has at most 6 MB.
_MAX_PAGE_LENGTH: Final = 400_000
_VERSION_IN_STREAM: Final = re.compile(r"\[(\d+)\]")
# Text that means the same in a filter pattern of CloudWatch. Other text is only compared here.
_PLAIN_TEXT: Final = re.compile(r"[A-Za-z0-9_.:/ -]+")


class SiteFunction(StrEnum):
    """A function of a site."""

    SERVER = "server"
    IMAGE = "image"
    REVALIDATION = "revalidation"


@frozen(kw_only=True)
class LogFilter:
    """The messages that a user asks for.

    Attributes:
        since: Start of the log. None for `DEFAULT_PERIOD` before the request.
        until: End of the log, exclusive. None follows the log.
        deployment_id: Only messages of this deployment's release.
        request_id: Only messages that were written during this request.
        levels: Only messages with one of these levels. If empty, all messages.
        text: Only messages that contain this text.
    """

    function: SiteFunction = SiteFunction.SERVER
    since: datetime | None = None
    until: datetime | None = None
    deployment_id: str | None = None
    request_id: str | None = None
    levels: tuple[str, ...] = ()
    text: str | None = None

    def describe(self) -> str:
        """Return a text that identifies the filter, for the signature of cursors."""
        times = tuple(time and time.isoformat() for time in (self.since, self.until))
        return repr(
            (self.function.value, *times, self.deployment_id, self.request_id, self.levels, self.text)
        )

    def accepts(self, message: FunctionMessage) -> bool:
        """Return whether a message has the wanted level, request and text."""
        return (
            (not self.levels or message.level in self.levels)
            and (self.request_id is None or message.request_id == self.request_id)
            and (self.text is None or self.text in message.text)
        )

    def build_pattern(self) -> str:
        """Return a filter pattern of CloudWatch that matches at least the wanted messages. Empty for all."""
        texts = [text for text in (self.request_id, self.text) if text and _PLAIN_TEXT.fullmatch(text)]
        return " ".join(f'"{text}"' for text in texts)


@frozen(kw_only=True)
class FunctionLogLine:
    """One message of a function.

    Attributes:
        level: None for text that the site wrote to the standard output directly.
        deployment_id: The deployment whose release wrote the message. None if it is unknown.
    """

    at: datetime
    level: str | None
    request_id: str | None
    deployment_id: str | None
    text: str


@frozen(kw_only=True)
class FunctionLogPage:
    """A page of a run-time log.

    Attributes:
        cursor: Continues the log. None at the end of a log with an end.
        is_up_to_date: Whether there are no more messages at the moment.
    """

    lines: tuple[FunctionLogLine, ...]
    cursor: str | None
    is_up_to_date: bool


@frozen
class _Event:
    """A message as CloudWatch stores it."""

    at_ms: int
    identifier: bytes
    version: str
    text: str


@frozen(kw_only=True)
class _Position:
    """Where a page begins.

    Attributes:
        start_ms: Start of the scan, Unix milliseconds.
        end_ms: End of the scan that `token` continues.
        token: CloudWatch's token. None begins a new scan.
        seen: Short hashes of messages since `start_ms` that were returned before, oldest first.
    """

    start_ms: int
    end_ms: int | None = None
    token: str | None = None
    seen: tuple[bytes, ...] = ()

    def to_attributes(self) -> dict[str, Any]:
        ends = {"end": {"N": str(self.end_ms)}} if self.end_ms is not None else {}
        tokens = {"token": {"S": self.token}} if self.token else {}
        return {"start": {"N": str(self.start_ms)}, "seen": {"B": b"".join(self.seen)}, **ends, **tokens}

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> "_Position":
        seen: bytes = attributes["seen"]["B"]
        return cls(
            start_ms=int(attributes["start"]["N"]),
            end_ms=int(attributes["end"]["N"]) if "end" in attributes else None,
            token=attributes["token"]["S"] if "token" in attributes else None,
            seen=tuple(seen[at : at + _SEEN_BYTES] for at in range(0, len(seen), _SEEN_BYTES)),
        )


class NoReleaseError(ConflictError):
    """The deployment has no release, so no function belongs to it."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(
            f"deployment {deployment.deployment_id} has no release, so its functions have no log;"
            " if it failed, its failure has the last lines"
        )


@frozen
class _Releases:
    """The versions of one function of a site, by release.

    Attributes:
        deployments: Id of the deployment to which a version belongs. Versions of several releases are left
            out. That happens to the revalidation function, whose code seldom changes.
        wanted: Versions whose messages are returned. None for all.
    """

    deployments: Mapping[str, str]
    wanted: frozenset[str] | None

    @classmethod
    def from_deployments(
        cls, deployments: Iterable[Deployment], wanted: Deployment | None, function: SiteFunction
    ) -> "_Releases":
        owners: dict[str, set[str]] = {}
        for deployment in deployments:
            for version in _list_versions(deployment, function):
                owners.setdefault(version, set()).add(deployment.deployment_id)
        return cls(
            {version: found.pop() for version, found in owners.items() if len(found) == 1},
            frozenset(_list_versions(wanted, function)) if wanted else None,
        )


def _list_versions(deployment: Deployment, function: SiteFunction) -> Sequence[str]:
    release = deployment.release
    if release is None:
        return ()
    match function:
        case SiteFunction.SERVER:
            return (release.server_version, *(release.split_versions or ()))
        case SiteFunction.IMAGE:
            return (release.image_version,)
        case SiteFunction.REVALIDATION:
            return (release.revalidation_version,) if release.revalidation_version else ()


@frozen(kw_only=True)
class FunctionLogs:
    """The service that reads the run-time logs of sites for tenants."""

    logs: FunctionLogsClient
    cursors: Cursors
    clock: Clock

    def read_page(  # noqa: PLR0913 - what a page depends on
        self,
        project: Project,
        site: Site,
        wanted: LogFilter,
        *,
        deployments: Iterable[Deployment],
        limit: int,
        cursor: str | None,
    ) -> FunctionLogPage:
        """Return a page of the wanted messages, oldest first.

        A page can have fewer lines than `limit`, or none, although more messages follow: then
        `is_up_to_date` is false. Messages from before the creation of the project are never returned, because
        another project can have used the site then.

        Args:
            project: A project of the user who asks.
            site: The project's site.
            wanted: The messages that the user asks for.
            deployments: Newest deployments of the project. The wanted deployment is one of them.
            limit: Maximum number of lines.
            cursor: Cursor of the previous page.

        Raises:
            MalformedError: The cursor does not belong to this log.
            NoReleaseError: The wanted deployment has no release.
            UnavailableError: CloudWatch is throttled.
        """
        query = f"function-logs:project={project.project_id}:{wanted.describe()}"
        position = (
            _Position.from_attributes(self.cursors.read(project.user_id, query, cursor))
            if cursor is not None
            else self._find_start(project, wanted)
        )
        page = _Page(wanted=wanted, releases=_find_releases(deployments, wanted), limit=limit)
        began = self.clock()
        following: _Position | None = position
        for _ in range(_MAX_READS):
            following = self._read(site, page, position)
            if following is None or page.is_full or page.is_up_to_date:
                break
            position = following
            if self.clock() - began > _TIME_FOR_READS:
                break
        return FunctionLogPage(
            lines=tuple(page.lines),
            cursor=self.cursors.write(project.user_id, query, following.to_attributes())
            if following
            else None,
            is_up_to_date=page.is_up_to_date,
        )

    def _find_start(self, project: Project, wanted: LogFilter) -> _Position:
        since = wanted.since or self.clock() - DEFAULT_PERIOD
        return _Position(start_ms=_to_milliseconds(max(since, project.created_at)))

    def _read(self, site: Site, page: "_Page", position: _Position) -> _Position | None:
        """Add the messages of one response of CloudWatch to the page. Return where the next one begins."""
        now_ms = _to_milliseconds(self.clock())
        until_ms = _to_milliseconds(page.wanted.until) if page.wanted.until else None
        end_ms = position.end_ms or min(now_ms, until_ms or now_ms)
        events, token = self._filter_events(site, page.wanted, position, end_ms)
        for event in events:
            if event.identifier not in position.seen and not page.add(event):
                at_once = page.list_identifiers(since_ms=event.at_ms)
                if len(at_once) >= _MAX_SEEN:  # the cursor cannot contain more identifiers
                    return _Position(start_ms=event.at_ms + 1)
                return _Position(start_ms=event.at_ms, seen=(*position.seen, *at_once)[-_MAX_SEEN:])
        # If a later page ends among messages of the same time, it begins again at this time.
        last_ms = min(events[-1].at_ms, end_ms - _MAX_DELAY_MS) if events else end_ms
        seen = (*position.seen, *page.list_identifiers(since_ms=last_ms))
        seen = tuple(dict.fromkeys(seen))[-_MAX_SEEN:]
        if token:
            return _Position(start_ms=position.start_ms, end_ms=end_ms, token=token, seen=seen)
        page.is_up_to_date = True
        if until_ms is not None and until_ms + _MAX_DELAY_MS <= now_ms:
            return None
        return _Position(start_ms=max(position.start_ms, end_ms - _MAX_DELAY_MS), seen=seen)

    def _filter_events(
        self, site: Site, wanted: LogFilter, position: _Position, end_ms: int
    ) -> tuple[list["_Event"], str | None]:
        """Return the messages of one response of CloudWatch, and the token of the next response."""
        pattern = wanted.build_pattern()
        try:
            answer = self.logs.filter_log_events(
                logGroupName=f"/aws/lambda/{_find_function_name(site, wanted.function)}",
                startTime=position.start_ms,
                endTime=end_ms,
                limit=_MAX_EVENTS,
                **({"filterPattern": pattern} if pattern else {}),
                **({"nextToken": position.token} if position.token else {}),
            )
        except ClientError as error:
            code = read_error_code(error)
            if code == "ResourceNotFoundException":
                return [], None
            if position.token and code == "InvalidParameterException":
                raise MalformedError("the cursor has expired: omit it to start again") from error
            if is_retryable(error):
                raise UnavailableError("logs are requested too often at the moment: try again") from error
            raise
        return [_parse_event(event) for event in answer["events"]], answer.get("nextToken")


@define
class _Page:
    """The lines of a page, while the page is read."""

    wanted: LogFilter
    releases: _Releases
    limit: int
    is_up_to_date: bool = False
    is_full: bool = False
    lines: list[FunctionLogLine] = field(factory=list)
    _added: list[_Event] = field(factory=list)
    _length: int = 0

    def list_identifiers(self, *, since_ms: int) -> tuple[bytes, ...]:
        """Return the identifiers of the added events since a time, oldest first."""
        return tuple(event.identifier for event in self._added if event.at_ms >= since_ms)

    def add(self, event: _Event) -> bool:
        """Add an event if it is wanted. Return false if the page has no place for it."""
        if self.releases.wanted is not None and event.version not in self.releases.wanted:
            return True
        message = parse_message(event.text)
        if message is None or not message.text.strip() or not self.wanted.accepts(message):
            return True
        self._length += len(message.text)
        if len(self.lines) == self.limit or (self.lines and self._length > _MAX_PAGE_LENGTH):
            self.is_full = True
            return False
        self._added.append(event)
        self.lines.append(
            FunctionLogLine(
                at=datetime.fromtimestamp(event.at_ms / 1000, UTC),
                level=message.level,
                request_id=message.request_id,
                deployment_id=self.releases.deployments.get(event.version),
                text=message.text,
            )
        )
        return True


def _find_releases(deployments: Iterable[Deployment], wanted: LogFilter) -> _Releases:
    known = tuple(deployments)
    found = next((each for each in known if each.deployment_id == wanted.deployment_id), None)
    if found is not None and found.release is None:
        raise NoReleaseError(found)
    return _Releases.from_deployments(known, found, wanted.function)


def _find_function_name(site: Site, function: SiteFunction) -> str:
    match function:
        case SiteFunction.SERVER:
            return site.server_function
        case SiteFunction.IMAGE:
            return site.image_function
        case SiteFunction.REVALIDATION:
            return site.revalidation_function


def _parse_event(event: Mapping[str, Any]) -> _Event:
    version = _VERSION_IN_STREAM.search(event["logStreamName"])
    return _Event(
        at_ms=event["timestamp"],
        identifier=hashlib.sha256(event["eventId"].encode()).digest()[:_SEEN_BYTES],
        version=version[1] if version else "",
        text=event["message"],
    )


def _to_milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
