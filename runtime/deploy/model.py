"""Projects, sites, deployments, and the table of allowed deployment status transitions."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from attrs import evolve, field, frozen

from runtime.deploy.errors import StaleDeploymentError


class Status(StrEnum):
    """The status of a deployment, from the push to the live site."""

    QUEUED = "queued"
    BUILDING = "building"
    BUILT = "built"
    DEPLOYING = "deploying"
    READY = "ready"
    LIVE = "live"
    RETIRED = "retired"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.QUEUED: frozenset({Status.BUILDING, Status.FAILED, Status.CANCELLED, Status.SUPERSEDED}),
        # A deployment returns to `queued` if its build did not start, because the account's CodeBuild quota
        # was reached.
        Status.BUILDING: frozenset({Status.BUILT, Status.FAILED, Status.CANCELLED, Status.QUEUED}),
        Status.BUILT: frozenset({Status.DEPLOYING, Status.FAILED, Status.CANCELLED, Status.SUPERSEDED}),
        Status.DEPLOYING: frozenset({Status.LIVE, Status.READY, Status.FAILED, Status.SUPERSEDED}),
        # A user can promote a release that did not go live, until the release or the project is deleted.
        Status.READY: frozenset({Status.LIVE, Status.SUPERSEDED}),
        Status.LIVE: frozenset({Status.RETIRED}),
        Status.RETIRED: frozenset({Status.LIVE}),
        Status.FAILED: frozenset(),
        Status.CANCELLED: frozenset(),
        # Only if it has a release: a user can promote this release.
        Status.SUPERSEDED: frozenset({Status.LIVE}),
    },
)
"""The allowed next statuses for each status. Each status write is conditional on the current status."""


SERVER_ACTIONS_KEY = "NEXT_SERVER_ACTIONS_ENCRYPTION_KEY"
"""The environment variable from which Next.js reads the encryption key for server actions."""

BUILDS_PARTITION = "BUILDS"
"""The partition key in the projects table for the stage's running and waiting builds."""


SITE_PARTITION_PREFIX = "SITE#"
"""The start of the partition key of a site's own rows in the projects table."""

SITES_PARTITION = "SITES"
"""The partition key in the projects table for the list of the stage's sites."""

KEY_HANDOVER_FOLDER = "deploy-keys/"
"""The prefix of the objects that hand deploy keys over to builds, in the bucket of artifacts."""

EDGE_STORE_MEASURED = "edge store measured"
"""Message of the log line with the size of the edge's KeyValueStore. CloudWatch makes a metric from it."""

RELEASE_SECRETS_FOLDER = "secrets/"
"""Prefix of the objects with the encrypted secrets of releases. The distribution may not read them."""


class Source(StrEnum):
    """The trigger of a deployment."""

    PUSH = "push"
    MANUAL = "manual"


@frozen(kw_only=True)
class Variable:
    """An environment variable of a project's builds and of its running site.

    Attributes:
        name: `[A-Z][A-Z0-9_]+`.
        value: None for a secret. The value of a secret is in the parameter store, never in a row.
        is_secret: True if the value can be written but never read back.
        secret_size: Size of a secret in bytes, counted in the limit on all variables. It is recorded at
            write time, because the value cannot be read later.
    """

    name: str
    value: str | None = field(default=None, repr=False)
    is_secret: bool
    secret_size: int | None = None


