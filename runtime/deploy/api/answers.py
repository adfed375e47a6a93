"""The response bodies of the platform's API, as types. The OpenAPI document is generated from them."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from runtime.deploy.audit.model import ActorKind, Channel
from runtime.deploy.model import Source, Status
from runtime.shared.api.shapes import Id, Shape, Time, Url


class LiveDocument(TypedDict):
    """The deployment that the project's site serves."""

    deploymentId: Id


class ProjectDocument(TypedDict):
    """A project, as shown to its owner.

    Attributes:
        site: The declared site of the project. It cannot be changed.
        url: URL of the site. Null if the site is no longer declared.
        live: The deployment that the site serves. Null before the first release.
        pinned: While this is true, new builds do not replace the live release: they become `ready`.
        deleting: True after the deletion has begun. If the deletion was interrupted, delete the project
            again.
        hostKeys: Public keys of the git server. If empty, the published keys of the server are used.
        rootDirectory: Folder of the Next.js site in the repository. Empty for the root of the repository.
        securityHeaders: Whether answers of the site's functions get security headers, such as
            `X-Frame-Options: SAMEORIGIN`.
    """

    projectId: Id
    name: str
    site: str
    repositoryUrl: str
    branch: str
    url: Url | None
    createdAt: Time
    updatedAt: Time
    live: LiveDocument | None
    pinned: bool
    deleting: bool
    hostKeys: list[str]
    rootDirectory: str
    securityHeaders: bool


class WebhookDocument(TypedDict):
    """The settings of the repository's webhook.

    Attributes:
        url: Payload URL, for content type `application/json`.
        secret: Signing secret. It is shown only once.
    """

    url: Url
    secret: str


class CreatedProjectDocument(ProjectDocument):
    """A new project, with the settings of its webhook."""

    webhook: WebhookDocument


class ProjectsDocument(TypedDict):
    """A page of projects, newest first.

    Attributes:
        cursor: Continues the list; valid for a day. Null at the end of the list.
    """

    projects: list[ProjectDocument]
    cursor: str | None


class FailureDocument(TypedDict):
    """The step and the reason of a failed deployment.

    Attributes:
        step: The failed step of the build or the release.
        reason: The cause, as a sentence.
        advice: What you can do. Absent if the reason says it.
        logTail: The site's lines with the cause in the build log, oldest first. If the smoke test has failed:
            what the function has written during the failed request.
    """

    step: str
    reason: str
    advice: NotRequired[str]
    logTail: list[str]


class DeploymentDocument(TypedDict):
    """One build and release of a commit.

    Attributes:
        commitSha: Null until the build of a branch's head has determined the commit.
        statusReason: Why the deployment is `ready` or `superseded`.
        url: URL of this release. Present while the release is kept.
        releasedAt: Time at which the release was complete, just before its smoke test. Present after that.
        liveAt: Time of the last switch to this deployment. Present after the first switch.
        warnings: Pages that failed in the smoke test, although the release is complete, and middleware that
            makes the site slow. Present if there are any, while the release is kept.
        failure: Present if the deployment failed.
    """

    deploymentId: Id
    projectId: Id
    status: Annotated[str, Shape({"enum": [*Status]})]
    branch: str
    commitSha: str | None
    commitMessage: str
    commitAuthor: str
    source: Annotated[str, Shape({"enum": [*Source]})]
    createdAt: Time
    updatedAt: Time
    statusReason: NotRequired[str]
    url: NotRequired[Url]
    releasedAt: NotRequired[Time]
    liveAt: NotRequired[Time]
    warnings: NotRequired[list[str]]
    failure: NotRequired[FailureDocument]


class PromotedDocument(DeploymentDocument):
    """The promoted deployment, and what the promotion changed.

    Attributes:
        pinned: Whether the project is pinned now. New builds of a pinned project become `ready`.
        live: The deployment that the site serves now.
        previous: The deployment that the site served before. If the promoted one was already live, it is the
            same as `live`.
    """

    pinned: bool
    live: LiveDocument | None
    previous: LiveDocument | None


class DeploymentsDocument(TypedDict):
    """A page of a project's deployments, newest first.

    Attributes:
        pinned: Whether the project is pinned: new builds become `ready` and do not go live.
        cursor: Continues the list; valid for a day. Null at the end of the list.
    """

    deployments: list[DeploymentDocument]
    pinned: bool
    cursor: str | None


class LogLineDocument(TypedDict):
    """One line of a build log.

    Attributes:
        at: Time of the line. Null if the log comes from the archive.
        text: First 1,500 characters.
    """

    at: Time | None
    text: str


