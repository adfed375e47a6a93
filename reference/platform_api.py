"""Descriptions of the platform's routes, for docs/openapi.json."""

from http import HTTPStatus
from typing import Any, Final

from reference.api_document import Api, Pagination, RouteDescription
from runtime.deploy.api.answers import (
    AcceptedDocument,
    AuditDocument,
    CreatedProjectDocument,
    DeployKeyDocument,
    DeploymentDocument,
    DeploymentsDocument,
    FunctionLogDocument,
    IgnoredDocument,
    LogDocument,
    ProjectDocument,
    ProjectsDocument,
    PromotedDocument,
    SitesDocument,
    VariablesDocument,
)
from runtime.deploy.api.project_input import (
    NewDeployment,
    NewProject,
    ProjectChanges,
    PromotionOptions,
)
from runtime.deploy.api.routes import ROUTES
from runtime.deploy.audit.model import Action
from runtime.deploy.builds.build_logs import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, ArchivedLogError
from runtime.deploy.builds.pushing import SignatureRefusedError
from runtime.deploy.errors import (
    DeployKeyNotFoundError,
    DeploymentInProgressError,
    DeploymentNotFoundError,
    NoSshAddressError,
    NotReleasedError,
    ProjectChangedError,
    ProjectDeletedError,
    ProjectNotFoundError,
    ReleaseCollectedError,
    SiteNotFoundError,
    StaleDeploymentError,
    SwitchOvertakenError,
    VariablesChangedError,
)
from runtime.deploy.function_logs.reading import LEVELS, NoReleaseError, SiteFunction
from runtime.deploy.repositories.variables import MAX_TOTAL_BYTES, NewVariables, VariableChanges
from runtime.shared.api.idempotency import HEADER, IdempotencyKeyReusedError
from runtime.shared.errors import (
    MalformedError,
    QuotaExceededError,
    TooManyRequestsError,
    UnavailableError,
    UnsupportedContentError,
)

_OK: Final = HTTPStatus.OK

_IF_MATCH: Final = "The `ETag` of the variables. If they have changed since, the request is refused with 412."
_IDEMPOTENCY_KEY: Final = {
    HEADER: (
        "A new value for each new request, such as a UUID. For 24 hours, a request with the same value and "
        "the same body is not carried out again, and is answered with the same project or deployment."
    )
}
_VARIABLE_ERRORS: Final = (
    ProjectNotFoundError,
    ProjectChangedError,
    ProjectDeletedError,
    SiteNotFoundError,
    VariablesChangedError,
)

