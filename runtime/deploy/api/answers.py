"""What the platform's API answers, as types: the OpenAPI document is made of them."""

from typing import Annotated, NotRequired, TypedDict

from runtime.deploy.model import Source, Status
from runtime.shared.api.shapes import Id, Shape, Time, Url


class LiveDocument(TypedDict):
    """The deployment that visitors of a project's site get."""

    deploymentId: Id


class ProjectDocument(TypedDict):
    """A project as its owner sees it.

    Attributes:
        site: The declared site that it is bound to, for good.
        url: Where visitors find the site; null when the program declares the site no more.
        live: What they get there; null before the first release.
        pinned: Whether a release was promoted by hand, so that automatic ones do not replace it.
        deleting: Whether its deletion has begun; should that have broken off, deleting it again completes it.
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


class WebhookDocument(TypedDict):
    """What a repository's webhook must be set to.

    Attributes:
        url: Where GitHub is to send pushes, as `application/json`.
        secret: What it is to sign them with. It is shown once.
    """

    url: Url
    secret: str


class CreatedProjectDocument(ProjectDocument):
    """A new project, with its webhook."""

    webhook: WebhookDocument


class ProjectsDocument(TypedDict):
    """Projects, newest first.

    Attributes:
        cursor: Continues the list, for a day; null at its end.
    """

    projects: list[ProjectDocument]
    cursor: str | None


class FailureDocument(TypedDict):
    """Why a deployment failed.

    Attributes:
        step: Phase of the build, or step of the release.
        logTail: The last lines of the build's log, oldest first.
    """

    step: str
    reason: str
    logTail: list[str]


class DeploymentDocument(TypedDict):
    """One way of a commit to the visitors.

    Attributes:
        commitSha: Null while nobody has said which commit a branch's head is.
        url: Where this very release is found, for as long as it is kept; once it is released.
        liveAt: When visitors of the site got it last; once they have.
        failure: If it failed.
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
    url: NotRequired[Url]
    liveAt: NotRequired[Time]
    failure: NotRequired[FailureDocument]


class DeploymentsDocument(TypedDict):
    """A project's deployments, newest first.

    Attributes:
        cursor: Continues the list, for a day; null at its end.
    """

    deployments: list[DeploymentDocument]
    cursor: str | None


class LogLineDocument(TypedDict):
    """One line of a build's log.

    Attributes:
        at: When it was written; null in a log that only the archive has any more.
        text: Its first 1,500 characters.
    """

    at: Time | None
    text: str


class LogDocument(TypedDict):
    """Lines of a build's log, oldest first.

    Attributes:
        cursor: Continues the log, for a day. Until the build has ended there always is one, and a page
            without lines means: nothing new yet. After it, null at the log's end.
    """

    lines: list[LogLineDocument]
    cursor: str | None


class VariableDocument(TypedDict):
    """One environment variable.

    Attributes:
        value: Not of a secret, which is never shown.
    """

    name: str
    value: NotRequired[str]
    isSecret: bool


class VariablesDocument(TypedDict):
    """A project's environment variables."""

    variables: list[VariableDocument]


class AcceptedDocument(TypedDict):
    """The deployment that a push has made."""

    deploymentId: Id


class IgnoredDocument(TypedDict):
    """Why a delivery has made no deployment."""

    ignored: str
