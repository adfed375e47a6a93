"""Projects, sites, deployments and the one table of what a deployment may become (P7)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from attrs import evolve, field, frozen

from runtime.deploy.errors import StaleDeploymentError


class Status(StrEnum):
    """Where a deployment stands between the push and the visitors."""

    QUEUED = "queued"
    BUILDING = "building"
    BUILT = "built"
    DEPLOYING = "deploying"
    LIVE = "live"
    RETIRED = "retired"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.QUEUED: frozenset({Status.BUILDING, Status.FAILED, Status.CANCELLED, Status.SUPERSEDED}),
        # Queued again where CodeBuild had no room for its build, which was not begun.
        Status.BUILDING: frozenset({Status.BUILT, Status.FAILED, Status.CANCELLED, Status.QUEUED}),
        Status.BUILT: frozenset({Status.DEPLOYING, Status.FAILED, Status.CANCELLED, Status.SUPERSEDED}),
        Status.DEPLOYING: frozenset({Status.LIVE, Status.FAILED, Status.SUPERSEDED}),
        Status.LIVE: frozenset({Status.RETIRED}),
        Status.RETIRED: frozenset({Status.LIVE}),
        Status.FAILED: frozenset(),
        Status.CANCELLED: frozenset(),
        Status.SUPERSEDED: frozenset(),
    },
)
"""What each status may become. Every write of a status is conditional on the one it came from."""


SERVER_ACTIONS_KEY = "NEXT_SERVER_ACTIONS_ENCRYPTION_KEY"
"""The variable in which Next.js takes the key that server actions are named and encrypted with."""

BUILDS = "BUILDS"
"""The partition of the projects table that is no project's: what builds, and what waits for it."""


class Source(StrEnum):
    """What asked for a deployment."""

    PUSH = "push"
    MANUAL = "manual"


@frozen(kw_only=True)
class Variable:
    """One environment variable of a project's builds and of its running site.

    Attributes:
        name: `[A-Z_][A-Z0-9_]*`.
        value: Absent for a secret: its value is in the parameter store, never in a row (A4).
        is_secret: Whether the value may be written but never read back.
        secret_size: Bytes that a secret takes of the limit on all variables; noted when it is written,
            because it cannot be read later.
    """

    name: str
    value: str | None = field(default=None, repr=False)
    is_secret: bool
    secret_size: int | None = None


@frozen(kw_only=True)
class Pointer:
    """The release a project's site host leads to; `sequence` lets the newer one win (P8)."""

    deployment_id: str
    sequence: int


@frozen(kw_only=True)
class Project:
    """A repository's branch, bound to one declared site. `METADATA` of the projects table.

    Attributes:
        sequence: Number of the project's newest deployment; 0 before the first.
        webhook_version: Raised to make a new webhook secret.
        variables_version: How often the variables were replaced.
        active_build: Deployment that holds the project's one build slot. It is the deployment whose status
            is `building`: slot and status are only ever written together.
        live: What the site host leads to, or is being led to. Absent until the first release.
        serving: Deployment whose status is `live`. It follows `live` at the end of a switch, and so names the
            one to retire, whatever crashed in between.
        deleting_at: When its deletion began, which is completed by repeating it; nothing changes it any more.
        pinned: Someone promoted a release by hand: until the pin is released, automatic ones do not replace
            it (D5).
    """

    project_id: str
    user_id: str
    name: str
    site: str
    repository_url: str
    branch: str
    created_at: datetime
    updated_at: datetime
    webhook_version: int = 1
    sequence: int = 0
    variables: tuple[Variable, ...] = ()
    variables_version: int = 0
    active_build: str | None = None
    live: Pointer | None = None
    serving: str | None = None
    pinned: bool = False
    deleting_at: datetime | None = None


