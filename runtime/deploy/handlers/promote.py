"""What of the platform's API changes the edge: promoting a release, and deleting a project."""

import os
import random
import time
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from attrs import frozen

from runtime.deploy.api.deleting import Deletion
from runtime.deploy.api.documents import deployment_document
from runtime.deploy.releases.edge_store import EdgeStore
from runtime.deploy.releases.publishing import FunctionPublisher
from runtime.deploy.releases.switching import Switch
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.retention import RetentionRepository
from runtime.deploy.repositories.variables import SecretRemover
from runtime.deploy.upkeep.collecting import Withdrawal
from runtime.shared import aws
from runtime.shared.api.dispatch import Operations, dispatch
from runtime.shared.api.http import Request, Response, answer, no_content
from runtime.shared.clock import utc_now
from runtime.shared.environment import load


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    key_value_store_arn: str


@frozen(kw_only=True)
class Services:
    """What its routes are answered with.

    Attributes:
        deletion: Returns what deletes; called by a deletion only, because making its client takes time.
    """

    switch: Switch
    deletion: Callable[[], Deletion]


@cache
def service() -> Services:
    """Return the function's services, composed at its first request."""
    environment = load(Environment, os.environ)
    dynamodb = aws.client("dynamodb")
    projects = ProjectRepository(client=dynamodb, table=environment.projects_table)
    deployments = DeploymentRepository(
        client=dynamodb, table=environment.deployments_table, projects=projects
    )
    edge = EdgeStore(
        client=aws.client("cloudfront-keyvaluestore"),
        arn=environment.key_value_store_arn,
        pause=time.sleep,
        jitter=random.random,
    )
    tables = {
        "projects_table": environment.projects_table,
        "deployments_table": environment.deployments_table,
    }
    return Services(
        switch=Switch(
            projects=projects,
            deployments=deployments,
            edge=edge,
            publisher=FunctionPublisher(client=aws.client("lambda"), pause=time.sleep),
            clock=utc_now,
        ),
        deletion=lambda: Deletion(
            projects=projects,
            rows=ProjectDeletionRepository(client=dynamodb, **tables),
            edge=edge,
            withdrawal=Withdrawal(
                projects=projects, retention=RetentionRepository(client=dynamodb, **tables), edge=edge
            ),
            secrets=SecretRemover(client=aws.client("ssm")),
            clock=utc_now,
        ),
    )


def handle(event: Mapping[str, Any], _context: object) -> Response:
    """Answer a signed-in user's request."""
    return respond(event, service())


def respond(event: Mapping[str, Any], services: Services) -> Response:
    """Answer a request with the given services."""
    return dispatch(event, OPERATIONS, services, to_all={})


def _promote(services: Services, user_id: str, request: Request) -> Response:
    deployment = services.switch.promote(user_id, request.path_parameters["deploymentId"])
    return answer(HTTPStatus.OK, deployment_document(deployment))


def _delete_project(services: Services, user_id: str, request: Request) -> Response:
    services.deletion().delete(user_id, request.path_parameters["projectId"])
    return no_content()


OPERATIONS: Operations[Services] = {
    "POST /deployments/{deploymentId}/promote": _promote,
    "DELETE /projects/{projectId}": _delete_project,
}
"""What answers each route that `runtime.deploy.api.routes` gives to this function."""
