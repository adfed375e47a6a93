"""The run-time log of a site: options and output of `anchor logs --runtime`."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

from attrs import asdict, frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.errors import CommandError, RequestRefusedError
from anchor.references import References
from anchor.terminal import Terminal, indent_continuation_lines

_POLL_SECONDS: Final = 2.0
_BUSY_SECONDS: Final = 5.0
_BUSY: Final = frozenset({429, 503})
_PAGE_SIZE: Final = 500  # messages in one response
_INDENT: Final = 4  # spaces
_DURATION: Final = re.compile(r"([1-9]\d{0,5})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@Parameter(name="*")
@frozen(kw_only=True)
class RuntimeOptions:
    """Options of the run-time log."""

    since: Annotated[
        str | None, Parameter(help="Start of the log: a time, or a duration such as `10m`. Default: `1h`.")
    ] = None
    until: Annotated[str | None, Parameter(help="End of the log: a time, or a duration such as `5m`.")] = None
    function: Annotated[str | None, Parameter(help="`server` (default), `image` or `revalidation`.")] = None
    deployment: Annotated[str | None, Parameter(help="Only messages of the release of this deployment.")] = (
        None
    )
    request: Annotated[
        str | None, Parameter(help="Only messages of this request, by its `x-amzn-RequestId`.")
    ] = None
    level: Annotated[
        str | None, Parameter(help="Only messages with one of these levels, such as `ERROR,WARN`.")
    ] = None
    text: Annotated[str | None, Parameter(help="Only messages that contain this text.")] = None


@frozen(kw_only=True)
class RuntimeLogs:
    """The reader and printer of run-time logs.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects and deployments that the user names.
    """

    terminal: Terminal
    references: References

    def print_log(
        self, reference: str | None, options: RuntimeOptions, *, follow: bool, as_json: bool
    ) -> None:
        """Print the run-time log of a project, or of the release of a deployment.

        Args:
            reference: The project or the deployment that the user names.
            options: The messages that the user asks for.
            follow: Whether to wait for new messages, until the user interrupts the command.
            as_json: Whether to print JSON: one document or, if the log is followed, one for each message.

        Raises:
            CommandError: A time is invalid, or the API refuses the request.
        """
        project_id, query = self._build_query(reference, options)
        lines: list[Json] = []
        cursor: str | None = None
        for page in self._iterate_pages(project_id, query, follow=follow):
            cursor = page["cursor"]
            for line in page["lines"]:
                if not as_json:
                    self.terminal.print_log(format_line(line))
                elif follow:
                    self.terminal.print_json(line)
                else:
                    lines.append(line)
        if as_json and not follow:
            self.terminal.print_json({"lines": lines, "cursor": cursor})

    def _build_query(self, reference: str | None, options: RuntimeOptions) -> tuple[str, Json]:
        """Return the id of the project, and the query parameters."""
        deployment_id = options.deployment
        named = None if reference is None else self._find_deployment(reference)
        if named is not None:
            project_id = named["projectId"]
            deployment_id = deployment_id or named["deploymentId"]
        else:
            project_id = self.references.find_project_id(reference)
        now = self.terminal.client.now()
        return project_id, {
            "function": options.function,
            "since": _parse_time("--since", options.since, now),
            "until": _parse_time("--until", options.until, now),
            "deploymentId": deployment_id.upper() if deployment_id else None,
            "requestId": options.request,
            "level": options.level.upper() if options.level else None,
            "text": options.text,
            "limit": _PAGE_SIZE,
        }

    def _find_deployment(self, reference: str) -> Json | None:
        """Return the deployment, or None if the reference does not name a deployment."""
        deployment_id = self.references.parse_deployment_id(reference)
        if deployment_id is None:
            return None
        try:
            return self.terminal.client.call("GET", "deployments", deployment_id)
        except RequestRefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None  # the id can be that of a project

    def _iterate_pages(self, project_id: str, query: Json, *, follow: bool) -> Iterator[Json]:
        cursor: str | None = None
        while True:
            try:
                page = self.terminal.client.call(
                    "GET", "projects", project_id, "logs", query={**query, "cursor": cursor}
                )
            except RequestRefusedError as error:
                if not follow or error.status not in _BUSY:
                    raise
                self.terminal.pause(_BUSY_SECONDS)
                continue
            yield page
            cursor = page["cursor"]
            if cursor is None or (page["isUpToDate"] and not follow):
                return
            if page["isUpToDate"]:
                self.terminal.pause(_POLL_SECONDS)


def require_no_options(options: RuntimeOptions | None) -> None:
    """Raise an error if the user gives an option of the run-time log without `--runtime`.

    Raises:
        CommandError: An option is given.
    """
    given = [name for name, value in asdict(options).items() if value is not None] if options else []
    if given:
        raise CommandError(f"--{given[0]} is an option of the run-time log: add --runtime")


def format_line(line: Json) -> str:
    """Return a message with its time and level. Its further lines are indented."""
    text = f"{line['at']} {line['level'] or '-':<5} {line['text']}"
    return indent_continuation_lines(text, _INDENT)


def _parse_time(option: str, text: str | None, now: float) -> str | None:
    """Return a time of the API, from a time or from a duration before now."""
    if text is None:
        return None
    at: Any
    if found := _DURATION.fullmatch(text):
        at = datetime.fromtimestamp(now, UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    else:
        try:
            at = datetime.fromisoformat(text).astimezone()  # a time without a zone is a local one
        except (ValueError, OverflowError):
            raise CommandError(
                f"{option}: {text} is neither a duration such as 10m or 2h, nor a time such as"
                " 2026-01-31T09:30:00Z"
            ) from None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