@frozen(kw_only=True)
class Site:
    """What the program declared for one site: row `SITE#<site>`, written by Pulumi, only read here.

    Attributes:
        host: The site's own host, without a port.
        url_pattern: URL of any host of the site, with `{host}` in it, such as `https://{host}`.
        secrets_path: Folder of the site's secrets in the parameter store, without a trailing slash.
    """

    site: str
    host: str
    url_pattern: str
    server_function: str
    image_function: str
    revalidation_function: str
    tag_table: str
    revalidation_queue_url: str
    build_project: str
    secrets_path: str

    def url(self, host: str | None = None) -> str:
        """Return the URL of a host of this site, by default its own."""
        return self.url_pattern.replace("{host}", host or self.host)

    def server_actions_parameter(self, project_id: str) -> str:
        """Return the name of the parameter that holds the project's key for server actions."""
        return self.secret_parameter(project_id, SERVER_ACTIONS_KEY)

    def secret_parameter(self, project_id: str, variable: str) -> str:
        """Return the parameter's name that holds a secret variable of the project on this site."""
        return f"{self.secrets_folder(project_id)}/{variable}"

    def secrets_folder(self, project_id: str) -> str:
        """Return the folder of the parameters that hold the project's secrets on this site."""
        return f"{self.secrets_path}/{project_id}"


@frozen(kw_only=True)
class Release:
    """What a deployment became: immutable versions behind an alias with its own URL (D1, D6).

    Attributes:
        revalidation_version: Of the function that revalidates this build's pages and no other build's;
            absent where the site has switched its incremental cache off.
        split_versions: Of the server function, too: one for each part into which the build has split its
            server, each behind an alias of its own; absent where there is one server.
        base_path: The path below which the whole site lies; absent where that is the root.
    """

    alias: str
    server_version: str
    server_origin: str
    image_version: str
    image_origin: str
    host: str
    url: str
    revalidation_version: str | None = None
    split_versions: tuple[str, ...] | None = None
    base_path: str | None = None


@frozen(kw_only=True)
class Failure:
    """Why a deployment failed.

    Attributes:
        step: Build phase or release step, such as `BUILD` or `smoke test`.
        reason: A sentence for the user.
        log_tail: The last lines of the build's log, oldest first.
    """

    step: str
    reason: str
    log_tail: tuple[str, ...] = ()


@frozen(kw_only=True)
class Commit:
    """What was pushed, or is to be deployed by hand.

    Attributes:
        sha: Absent where the head of a branch is to be deployed: its build finds out.
        message: Empty where nobody told it, as is the author.
    """

    sha: str | None = None
    message: str = ""
    author: str = ""


@frozen(kw_only=True)
class Deployment:
    """One commit on its way to the visitors. Deployment ids are ULIDs: they sort by creation (T6).

    Attributes:
        commit_sha: Absent until the build of a branch's head has found it.
        waiting_since: The place that it had among those that waited for room, when it got its turn to build:
            should it have to give that back. Absent where it had not waited.
        collected_at: When it was taken from the visitors for good (D6). Its functions and files follow, and
            then `release` is absent.
    """

    project_id: str
    deployment_id: str
    user_id: str
    site: str
    sequence: int
    status: Status
    branch: str
    commit_sha: str | None = None
    commit_message: str
    commit_author: str
    source: Source
    created_at: datetime
    updated_at: datetime
    build_id: str | None = None
    waiting_since: datetime | None = None
    release: Release | None = None
    failure: Failure | None = None
    live_at: datetime | None = None
    collected_at: datetime | None = None

    @classmethod
    def queued(  # noqa: PLR0913 - all that a deployment begins with
        cls,
        project: Project,
        commit: Commit,
        *,
        deployment_id: str,
        source: Source,
        at: datetime,
        branch: str | None = None,
    ) -> Self:
        """Return the project's next deployment, waiting for a build; of the project's branch or another."""
        return cls(
            project_id=project.project_id,
            deployment_id=deployment_id,
            user_id=project.user_id,
            site=project.site,
            sequence=project.sequence + 1,
            status=Status.QUEUED,
            branch=branch or project.branch,
            commit_sha=commit.sha,
            commit_message=commit.message,
            commit_author=commit.author,
            source=source,
            created_at=at,
            updated_at=at,
        )

    def moved(self, to: Status, *, at: datetime) -> Self:
        """Return this deployment in another status.

        Raises:
            StaleDeploymentError: `TRANSITIONS` has no such way.
        """
        if to not in TRANSITIONS[self.status]:
            raise StaleDeploymentError(self.deployment_id, to=to, found=self.status)
        return evolve(self, status=to, updated_at=at)
