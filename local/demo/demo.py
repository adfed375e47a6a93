"""The demonstration: push a site to the embedded cloud, then check each part of the live site."""

import secrets
from collections.abc import Container, Mapping
from pathlib import Path

from attrs import frozen

from local.cloud import EXAMPLE_NAME, Cloud, User
from local.demo.site_checks import SITE_CHECKS
from local.demo.visitor import Visitor
from local.git_server import Repository
from local.github import Webhook, create_push_payload
from local.platform_client import Json, PlatformClient
from local.progress import Progress, Step

SITE = "next-site"
FIRST_COMMIT = "The example site"


class DemoError(Exception):
    """A step failed. The message names the step and the cause."""


@frozen(kw_only=True)
class ConnectedProject:
    """A signed-in user's project with its repository and webhook."""

    client: PlatformClient
    project: Json
    webhook: Webhook
    repository: Repository

    @property
    def visitor(self) -> Visitor:
        """A visitor of the project's site."""
        return Visitor(url=self.project["url"])


@frozen(kw_only=True)
class PushedProject(ConnectedProject):
    """A project and the push that is live."""

    sha: str
    message: str
    deployment: Json


def connect_project(
    cloud: Cloud, user: User, progress: Progress, folder: Path | None = None
) -> ConnectedProject:
    """Sign in and create a project for a new repository.

    The repository contains the files of `folder` (default: the example site).
    """
    with progress.step("signed in") as step:
        client = cloud.sign_in(user)
        step.detail = f"{user.name}, with a token of the user pool"
    repository = cloud.git.create(EXAMPLE_NAME, folder or cloud.example_folder, FIRST_COMMIT)
    with progress.step("project created through the API") as step:
        site = choose_site(cloud.deployed.outputs["sites"])
        project = client.create_project(name="Next site", site=site, repository_url=repository.url)
        webhook = Webhook(**project["webhook"])
        variables = [
            {"name": "GREETING", "value": "hello", "isSecret": False},
            {"name": "DEMO_SECRET", "value": secrets.token_hex(16), "isSecret": True},
        ]
        client.set_variables(project["projectId"], variables)
        step.detail = f"{project['projectId']}, with a variable and a secret"
    return ConnectedProject(client=client, project=project, webhook=webhook, repository=repository)


def choose_site(urls: Mapping[str, str]) -> str:
    """Return the name of the site that the project uses: `SITE`, or the first site of the stage.

    Args:
        urls: The URLs of the stage's sites, by name.

    Raises:
        DemoError: The stage has no site.
    """
    if not urls:
        raise DemoError("the stage declares no site: add one to `sites` in its settings")
    return SITE if SITE in urls else next(iter(urls))


def push_commit(cloud: Cloud, connected: ConnectedProject, message: str, progress: Progress) -> PushedProject:
    """Deliver a push of the repository's last commit and wait until the deployment is live.

    Raises:
        DemoError: The push was refused or the deployment failed. The message has the last lines of the log.
    """
    sha = connected.repository.head
    with progress.step("signed push accepted") as step:
        payload = create_push_payload(repository_url=connected.repository.url, sha=sha, message=message)
        answer = connected.webhook.deliver(payload)
        if answer.status_code != 202:  # noqa: PLR2004 - HTTP's Accepted
            raise DemoError(f"the push was answered {answer.status_code}: {answer.text}")
        deployment_id: str = answer.json()["deploymentId"]
        step.detail = f"202, deployment {deployment_id}"
    with progress.step("built from a checkout of the commit") as step:
        _wait_for_status(connected.client, deployment_id, cloud, step, statuses=("built", "deploying"))
        step.detail = f"npm ci and open-next build of {sha[:12]}"
    with progress.step("released") as step:
        deployment = _wait_for_status(connected.client, deployment_id, cloud, step, statuses=())
        step.detail = deployment["url"]
    return PushedProject(
        client=connected.client,
        project=connected.project,
        webhook=connected.webhook,
        repository=connected.repository,
        sha=sha,
        message=message,
        deployment=deployment,
    )


def connect_and_push(
    cloud: Cloud, user: User, progress: Progress, folder: Path | None = None
) -> PushedProject:
    """Sign in, create a project and push the folder's site (default: the example site)."""
    return push_commit(cloud, connect_project(cloud, user, progress, folder), FIRST_COMMIT, progress)


def check_site(visitor: Visitor, sha: str, progress: Progress) -> None:
    """Run all checks of the example site.

    Raises:
        CheckError: The first check that failed.
    """
    for check in SITE_CHECKS:
        with progress.step(check.title) as step:
            step.detail = check.run(visitor, sha)


def _wait_for_status(
    client: PlatformClient, deployment_id: str, cloud: Cloud, step: Step, *, statuses: Container[str]
) -> Json:
    """Show a deployment's progress until it is live or has one of `statuses`. Return the deployment.

    Raises:
        DemoError: The deployment has another final status, or it takes too long.
    """
    try:
        deployment = client.wait_until(
            deployment_id,
            statuses,
            on_poll=lambda deployment: step.show(f"{deployment['status']}  {cloud.last_build_line}"),
        )
    except TimeoutError as error:
        raise DemoError(f"{error}. The functions' log is {cloud.log_file}") from error
    if deployment["status"] in statuses or deployment["status"] == "live":
        return deployment
    raise DemoError(_describe_failure(deployment))


def _describe_failure(deployment: Json) -> str:
    failure = deployment.get("failure") or {}
    lines = [
        f"the deployment is {deployment['status']}, at step {failure.get('step')!r}: {failure.get('reason')}"
    ]
    lines += [f"    {line}" for line in failure.get("logTail", [])]
    if failure.get("advice"):
        lines.insert(1, f"    what to do: {failure['advice']}")
    if "package registry cannot be reached" in str(failure.get("reason")):
        lines.append("npm could not reach its registry. Check the network with `npm ping`.")
    return "\n".join(lines)
