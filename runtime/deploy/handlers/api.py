"""The handler of the platform's API, except for routes that have their own function."""

import os
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from attrs import frozen

from runtime.deploy import composition
from runtime.deploy.api.documents import (
    build_audit_document,
    build_deployment_document,
    build_project_document,
    build_site_document,
    build_variables_document,
    make_function_log_document,
    make_log_document,
)
from runtime.deploy.api.log_input import read_log_filter
from runtime.deploy.api.managing import ProjectService
from runtime.deploy.api.project_input import NewDeployment, NewProject, ProjectChanges
from runtime.deploy.api.routes import GROUP, ROUTES
from runtime.deploy.audit.model import Origin
from runtime.deploy.builds.build_logs import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from runtime.deploy.model import Project, Status
from runtime.deploy.repositories.variables import NewVariables, VariableChanges
from runtime.shared.api.dispatch import Operations, PublicOperations, dispatch_request
from runtime.shared.api.http import Request, Response, create_json_response
from runtime.shared.api.idempotency import read_idempotent_request
from runtime.shared.api.inputs import read_input
from runtime.shared.api.openapi import OPENAPI_ROUTE, serve_openapi
from runtime.shared.api.requests import read_choices, read_expected_versions, read_json_body, read_page_limit
from runtime.shared.environment import load_environment


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    audit_table: str
    signing_key_arn: str
    secrets_key_arn: str
    api_endpoint: str
    build_queue_url: str
    concurrent_builds: str
    logs_bucket: str
    max_projects: str
    max_queued_deployments: str
    max_build_minutes_per_day: str
    max_manual_deployments_per_hour: str


@cache
def get_service() -> ProjectService:
    """Return the function's service, created at the first request."""
    return composition.create_project_service(load_environment(Environment, os.environ))


def handle(event: Mapping[str, Any], _context: object) -> Response:
    """Answer the request of a signed-in user."""
    return handle_event(event, get_service())


def handle_event(event: Mapping[str, Any], management: ProjectService) -> Response:
    """Answer a request with the given service."""
    return dispatch_request(event, OPERATIONS, management, routes=ROUTES, public_operations=OPEN, group=GROUP)


def _create_project(management: ProjectService, user_id: str, request: Request) -> Response:
    created = management.create_project(
        user_id,
        read_input(NewProject, read_json_body(request)),
        request=read_idempotent_request(request),
        origin=Origin.from_request(request),
    )
    return create_json_response(
        HTTPStatus.CREATED,
        {
            **build_project_document(created.project, created.site),
            "webhook": {"url": created.webhook_url, "secret": created.webhook_secret},
        },
    )


def _list_sites(management: ProjectService, user_id: str, _: Request) -> Response:
    documents = [build_site_document(offered) for offered in management.list_sites(user_id)]
    return create_json_response(HTTPStatus.OK, {"sites": documents})


def _list_projects(management: ProjectService, user_id: str, request: Request) -> Response:
    page = management.list_projects(
        user_id, limit=read_page_limit(request), cursor=request.query.get("cursor")
    )
    documents = [build_project_document(project, site) for project, site in page.items]
    return create_json_response(HTTPStatus.OK, {"projects": documents, "cursor": page.cursor})


def _get_project(management: ProjectService, user_id: str, request: Request) -> Response:
    project, site = management.get_project(user_id, request.path_parameters["projectId"])
    return create_json_response(HTTPStatus.OK, build_project_document(project, site))


def _change_project(management: ProjectService, user_id: str, request: Request) -> Response:
    changes = read_input(ProjectChanges, read_json_body(request))
    project, site = management.change_project(
        user_id, request.path_parameters["projectId"], changes, origin=Origin.from_request(request)
    )
    return create_json_response(HTTPStatus.OK, build_project_document(project, site))


def _list_deployments(management: ProjectService, user_id: str, request: Request) -> Response:
    project, page = management.list_deployments(
        user_id,
        request.path_parameters["projectId"],
        statuses=[Status(each) for each in read_choices(request, "status", tuple(Status))],
        limit=read_page_limit(request),
        cursor=request.query.get("cursor"),
    )
    documents = [build_deployment_document(deployment) for deployment in page.items]
    return create_json_response(
        HTTPStatus.OK, {"deployments": documents, "pinned": project.pinned, "cursor": page.cursor}
    )


