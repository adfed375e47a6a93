"""The handler of the API routes that change the edge or a deploy key.

Both kinds of routes need awscrt, which only some functions have.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from attrs import frozen

from runtime.deploy import composition
from runtime.deploy.api.deleting import ProjectDeletion
from runtime.deploy.api.deploy_keys import DeployKeyService
from runtime.deploy.api.documents import build_deploy_key_document, build_promoted_document
from runtime.deploy.api.project_input import PromotionOptions
from runtime.deploy.api.routes import GROUP, ROUTES
from runtime.deploy.audit.model import Origin
from runtime.deploy.releases.switching import Switch
from runtime.shared.api.dispatch import Operations, dispatch_request
from runtime.shared.api.http import Request, Response, create_json_response, create_no_content_response
from runtime.shared.api.idempotency import read_idempotent_request
from runtime.shared.api.inputs import read_input
from runtime.shared.api.requests import read_optional_json_body
from runtime.shared.environment import load_environment


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    assets_bucket: str
    audit_table: str
    key_value_store_arn: str
    secrets_key_arn: str
    deploy_keys_path: str
    max_promotions_per_minute: str


@frozen(kw_only=True)
class Services:
    """The services of the handler's routes.

    Attributes:
        deletion: Returns the deletion service. Only called by a delete request, because creating its clients
            takes time.
        deploy_keys: Returns the service of deploy keys. Only called when needed, for the same reason.
    """

    switch: Switch
    deletion: Callable[[], ProjectDeletion]
    deploy_keys: Callable[[], DeployKeyService]


@cache
def get_service() -> Services:
    """Return the function's services, created at the first request."""
    environment = load_environment(Environment, os.environ)
    return Services(
        switch=composition.create_switch(environment),
        deletion=lambda: composition.create_project_deletion(environment),
        deploy_keys=lambda: composition.create_deploy_key_service(environment),
    )


def handle(event: Mapping[str, Any], _context: object) -> Response:
    """Answer the request of a signed-in user."""
    return handle_event(event, get_service())


def handle_event(event: Mapping[str, Any], services: Services) -> Response:
    """Answer a request with the given services."""
    return dispatch_request(event, OPERATIONS, services, routes=ROUTES, public_operations={}, group=GROUP)


def _promote_deployment(services: Services, user_id: str, request: Request) -> Response:
    options = read_input(PromotionOptions, read_optional_json_body(request))
    promotion = services.switch.promote(
        user_id,
        request.path_parameters["deploymentId"],
        pin=options.pin,
        request=read_idempotent_request(request),
        origin=Origin.from_request(request),
    )
    return create_json_response(HTTPStatus.OK, build_promoted_document(promotion))


def _delete_project(services: Services, user_id: str, request: Request) -> Response:
    services.deletion().delete(
        user_id, request.path_parameters["projectId"], origin=Origin.from_request(request)
    )
    return create_no_content_response()


def _create_deploy_key(services: Services, user_id: str, request: Request) -> Response:
    shown = services.deploy_keys().create(
        user_id, request.path_parameters["projectId"], origin=Origin.from_request(request)
    )
    return create_json_response(HTTPStatus.CREATED, build_deploy_key_document(shown))


def _get_deploy_key(services: Services, user_id: str, request: Request) -> Response:
    shown = services.deploy_keys().show(user_id, request.path_parameters["projectId"])
    return create_json_response(HTTPStatus.OK, build_deploy_key_document(shown))


def _delete_deploy_key(services: Services, user_id: str, request: Request) -> Response:
    services.deploy_keys().delete(
        user_id, request.path_parameters["projectId"], origin=Origin.from_request(request)
    )
    return create_no_content_response()


OPERATIONS: Operations[Services] = {
    "POST /deployments/{deploymentId}/promote": _promote_deployment,
    "DELETE /projects/{projectId}": _delete_project,
    "POST /projects/{projectId}/key": _create_deploy_key,
    "GET /projects/{projectId}/key": _get_deploy_key,
    "DELETE /projects/{projectId}/key": _delete_deploy_key,
}
"""The operation of each route that `runtime.deploy.api.routes` assigns to this function."""
