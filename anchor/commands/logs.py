"""The command that prints a log, and waits for the end of a deployment."""

from collections.abc import Callable, Iterator
from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.commands.runtime_logs import RuntimeLogs, RuntimeOptions, require_no_options
from anchor.errors import CommandError, format_command
from anchor.escaping import escape_log
from anchor.formatting import UNFINISHED
from anchor.references import References
from anchor.terminal import AsJson, Deployment, Terminal, indent_continuation_lines

_POLL_SECONDS: Final = 2.0
_PAGE_SIZE: Final = 500  # lines in one response
_INDENT: Final = 2  # spaces
_SUCCEEDED: Final = frozenset({"live", "retired", "ready"})


@frozen(kw_only=True)
class Logs:
    """The command that prints a build log or a run-time log.

    Attributes:
        terminal: The API client, the input and the output.
        references: The deployments that the user names.
    """

    terminal: Terminal
    references: References

    def logs(
        self,
        deployment: Deployment = None,
        /,
        *,
        follow: Annotated[
            bool,
            Parameter(
                negative="",
                help="Follow the build, and wait until the deployment is live. With --runtime: wait for new"
                " lines.",
            ),
        ] = False,
        runtime: Annotated[
            bool,
            Parameter(
                negative="",
                help="Print what the functions of the site write, instead of the build log. Name a project"
                " or a deployment.",
            ),
        ] = False,
        options: RuntimeOptions | None = None,
        as_json: AsJson = False,
    ) -> None:
        """Print the build log of a deployment, or with --runtime the run-time log of a site.

        Without --follow, only the lines that already exist are printed.
        """
        if runtime:
            reader = RuntimeLogs(terminal=self.terminal, references=self.references)
            reader.print_log(deployment, options or RuntimeOptions(), follow=follow, as_json=as_json)
            return
        require_no_options(options)
        deployment_id = self.references.find_deployment_id(deployment)
        if as_json:
            self._print_log_as_json(deployment_id, follow=follow)
        elif follow:
            self.print_result(self.follow(deployment_id, self.terminal.print_log))
        else:
            for page in self._iterate_pages(deployment_id):
                self._print_lines(page, self.terminal.print_log)
                if not page["lines"]:
                    return

    def follow(self, deployment_id: str, write: Callable[[str], None]) -> Json:
        """Write the build log of a deployment, wait until the deployment has ended, and return it.

        If the user interrupts the command, it prints how to continue.

        Args:
            deployment_id: The deployment.
            write: Writes a line of the log.
        """
        try:
            for page in self._iterate_pages(deployment_id):
                self._print_lines(page, write)
                if not page["lines"] and page["cursor"] is not None:
                    self.terminal.pause(_POLL_SECONDS)
            return self._wait_until_ended(deployment_id)
        except KeyboardInterrupt:
            self.terminal.print_message(
                f"\nthe deployment continues: `{format_command('logs', deployment_id, '--follow')}`"
                f" follows it again, `{format_command('cancel', deployment_id)}` stops it"
            )
            raise

    def print_result(self, deployment: Json) -> None:
        """Print how a deployment ended.

        Raises:
            CommandError: The deployment failed, was cancelled or was superseded.
        """
        require_success(deployment)
        status, deployment_id = deployment["status"], deployment["deploymentId"]
        self.terminal.print(f"{status}: {deployment['url']}")
        print_warnings(self.terminal, deployment)
        if status == "ready":
            self.terminal.print(
                "the project is pinned to another release:"
                f" `{format_command('promote', deployment_id)}` makes this one live"
            )

    def _print_log_as_json(self, deployment_id: str, *, follow: bool) -> None:
        lines: list[Json] = []
        cursor: str | None = None
        for page in self._iterate_pages(deployment_id):
            lines += page["lines"]
            cursor = page["cursor"]
            if not page["lines"] and cursor is not None:
                if not follow:
                    break
                self.terminal.pause(_POLL_SECONDS)
        self.terminal.print_json({"lines": lines, "cursor": cursor})
        if follow:
            require_success(self._wait_until_ended(deployment_id))

    def _iterate_pages(self, deployment_id: str) -> Iterator[Json]:
        """Yield the pages of the log until its end. If there are no new lines yet, a page is empty."""
        cursor: str | None = None
        while True:
            query = {"limit": _PAGE_SIZE, "cursor": cursor}
            page = self.terminal.client.call("GET", "deployments", deployment_id, "logs", query=query)
            yield page
            cursor = page["cursor"]
            if cursor is None:
                return

    def _print_lines(self, page: Json, write: Callable[[str], None]) -> None:
        for line in page["lines"]:
            write(line["text"])

    def _wait_until_ended(self, deployment_id: str) -> Json:
        while True:
            answer = self.terminal.client.call("GET", "deployments", deployment_id)
            if answer["status"] not in UNFINISHED:
                return answer
            self.terminal.pause(_POLL_SECONDS)


def require_success(deployment: Json) -> None:
    """Raise an error if an ended deployment has no release.

    Raises:
        CommandError: The deployment failed, was cancelled or was superseded.
    """
    if deployment["status"] not in _SUCCEEDED:
        raise CommandError(describe_failure(deployment))


def print_warnings(terminal: Terminal, deployment: Json) -> None:
    """Print the warnings of a release, such as pages that failed in its smoke test."""
    for warning in deployment.get("warnings", ()):
        terminal.print(indent_continuation_lines(f"warning: {warning}", _INDENT))


def describe_failure(deployment: Json) -> str:
    """Return why a deployment is not live, with the last lines of its build log or of the failed function."""
    failure = deployment.get("failure")
    if failure is None:
        reason = deployment.get("statusReason", "the deployment has ended without a release")
        return f"{deployment['status']}: {reason}"
    lines = [f"{deployment['status']} at {failure['step']}: {failure['reason']}"]
    if failure.get("advice"):
        lines.append(f"what to do: {failure['advice']}")
    lines += [escape_log(line, colors=False) for line in failure["logTail"]]
    return indent_continuation_lines("\n".join(lines), _INDENT)