_DESCRIPTIONS: Final = {
    "POST /webhook/{projectId}": RouteDescription(
        operation_id="receivePush",
        summary="Receive a push from GitHub",
        description="The signature is the HMAC-SHA256 of the raw body. The key is the webhook secret.",
        responses={HTTPStatus.ACCEPTED: AcceptedDocument, _OK: IgnoredDocument},
        headers={
            "X-Hub-Signature-256": "`sha256=`, followed by the signature in hexadecimal.",
            "X-GitHub-Event": "The event. All events except `push` are ignored.",
        },
        errors=(
            SignatureRefusedError,
            MalformedError,
            UnsupportedContentError,
            ProjectChangedError,
            QuotaExceededError,
            TooManyRequestsError,
        ),
    ),
    "POST /projects": RouteDescription(
        operation_id="createProject",
        summary="Create a project on a site of the stage",
        body=NewProject,
        headers=_IDEMPOTENCY_KEY,
        responses={HTTPStatus.CREATED: CreatedProjectDocument},
        errors=(ProjectNotFoundError, IdempotencyKeyReusedError, QuotaExceededError),
    ),
    "GET /sites": RouteDescription(
        operation_id="listSites",
        summary="List all sites of the stage",
        description=(
            "A new project needs a site that is available. After the deletion of a project, its site is only "
            "available to its former owner for about 26 hours."
        ),
        responses={_OK: SitesDocument},
    ),
    "GET /projects": RouteDescription(
        operation_id="listProjects",
        summary="List your projects, newest first",
        pagination=Pagination(),
        responses={_OK: ProjectsDocument},
    ),
    "GET /projects/{projectId}": RouteDescription(
        operation_id="getProject",
        summary="Show a project",
        responses={_OK: ProjectDocument},
        errors=(ProjectNotFoundError,),
    ),
    "PATCH /projects/{projectId}": RouteDescription(
        operation_id="changeProject",
        summary="Change a project",
        body=ProjectChanges,
        responses={_OK: ProjectDocument},
        errors=(ProjectNotFoundError, ProjectChangedError, ProjectDeletedError),
    ),
    "DELETE /projects/{projectId}": RouteDescription(
        operation_id="deleteProject",
        summary="Delete a project with all its releases and secrets",
        description=(
            "After the deletion, you can use the site for another project at once. Other users can use it "
            "when everything of the project is removed, about 26 hours later. If the request fails, "
            "repeat it."
        ),
        responses={HTTPStatus.NO_CONTENT: None},
        errors=(ProjectNotFoundError, DeploymentInProgressError, ProjectChangedError),
    ),
    "GET /projects/{projectId}/deployments": RouteDescription(
        operation_id="listDeployments",
        summary="List the deployments of a project, newest first",
        description="With a filter, a page can have fewer deployments than `limit`: follow the cursor.",
        pagination=Pagination(),
        query={"status": "Only deployments with one of these statuses, separated by commas: `live,ready`."},
        responses={_OK: DeploymentsDocument},
        errors=(ProjectNotFoundError,),
    ),
    "GET /projects/{projectId}/audit": RouteDescription(
        operation_id="listAuditEntries",
        summary="List who did what to a project, newest first",
        description=(
            "Entries are kept for 400 days. After the deletion of a project, its former owner can still read "
            "them. With a filter, a page can have fewer entries than `limit`: follow the cursor."
        ),
        pagination=Pagination(),
        query={"action": f"Only actions that begin with this text: `deployment`. All: {', '.join(Action)}."},
        responses={_OK: AuditDocument},
        errors=(ProjectNotFoundError,),
    ),
    "POST /projects/{projectId}/deployments": RouteDescription(
        operation_id="deploy",
        summary="Deploy a commit or the head of a branch",
        description="The deployment is queued like a push, and supersedes older queued deployments.",
        body=NewDeployment,
        responses={HTTPStatus.CREATED: DeploymentDocument},
        headers=_IDEMPOTENCY_KEY,
        errors=(
            ProjectNotFoundError,
            ProjectChangedError,
            ProjectDeletedError,
            IdempotencyKeyReusedError,
            QuotaExceededError,
            TooManyRequestsError,
        ),
    ),
    "GET /projects/{projectId}/logs": RouteDescription(
        operation_id="getFunctionLog",
        summary="Read the run-time log of a project's site",
        description=(
            "What the site's functions have written. Without `until`, every response contains a cursor: use "
            "it to request new messages. Values of secret variables are masked. A message appears some "
            "seconds after it was written. CloudWatch allows few requests per second for all users of a "
            "stage: follow a log with a pause of at least 2 seconds."
        ),
        pagination=Pagination(default=DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE),
        query={
            "function": f"One of {', '.join(SiteFunction)}. Default: `server`, with all its parts.",
            "since": "Start of the log, such as `2026-01-31T09:30:00Z`. Default: one hour ago.",
            "until": "End of the log. Default: the log has no end.",
            "deploymentId": "Only messages of the release of this deployment.",
            "requestId": "Only messages of this request. CloudFront passes it on as `x-amzn-RequestId`.",
            "level": f"Only messages with one of these levels, separated by commas: {', '.join(LEVELS)}.",
            "text": "Only messages that contain this text. Upper and lower case differ.",
        },
        responses={_OK: FunctionLogDocument},
        errors=(
            ProjectNotFoundError,
            DeploymentNotFoundError,
            SiteNotFoundError,
            NoReleaseError,
            UnavailableError,
        ),
    ),
    "GET /projects/{projectId}/env": RouteDescription(
        operation_id="getVariables",
        summary="Show the environment variables of a project",
        description="Secrets are returned without their values.",
        responses={_OK: VariablesDocument},
        errors=(ProjectNotFoundError,),
    ),
    "PUT /projects/{projectId}/env": RouteDescription(
        operation_id="setVariables",
        summary="Replace the environment variables of a project",
        description=(
            "The new values take effect with the next deployment. All variables together, names and values "
            f"as JSON, have at most {MAX_TOTAL_BYTES} bytes."
        ),
        body=NewVariables,
        headers={"If-Match": _IF_MATCH},
        responses={_OK: VariablesDocument},
        errors=_VARIABLE_ERRORS,
    ),
    "PATCH /projects/{projectId}/env": RouteDescription(
        operation_id="changeVariables",
        summary="Set and remove single environment variables of a project",
        description="All other variables stay unchanged, even if another request changes them meanwhile.",
        body=VariableChanges,
        headers={"If-Match": _IF_MATCH},
        responses={_OK: VariablesDocument},
        errors=_VARIABLE_ERRORS,
    ),
    "POST /projects/{projectId}/key": RouteDescription(
        operation_id="createDeployKey",
        summary="Create a deploy key for a private repository, or rotate it",
        description=(
            "Builds then fetch the repository over SSH. Add the public key to the repository as a read-only "
            "deploy key. After a rotation, builds also try the previous key for a week."
        ),
        responses={HTTPStatus.CREATED: DeployKeyDocument},
        errors=(ProjectNotFoundError, ProjectChangedError, ProjectDeletedError, NoSshAddressError),
    ),
    "GET /projects/{projectId}/key": RouteDescription(
        operation_id="getDeployKey",
        summary="Show the public half of a project's deploy key",
        responses={_OK: DeployKeyDocument},
        errors=(ProjectNotFoundError, DeployKeyNotFoundError),
    ),
    "DELETE /projects/{projectId}/key": RouteDescription(
        operation_id="deleteDeployKey",
        summary="Remove the deploy key of a project",
        description="Builds then fetch the repository over HTTPS.",
        responses={HTTPStatus.NO_CONTENT: None},
        errors=(ProjectNotFoundError, ProjectChangedError, ProjectDeletedError, DeployKeyNotFoundError),
    ),
    "GET /deployments/{deploymentId}": RouteDescription(
        operation_id="getDeployment",
        summary="Show a deployment",
        responses={_OK: DeploymentDocument},
        errors=(DeploymentNotFoundError,),
    ),
    "GET /deployments/{deploymentId}/logs": RouteDescription(
        operation_id="getLog",
        summary="Read the build log of a deployment",
        description=(
            "Until the build has ended, every response contains a cursor. Use it to request new lines."
        ),
        pagination=Pagination(default=DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE),
        responses={_OK: LogDocument},
        errors=(DeploymentNotFoundError, ArchivedLogError, UnavailableError),
    ),
    "POST /deployments/{deploymentId}/cancel": RouteDescription(
        operation_id="cancelDeployment",
        summary="Cancel a deployment before its release starts",
        description="The build is stopped. Repeated requests have no further effect.",
        responses={_OK: DeploymentDocument},
        headers=_IDEMPOTENCY_KEY,
        errors=(
            DeploymentNotFoundError,
            StaleDeploymentError,
            IdempotencyKeyReusedError,
            MalformedError,
        ),
    ),
    "POST /deployments/{deploymentId}/promote": RouteDescription(
        operation_id="promoteDeployment",
        summary="Make a kept release live without a build",
        description=(
            "By default, the project is pinned: until you remove the pin, new builds become `ready` and do "
            "not replace this release. The answer says which deployment was live before."
        ),
        body=PromotionOptions,
        is_body_required=False,
        headers=_IDEMPOTENCY_KEY,
        responses={_OK: PromotedDocument},
        errors=(
            TooManyRequestsError,
            DeploymentNotFoundError,
            NotReleasedError,
            ReleaseCollectedError,
            ProjectDeletedError,
            StaleDeploymentError,
            SwitchOvertakenError,
            ProjectChangedError,
            IdempotencyKeyReusedError,
        ),
    ),
    "GET /openapi.json": RouteDescription(
        operation_id="getOpenApi",
        summary="Show this document",
        responses={_OK: dict[str, Any]},
    ),
}

PLATFORM: Final = Api(
    title="anchor-deploy platform",
    description=(
        "Projects, deployments and environment variables. "
        "Requests for resources of other users are answered with 404."
    ),
    routes=ROUTES,
    descriptions=_DESCRIPTIONS,
)
