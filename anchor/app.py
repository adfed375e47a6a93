"""The command line application with all commands."""

from typing import Final

from cyclopts import App

from anchor.commands.account import Account
from anchor.commands.audit import Audit
from anchor.commands.completion import Completion
from anchor.commands.deploy import Deploy
from anchor.commands.deployments import Deployments
from anchor.commands.inspect import Inspect
from anchor.commands.keys import Keys
from anchor.commands.links import Links
from anchor.commands.logs import Logs
from anchor.commands.projects import Projects
from anchor.commands.releases import Releases
from anchor.commands.sites import Sites
from anchor.commands.variables import Variables
from anchor.references import References
from anchor.terminal import Terminal
from anchor.version import read_version

NAME: Final = "anchor"


def build_app(terminal: Terminal) -> App:
    """Return the command line application.

    Args:
        terminal: The API client, the input and the output of the commands.
    """
    references = References(terminal=terminal)
    account = Account(terminal=terminal)
    sites = Sites(terminal=terminal, references=references)
    links = Links(terminal=terminal, references=references)
    logs = Logs(terminal=terminal, references=references)
    deployments = Deployments(terminal=terminal, references=references)
    releases = Releases(terminal=terminal, references=references)
    app = App(
        name=NAME,
        help="Deploy Next.js sites as a user of the platform.",
        version=read_version,
        version_flags=["--version"],
        suppress_keyboard_interrupt=False,  # `main` returns the exit status
    )
    for command in (account.login, account.logout, account.whoami):
        app.command(command)
    app.command(sites.list, name="sites")
    projects = Projects(terminal=terminal, references=references)
    app.command(_build_projects_app(projects, Keys(terminal=terminal, references=references)))
    for command in (links.link, links.unlink):
        app.command(command)
    app.command(Deploy(terminal=terminal, references=references, logs=logs).deploy)
    app.command(deployments.list, name="deployments")
    app.command(deployments.show, name="deployment")
    app.command(Inspect(terminal=terminal, references=references).inspect)
    for command in (logs.logs, deployments.cancel, releases.promote, releases.rollback, releases.unpin):
        app.command(command)
    app.command(Audit(terminal=terminal, references=references).audit)
    app.command(sites.open)
    app.command(_build_variables_app(Variables(terminal=terminal, references=references)))
    app.command(Completion(terminal=terminal, app=app).completion)
    return app


def _build_projects_app(projects: Projects, keys: Keys) -> App:
    group = App(
        name="projects",
        help="Manage projects. A project deploys a branch of a repository to a site.",
        version_flags=[],
    )
    for command in (projects.list, projects.show, projects.create, projects.update, projects.delete):
        group.command(command)
    key_group = App(
        name="key",
        help="Manage the deploy key of a project, with which builds fetch a private repository.",
        version_flags=[],
    )
    for command in (keys.create, keys.show, keys.rotate, keys.remove, keys.trust):
        key_group.command(command)
    group.command(key_group)
    return group


def _build_variables_app(variables: Variables) -> App:
    group = App(name="env", help="Manage the environment variables of a project.", version_flags=[])
    for command in (variables.list, variables.set, variables.unset, variables.pull):
        group.command(command)
    return group
