"""The main job, proven step by step: push to live on the embedded cloud, then every part of the live site."""

import secrets
from collections.abc import Container
from pathlib import Path

from attrs import frozen

from local.cloud import EXAMPLE, Cloud, User
from local.demo.site_checks import SITE_CHECKS
from local.demo.visitor import Visitor
from local.git_server import Repository
from local.github import Webhook, push_payload
from local.platform_client import Json, PlatformClient
from local.progress import Progress, Step

SITE = "next-site"
FIRST_COMMIT = "The example site"


class DemoFailed(Exception):  # noqa: N818 - reads as what happened
    """A step did not hold; says which and why."""


@frozen(kw_only=True)
class Connected:
    """A signed-in user's project and the repository whose pushes it gets."""

    client: PlatformClient
    project: Json
    webhook: Webhook
    repository: Repository

    @property
    def visitor(self) -> Visitor:
        """A visitor of the project's site."""
        return Visitor(url=self.project["url"])


@frozen(kw_only=True)
class Pushed(Connected):
    """A push that went live."""

    sha: str
    message: str
    deployment: Json


def connect(cloud: Cloud, user: User, progress: Progress, folder: Path | None = None) -> Connected:
    """Sign in and create a project for a repository of the folder, by default of the example site."""
    with progress.step("signed in") as step:
        client = cloud.sign_in(user)
        step.detail = f"{user.name}, with a token of the user pool"
    repository = cloud.git.create(EXAMPLE, folder or cloud.example, FIRST_COMMIT)
    with progress.step("project created through the API") as step:
        project = client.create_project(name="Next site", site=SITE, repository_url=repository.url)
        webhook = Webhook(**project["webhook"])
        variables = [
            {"name": "GREETING", "value": "hello", "isSecret": False},
            {"name": "DEMO_SECRET", "value": secrets.token_hex(16), "isSecret": True},
        ]
        client.set_variables(project["projectId"], variables)
        step.detail = f"{project['projectId']}, with a variable and a secret"
    return Connected(client=client, project=project, webhook=webhook, repository=repository)


def push(cloud: Cloud, connected: Connected, message: str, progress: Progress) -> Pushed:
    """Deliver a push of the repository's last commit and follow the deployment until it is live.

    Raises:
        DemoFailed: The push was refused or the deployment ended otherwise; with the log's last lines.
    """
    sha = connected.repository.head
    with progress.step("signed push accepted") as step:
        payload = push_payload(repository_url=connected.repository.url, sha=sha, message=message)
        answer = connected.webhook.deliver(payload)
        if answer.status_code != 202:  # noqa: PLR2004 - HTTP's Accepted
            raise DemoFailed(f"the push was answered {answer.status_code}: {answer.text}")
        deployment_id: str = answer.json()["deploymentId"]
        step.detail = f"202, deployment {deployment_id}"
    with progress.step("built from a checkout of the commit") as step:
        _follow(connected.client, deployment_id, cloud, step, until=("built", "deploying"))
        step.detail = f"npm ci and open-next build of {sha[:12]}"
    with progress.step("released") as step:
        deployment = _follow(connected.client, deployment_id, cloud, step, until=())
        step.detail = deployment["url"]
    return Pushed(
        client=connected.client,
        project=connected.project,
        webhook=connected.webhook,
        repository=connected.repository,
        sha=sha,
        message=message,
        deployment=deployment,
    )


def push_to_live(cloud: Cloud, user: User, progress: Progress, folder: Path | None = None) -> Pushed:
    """From signing in to the first release of the folder's site, by default of the example site."""
    return push(cloud, connect(cloud, user, progress, folder), FIRST_COMMIT, progress)


def prove_the_site(visitor: Visitor, sha: str, progress: Progress) -> None:
    """Look at everything the live site does.

    Raises:
        CheckFailed: The first thing that is not as it should be.
    """
    for check in SITE_CHECKS:
        with progress.step(check.title) as step:
            step.detail = check.run(visitor, sha)


def _follow(
    client: PlatformClient, deployment_id: str, cloud: Cloud, step: Step, *, until: Container[str]
) -> Json:
    """Show how the deployment is getting on until it has a status of `until` or is live."""
    try:
        deployment = client.wait_until(
            deployment_id,
            until,
            on_poll=lambda deployment: step.say(f"{deployment['status']}  {cloud.last_build_line}"),
        )
    except TimeoutError as error:
        raise DemoFailed(f"{error}: {cloud.log_file} says what the functions did") from error
    if deployment["status"] in until or deployment["status"] == "live":
        return deployment
    raise DemoFailed(_why(deployment))


def _why(deployment: Json) -> str:
    failure = deployment.get("failure") or {}
    lines = [
        f"the deployment is {deployment['status']}, at step {failure.get('step')!r}: {failure.get('reason')}"
    ]
    lines += [f"    {line}" for line in failure.get("logTail", [])]
    if any(
        sign in line for line in lines for sign in ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT")
    ):
        lines.append("npm could not reach its registry: is there a network, and does `npm ping` answer?")
    return "\n".join(lines)