def _get_deployment(management: ProjectService, user_id: str, request: Request) -> Response:
    deployment = management.get_deployment(user_id, request.path_parameters["deploymentId"])
    return create_json_response(HTTPStatus.OK, build_deployment_document(deployment))


def _create_deployment(management: ProjectService, user_id: str, request: Request) -> Response:
    wanted = read_input(NewDeployment, read_json_body(request))
    deployment = management.deploy(
        user_id,
        request.path_parameters["projectId"],
        wanted,
        request=read_idempotent_request(request),
        origin=Origin.from_request(request),
    )
    return create_json_response(HTTPStatus.CREATED, build_deployment_document(deployment))


def _get_log(management: ProjectService, user_id: str, request: Request) -> Response:
    page = management.read_build_log(
        user_id,
        request.path_parameters["deploymentId"],
        limit=read_page_limit(request, default=DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE),
        cursor=request.query.get("cursor"),
    )
    return create_json_response(HTTPStatus.OK, make_log_document(page))


def _get_function_log(management: ProjectService, user_id: str, request: Request) -> Response:
    page = management.read_function_log(
        user_id,
        request.path_parameters["projectId"],
        read_log_filter(request),
        limit=read_page_limit(request, default=DEFAULT_PAGE_SIZE, maximum=MAX_PAGE_SIZE),
        cursor=request.query.get("cursor"),
    )
    return create_json_response(HTTPStatus.OK, make_function_log_document(page))


def _cancel_deployment(management: ProjectService, user_id: str, request: Request) -> Response:
    deployment = management.cancel(
        user_id,
        request.path_parameters["deploymentId"],
        request=read_idempotent_request(request),
        origin=Origin.from_request(request),
    )
    return create_json_response(HTTPStatus.OK, build_deployment_document(deployment))


def _list_audit_entries(management: ProjectService, user_id: str, request: Request) -> Response:
    page = management.audit_log.list_entries(
        user_id,
        request.path_parameters["projectId"],
        action=request.query.get("action"),
        limit=read_page_limit(request),
        cursor=request.query.get("cursor"),
    )
    return create_json_response(HTTPStatus.OK, build_audit_document(page))


def _get_variables(management: ProjectService, user_id: str, request: Request) -> Response:
    return _show_variables(management.variables.get(user_id, request.path_parameters["projectId"]))


def _set_variables(management: ProjectService, user_id: str, request: Request) -> Response:
    wanted = read_input(NewVariables, read_json_body(request))
    return _show_variables(
        management.variables.replace(
            user_id,
            request.path_parameters["projectId"],
            wanted.variables,
            expected=read_expected_versions(request),
            origin=Origin.from_request(request),
        )
    )


def _change_variables(management: ProjectService, user_id: str, request: Request) -> Response:
    changes = read_input(VariableChanges, read_json_body(request))
    return _show_variables(
        management.variables.change(
            user_id,
            request.path_parameters["projectId"],
            changes,
            expected=read_expected_versions(request),
            origin=Origin.from_request(request),
        )
    )


def _show_variables(project: Project) -> Response:
    document = build_variables_document(project)
    return create_json_response(HTTPStatus.OK, document, etag=str(document["version"]))


OPERATIONS: Operations[ProjectService] = {
    "POST /projects": _create_project,
    "GET /sites": _list_sites,
    "GET /projects": _list_projects,
    "GET /projects/{projectId}": _get_project,
    "PATCH /projects/{projectId}": _change_project,
    "GET /projects/{projectId}/deployments": _list_deployments,
    "POST /projects/{projectId}/deployments": _create_deployment,
    "GET /projects/{projectId}/logs": _get_function_log,
    "GET /projects/{projectId}/audit": _list_audit_entries,
    "GET /projects/{projectId}/env": _get_variables,
    "PUT /projects/{projectId}/env": _set_variables,
    "PATCH /projects/{projectId}/env": _change_variables,
    "GET /deployments/{deploymentId}": _get_deployment,
    "GET /deployments/{deploymentId}/logs": _get_log,
    "POST /deployments/{deploymentId}/cancel": _cancel_deployment,
}
"""The operation of each route that `runtime.deploy.api.routes` assigns to this function."""

OPEN: PublicOperations = {OPENAPI_ROUTE: serve_openapi("openapi.json")}
"""The operation of each route that needs no token."""