class LogDocument(TypedDict):
    """A page of a build log, oldest line first.

    Attributes:
        cursor: Continues the log; valid for a day. Always present until the build ends: a page without lines
            then means that there are no new lines. After the build, it is null on the last page of the log.
    """

    lines: list[LogLineDocument]
    cursor: str | None


class FunctionLogLineDocument(TypedDict):
    """One message of a site's function.

    Attributes:
        level: `DEBUG`, `ERROR`, `FATAL`, `INFO`, `TRACE` or `WARN`. Null for text that the site wrote to the
            standard output directly.
        requestId: The request during which the function wrote the message. Null if it is unknown.
        deploymentId: The deployment whose release wrote the message. Null if it is unknown.
        text: First 8,000 characters, with line breaks.
    """

    at: Time
    level: str | None
    requestId: str | None
    deploymentId: Id | None
    text: str


class FunctionLogDocument(TypedDict):
    """A page of a run-time log, oldest message first.

    Attributes:
        cursor: Continues the log; valid for a day. Null at the end of a log with the parameter `until`.
        isUpToDate: Whether there are no more messages at the moment. If false, a page without lines does not
            mean that there are no more messages.
    """

    lines: list[FunctionLogLineDocument]
    cursor: str | None
    isUpToDate: bool


class AuditActorDocument(TypedDict):
    """Who did something.

    Attributes:
        id: For `user` the user id, for `webhook` the login of the pusher (empty if unknown), for `platform`
            the name of the job.
    """

    kind: Annotated[str, Shape({"enum": [*ActorKind]})]
    id: str


class AuditChangeDocument(TypedDict):
    """One part of a change.

    Attributes:
        value: The new value, at most 200 characters. For a variable `set` or `removed`, never its value.
    """

    name: str
    value: str


class AuditEntryDocument(TypedDict):
    """One entry of an audit log.

    Attributes:
        entryId: A ULID, which sorts by time.
        action: What was done, such as `variables.set`.
        channel: How the request came. `cli` is what the client says about itself.
        ip: IP address of the client. Null without a request.
        userAgent: The client's own description, at most 200 characters. Null without one.
        requestId: Id of the request in the platform's logs. Null without a request.
        targetId: The deployment or deploy key. Null if the action is about the project itself.
    """

    entryId: Id
    at: Time
    action: str
    actor: AuditActorDocument
    channel: Annotated[str, Shape({"enum": [*Channel]})]
    ip: str | None
    userAgent: str | None
    requestId: str | None
    targetId: Id | None
    changes: list[AuditChangeDocument]


class AuditDocument(TypedDict):
    """A page of a project's audit log, newest entry first.

    Attributes:
        cursor: Continues the list; valid for a day. Null at the end of the list.
    """

    entries: list[AuditEntryDocument]
    cursor: str | None


class PreviousDeployKeyDocument(TypedDict):
    """The key before the last rotation.

    Attributes:
        fingerprint: SHA-256 fingerprint, as git servers show it.
        usableUntil: Until this time, builds also try this key.
    """

    fingerprint: str
    usableUntil: Time


class DeployKeyDocument(TypedDict):
    """The public half of a project's deploy key.

    Attributes:
        publicKey: OpenSSH form. Add it to the repository as a read-only deploy key.
        fingerprint: SHA-256 fingerprint, as git servers show it.
        sshUrl: The address from which builds fetch the repository. Null if it is unknown.
        settingsPage: The page on the git server where the key is added. Null if it is unknown.
        isHostKnown: False if the host key of the git server is unknown. Then set `hostKeys` of the project.
        previous: The key before the last rotation. Null if builds no longer use it.
    """

    publicKey: str
    fingerprint: str
    createdAt: Time
    sshUrl: str | None
    settingsPage: Url | None
    isHostKnown: bool
    previous: PreviousDeployKeyDocument | None


class VariableDocument(TypedDict):
    """An environment variable.

    Attributes:
        value: Absent for a secret, which is never shown.
    """

    name: str
    value: NotRequired[str]
    isSecret: bool


class VariablesDocument(TypedDict):
    """The environment variables of a project.

    Attributes:
        version: How many times the variables were changed. The `ETag` header contains the same number.
    """

    version: int
    variables: list[VariableDocument]


class SiteDocument(TypedDict):
    """A site of the stage.

    Attributes:
        available: Whether you can create a project on the site.
        projectId: Your project that uses the site. Null if you have none.
    """

    site: str
    url: Url
    available: bool
    projectId: Id | None


class SitesDocument(TypedDict):
    """All sites of the stage, by name."""

    sites: list[SiteDocument]


class AcceptedDocument(TypedDict):
    """The deployment that a push has created."""

    deploymentId: Id


class IgnoredDocument(TypedDict):
    """The reason why a delivery has created no deployment."""

    ignored: str