@frozen(kw_only=True)
class DeployKey:
    """The public half of a key pair with which builds fetch a private repository.

    Attributes:
        key_id: ULID. The parameter with the private half is named after it.
        public_key: OpenSSH form without a comment: `ssh-ed25519 AAAA...`.
    """

    key_id: str
    public_key: str
    created_at: datetime

    @property
    def fingerprint(self) -> str:
        """Fingerprint in the form of OpenSSH and of git servers: `SHA256:...`."""
        blob = base64.b64decode(self.public_key.split(" ")[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@frozen(kw_only=True)
class LivePointer:
    """The deployment that a project's site host serves.

    Attributes:
        sequence: Number of the deployment within its project, counted from 1. An automatic release only
            replaces a deployment with a lower number.
    """

    deployment_id: str
    sequence: int


@frozen(kw_only=True)
class Project:
    """A branch of a repository, bound to one declared site. Row `METADATA` of the projects table.

    Attributes:
        sequence: Number of the project's newest deployment; 0 before the first.
        webhook_version: Incremented to create a new webhook secret.
        variables_version: Incremented each time the variables are replaced.
        deploy_keys: Keys with which builds fetch the repository over SSH: the newest one and, after a
            rotation, the previous one. Empty if builds fetch the repository over HTTPS.
        root_directory: Folder of the Next.js site in the repository, such as `apps/web`. Empty for the root
            of the repository.
        host_keys: Public keys of the git server, in OpenSSH form. They replace the published keys of the
            server (`runtime/deploy/builds/host_keys.py`).
        active_build: Id of the deployment that holds the project's build slot. None if the slot is free. The
            holder has the status `building`, because slot and status are always written together.
        live: The deployment that the site host serves, or to which the host is being switched. None before
            the first release, and from the start of the project's deletion.
        serving: Id of the deployment with the status `live`. The last step of a switch sets `serving` to the
            deployment in `live`. If a crash prevents this step, `serving` still names the deployment that
            must become `retired`.
        deleting_at: Start of the project's deletion. From then on, the project cannot be changed. If the
            deletion was interrupted, a repeated delete request completes it.
        security_headers: Whether answers of the site's functions get `X-Frame-Options: SAMEORIGIN`,
            `X-Content-Type-Options: nosniff` and `Referrer-Policy: strict-origin-when-cross-origin`, unless
            the site sets the header itself. A change applies to later releases.
        pinned: While this is true, automatic releases do not replace the live release: they become `ready`.
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
    deploy_keys: tuple[DeployKey, ...] = ()
    root_directory: str = ""
    security_headers: bool = False
    host_keys: tuple[str, ...] = ()
    active_build: str | None = None
    live: LivePointer | None = None
    serving: str | None = None
    pinned: bool = False
    deleting_at: datetime | None = None

    def find_newer_live(self, deployment: "Deployment") -> str | None:
        """Return the id of the live deployment if it prevents this one from going live automatically.

        The result is None for a pinned project, because its deployments are released, but do not go live.
        """
        if self.pinned or self.live is None or self.live.sequence <= deployment.sequence:
            return None
        return self.live.deployment_id


@frozen(kw_only=True)
class Site:
    """The declaration of a site: row `SITE#<site>`. Pulumi writes it; the functions only read it.

    Attributes:
        host: The site's own host, without a port. It serves the live release.
        url_pattern: URL of any host of the site, with the placeholder `{host}`, such as `https://{host}`.
        secrets_path: Parameter store folder of the site's secrets, without a trailing slash.
        revalidation_dead_letter_queue_url: Queue of the revalidation messages that failed. None in rows from
            earlier versions of the program.
        allows_vulnerable_next: Whether releases with a Next.js version with known security holes are allowed.
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
    revalidation_dead_letter_queue_url: str | None = None
    allows_vulnerable_next: bool = False

    def build_url(self, host: str | None = None) -> str:
        """Return the URL of a host of this site. The default is the site's own host."""
        return self.url_pattern.replace("{host}", host or self.host)

    def build_server_actions_parameter_name(self, project_id: str) -> str:
        """Return the name of the parameter with the project's server actions key."""
        return self.build_secret_parameter_name(project_id, SERVER_ACTIONS_KEY)

    def build_secret_parameter_name(self, project_id: str, variable: str) -> str:
        """Return the name of the parameter with a secret variable of the project."""
        return f"{self.build_secrets_folder(project_id)}/{variable}"

    def build_secrets_folder(self, project_id: str) -> str:
        """Return the parameter store folder of the project's secrets on this site."""
        return f"{self.secrets_path}/{project_id}"


@frozen(kw_only=True)
class Release:
    """The immutable result of a deployment: versions of the site's functions, their alias, and their own URL.

    Attributes:
        revalidation_version: Version of the function that revalidates this build's pages. None if the site
            has disabled its incremental cache.
        split_versions: If the build splits the server into parts: one version of the server function for each
            part, each with its own alias. `server_version` contains the default part. None if the server is
            not split.
        base_path: Path prefix of the whole site. None if the site is at the root.
        warnings: Errors of pages in the smoke test that did not stop the release, and rules that make the
            site slow, as sentences for the user. None if there were none.
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
    warnings: tuple[str, ...] | None = None


@frozen(kw_only=True)
class Failure:
    """The step and the reason of a failed deployment.

    Attributes:
        step: Build phase or release step, such as `BUILD` or `smoke test`.
        reason: The cause, as a sentence for the user.
        advice: What the user can do. None if the reason says it.
        log_tail: The site's lines with the cause in the build log, oldest first. If the smoke test has
            failed: the lines that the function has written during the failed request.
    """

    step: str
    reason: str
    advice: str | None = None
    log_tail: tuple[str, ...] = ()


@frozen(kw_only=True)
class Commit:
    """A commit that was pushed, or that a user deploys manually.

    Attributes:
        sha: None if the head of a branch is deployed. The build then determines the commit.
        message: Empty if unknown.
        author: Empty if unknown.
    """

    sha: str | None = None
    message: str = ""
    author: str = ""


@frozen(kw_only=True)
class Deployment:
    """One build and release of a commit. Deployment ids are ULIDs, so they sort by creation time.

    Attributes:
        commit_sha: None until the build of a branch's head has determined the commit.
        waiting_since: Start of the wait for build capacity. The time is kept while the deployment is
            `building`. If the deployment becomes `queued` again, it returns to its place in the queue. None
            if the deployment did not wait.
        status_reason: Why the deployment is `ready` or `superseded`, as a sentence for the user.
        released_at: Time at which the release was recorded, just before its smoke test. Unlike `live_at`, a
            promotion does not change it.
        collected_at: Time at which the release was withdrawn permanently. The release's functions and files
            are deleted later, and then `release` is None.
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
    status_reason: str | None = None
    released_at: datetime | None = None
    live_at: datetime | None = None
    collected_at: datetime | None = None

    @classmethod
    def queued(  # noqa: PLR0913 - the initial fields of a deployment
        cls,
        project: Project,
        commit: Commit,
        *,
        deployment_id: str,
        source: Source,
        at: datetime,
        branch: str | None = None,
    ) -> Self:
        """Return the project's next deployment, with the status `queued`.

        If no branch is given, the deployment gets the project's branch.
        """
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

    def with_status(self, to: Status, *, at: datetime) -> Self:
        """Return this deployment with another status.

        Raises:
            StaleDeploymentError: `TRANSITIONS` does not allow the change.
        """
        if to not in TRANSITIONS[self.status]:
            raise StaleDeploymentError(self.deployment_id, to=to, found=self.status)
        return evolve(self, status=to, updated_at=at)
