"""docs/openapi.json: the platform's API (A2)."""

from http import HTTPStatus
from typing import Any, Final

from reference.api_document import Api, Described, Listed
from runtime.deploy.api.answers import (
    AcceptedDocument,
    CreatedProjectDocument,
    DeploymentDocument,
    DeploymentsDocument,
    IgnoredDocument,
    LogDocument,
    ProjectDocument,
    ProjectsDocument,
    VariablesDocument,
)
from runtime.deploy.api.project_input import NewDeployment, NewProject, ProjectChanges
from runtime.deploy.api.routes import ROUTES
from runtime.deploy.builds.build_logs import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, ArchivedLogError
from runtime.deploy.builds.pushing import SignatureRefusedError
from runtime.deploy.errors import (
    DeploymentInProgressError,
    DeploymentNotFoundError,
    NotReleasedError,
    ProjectChangedError,
    ProjectDeletedError,
    ProjectNotFoundError,
    ReleaseCollectedError,
    SiteNotFoundError,
    StaleDeploymentError,
    SwitchOvertakenError,
)
from runtime.deploy.repositories.variables import NewVariables
from runtime.shared.errors import MalformedError, UnavailableError, UnsupportedContentError

_OK: Final = HTTPStatus.OK

_DESCRIBED: Final = {
    "POST /webhook/{projectId}": Described(
        operation="receivePush",
        summary="Receive a push from GitHub",
        description="The signature is the HMAC-SHA256 of the raw body with the project's webhook secret.",
        answers={HTTPStatus.ACCEPTED: AcceptedDocument, _OK: IgnoredDocument},
        headers={
            "X-Hub-Signature-256": "`sha256=` and the signature in hexadecimal digits.",
            "X-GitHub-Event": "What happened; all but `push` is ignored.",
        },
        refused=(SignatureRefusedError, MalformedError, UnsupportedContentError, ProjectChangedError),
    ),
    "POST /projects": Described(
        operation="createProject",
        summary="Create a project on a declared site",
        body=NewProject,
        answers={HTTPStatus.CREATED: CreatedProjectDocument},
    ),
    "GET /projects": Described(
        operation="listProjects",
        summary="List your projects, newest first",
        listed=Listed(),
        answers={_OK: ProjectsDocument},
    ),
    "GET /projects/{projectId}": Described(
        operation="getProject",
        summary="Show a project",
        answers={_OK: ProjectDocument},
        refused=(ProjectNotFoundError,),
    ),
    "PATCH /projects/{projectId}": Described(
        operation="changeProject",
        summary="Change a project",
        body=ProjectChanges,
        answers={_OK: ProjectDocument},
        refused=(ProjectNotFoundError, ProjectDeletedError),
    ),
    "DELETE /projects/{projectId}": Described(
        operation="deleteProject",
        summary="Delete a project, with all its releases and secrets",
        description="Its site can be had by another project then. If it breaks off, delete it again.",
        answers={HTTPStatus.NO_CONTENT: None},
        refused=(ProjectNotFoundError, DeploymentInProgressError, ProjectChangedError),
    ),
    "GET /projects/{projectId}/deployments": Described(
        operation="listDeployments",
        summary="List a project's deployments, newest first",
        listed=Listed(),
        answers={_OK: DeploymentsDocument},
        refused=(ProjectNotFoundError,),
    ),
    "POST /projects/{projectId}/deployments": Described(
        operation="deploy",
        summary="Deploy a commit, or a branch's head, by hand",
        description="It waits for its build like one that was pushed, and replaces what waits before it.",
        body=NewDeployment,
        answers={HTTPStatus.CREATED: DeploymentDocument},
        refused=(ProjectNotFoundError, ProjectChangedError, ProjectDeletedError),
    ),
    "GET /projects/{projectId}/env": Described(
        operation="getVariables",
        summary="Show a project's environment variables",
        description="A secret has a name and no value.",
        answers={_OK: VariablesDocument},
        refused=(ProjectNotFoundError,),
    ),
    "PUT /projects/{projectId}/env": Described(
        operation="setVariables",
        summary="Replace a project's environment variables",
        description="They reach the site with its next deployment.",
        body=NewVariables,
        answers={_OK: VariablesDocument},
        refused=(ProjectNotFoundError, ProjectChangedError, ProjectDeletedError, SiteNotFoundError),
    ),
    "GET /deployments/{deploymentId}": Described(
        operation="getDeployment",
        summary="Show a deployment",
        answers={_OK: DeploymentDocument},
        refused=(DeploymentNotFoundError,),
    ),
    "GET /deployments/{deploymentId}/logs": Described(
        operation="getLog",
        summary="Read the log of a deployment's build",
        description=(
            "Until the build has ended, every answer has a cursor: ask again with it for what came since."
        ),
        listed=Listed(usual=DEFAULT_PAGE_SIZE, largest=MAX_PAGE_SIZE),
        answers={_OK: LogDocument},
        refused=(DeploymentNotFoundError, ArchivedLogError, UnavailableError),
    ),
    "POST /deployments/{deploymentId}/cancel": Described(
        operation="cancelDeployment",
        summary="Cancel a deployment that is not being released yet",
        description="Its build is stopped. Cancelling again changes nothing.",
        answers={_OK: DeploymentDocument},
        refused=(DeploymentNotFoundError, StaleDeploymentError),
    ),
    "POST /deployments/{deploymentId}/promote": Described(
        operation="promoteDeployment",
        summary="Make a kept release live again, without a build",
        description="The project is pinned: automatic releases do not replace it until the pin is released.",
        answers={_OK: DeploymentDocument},
        refused=(
            DeploymentNotFoundError,
            NotReleasedError,
            ReleaseCollectedError,
            ProjectDeletedError,
            StaleDeploymentError,
            SwitchOvertakenError,
            ProjectChangedError,
        ),
    ),
    "GET /openapi.json": Described(
        operation="getOpenApi",
        summary="Show this document",
        answers={_OK: dict[str, Any]},
    ),
}

PLATFORM: Final = Api(
    title="anchor-deploy platform",
    description=(
        "Projects, their deployments and their environment variables. "
        "What is another user's is answered as what does not exist."
    ),
    routes=ROUTES,
    described=_DESCRIBED,
)
