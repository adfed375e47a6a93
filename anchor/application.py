"""All commands together."""

from cyclopts import App

from anchor.account import Account
from anchor.deployments import Deployments
from anchor.projects import Projects
from anchor.terminal import Terminal
from anchor.variables import Variables

NAME = "python -m anchor"


def application(terminal: Terminal) -> App:
    """Return the command line.

    Args:
        terminal: What its commands work with.
    """
    account, deployments = Account(terminal=terminal), Deployments(terminal=terminal)
    app = App(name=NAME, help="Deploy Next.js sites, as a user of the platform.", version_flags=[])
    app.command(account.login)
    app.command(account.logout)
    app.command(_projects(Projects(terminal=terminal)))
    app.command(deployments.deploy)
    app.command(deployments.list, name="deployments")
    app.command(deployments.show, name="deployment")
    app.command(deployments.logs)
    app.command(deployments.promote)
    app.command(deployments.cancel)
    app.command(_variables(Variables(terminal=terminal)))
    return app


def _projects(projects: Projects) -> App:
    group = App(name="projects", help="Projects: a repository's branch on a declared site.", version_flags=[])
    for command in (projects.list, projects.show, projects.create, projects.delete):
        group.command(command)
    return group


def _variables(variables: Variables) -> App:
    group = App(name="env", help="A project's environment variables.", version_flags=[])
    for command in (variables.list, variables.set, variables.unset):
        group.command(command)
    return group
