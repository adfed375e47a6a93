"""The command that deploys a commit or a branch."""

from typing import Annotated

from attrs import frozen
from cyclopts import Parameter

from anchor.client import Json
from anchor.commands.deployments import print_deployment
from anchor.commands.logs import Logs, require_success
from anchor.errors import RequestRefusedError, UsageError, format_command
from anchor.formatting import describe_commit, format_age, shorten_sha
from anchor.references import References
from anchor.terminal import AsJson, Project, Terminal


@frozen(kw_only=True)
class Deploy:
    """The command that deploys a commit or a branch.

    Attributes:
        terminal: The API client, the input and the output.
        references: The projects that the user names.
        logs: Follows the deployment.
    """

    terminal: Terminal
    references: References
    logs: Logs

    def deploy(  # noqa: PLR0913 - the options of the command
        self,
        project: Project = None,
        /,
        *,
        branch: Annotated[
            str | None,
            Parameter(
                help="Deploy the head of this branch. A branch other than the project's needs --production."
            ),
        ] = None,
        commit: Annotated[str | None, Parameter(help="Deploy this commit (full SHA).")] = None,
        message: Annotated[
            str | None, Parameter(help="Text to show in lists, in place of the commit's message.")
        ] = None,
        production: Annotated[
            bool,
            Parameter(negative="", help="Deploy to the site, even if the branch is not the project's."),
        ] = False,
        follow: Annotated[
            bool, Parameter(negative="", help="Print the build log and wait until the deployment is live.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        """Deploy a commit or the head of a branch. Default: the head of the project's branch."""
        client = self.terminal.client
        project_id = self.references.find_project_id(project)
        answer = client.call("GET", "projects", project_id)
        if branch is not None and branch != answer["branch"]:
            plan = self._describe_plan(answer, branch, commit)
            if not production:
                words = _list_options(branch, commit, message, follow=follow, as_json=as_json)
                command = format_command("deploy", project or project_id, *words, "--production")
                raise UsageError(
                    f"{branch!r} is not the branch of {answer['name']!r} ({answer['branch']!r}), so its"
                    f" deployment needs --production:\n{plan}\nTo do this: `{command}`"
                )
            self._print_note(plan, as_json=as_json)
        if branch is None and commit is None:
            branch = answer["branch"]
        source = {"branch": branch, "commitSha": commit, "message": message}
        body = {name: value for name, value in source.items() if value is not None}
        deployment = client.call("POST", "projects", project_id, "deployments", body=body)
        if answer["pinned"]:
            self._print_note(
                f"{answer['name']} is pinned, so this deployment will not replace the live release:"
                f" `{format_command('unpin', project_id)}` lets new deployments go live again",
                as_json=as_json,
            )
        if not follow:
            print_deployment(self.terminal, deployment, as_json=as_json)
            return
        self._follow(deployment, as_json=as_json)

    def _follow(self, deployment: Json, *, as_json: bool) -> None:
        """Print the log until the deployment has ended. With `as_json`, print only the ended deployment."""
        deployment_id = deployment["deploymentId"]
        if not as_json:
            print_deployment(self.terminal, deployment, as_json=False)
            self.logs.print_result(self.logs.follow(deployment_id, self.terminal.print_log))
            return
        ended = self.logs.follow(deployment_id, self.terminal.print_message)
        self.terminal.print_json(ended)
        require_success(ended)

    def _describe_plan(self, project: Json, branch: str, commit: str | None) -> str:
        """Return two lines: what is live now, and what will be."""
        live = project["live"]
        now = "nothing"
        if live is not None:
            try:
                deployment = self.terminal.client.call("GET", "deployments", live["deploymentId"])
            except RequestRefusedError:
                now = live["deploymentId"]
            else:
                age = format_age(deployment["createdAt"], self.terminal.client.now())
                now = f"{describe_commit(deployment)} ({age} ago)"
        wanted = f"commit {shorten_sha(commit)} as branch {branch}" if commit else f"the head of {branch}"
        if project["pinned"]:
            wanted = f"the same, because {project['name']} is pinned; {wanted} becomes ready"
        return f"  live now: {now}\n  will be:  {wanted}"

    def _print_note(self, text: str, *, as_json: bool) -> None:
        if as_json:
            self.terminal.print_message(text)
        else:
            self.terminal.print(text)


def _list_options(
    branch: str, commit: str | None, message: str | None, *, follow: bool, as_json: bool
) -> list[str]:
    words = ["--branch", branch]
    if commit is not None:
        words += ["--commit", commit]
    if message is not None:
        words += ["--message", message]
    words += ["--follow"] * follow
    words += ["--json"] * as_json
    return words
