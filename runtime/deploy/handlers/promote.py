"""`POST /deployments/{deploymentId}/promote`: makes a release live again and pins it."""

import os
import random
import time
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from attrs import frozen

from runtime.deploy.deployments import DeploymentRepository
from runtime.deploy.documents import deployment_document
from runtime.deploy.edge_store import EdgeStore
from runtime.deploy.projects import ProjectRepository
from runtime.deploy.promotion import Promotion
from runtime.deploy.publishing import FunctionPublisher
from runtime.deploy.switching import Switch
from runtime.shared import aws
from runtime.shared.clock import utc_now
from runtime.shared.environment import load
from runtime.shared.errors import AnchorError
from runtime.shared.http import Request, Response, answer, refusal
from runtime.shared.logging import Log


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    key_value_store_arn: str


@cache
def service() -> Promotion:
    """Return the function's one service, composed at its first request."""
    environment = load(Environment, os.environ)
    dynamodb = aws.client("dynamodb")
    projects = ProjectRepository(client=dynamodb, table=environment.projects_table)
    deployments = DeploymentRepository(
        client=dynamodb, table=environment.deployments_table, projects=projects
    )
    return Promotion(
        projects=projects,
        deployments=deployments,
        switch=Switch(
            projects=projects,
            deployments=deployments,
            edge=EdgeStore(
                client=aws.client("cloudfront-keyvaluestore"),
                arn=environment.key_value_store_arn,
                pause=time.sleep,
                jitter=random.random,
            ),
            publisher=FunctionPublisher(client=aws.client("lambda"), pause=time.sleep),
            clock=utc_now,
        ),
        clock=utc_now,
    )


def handle(event: Mapping[str, Any], _context: object) -> Response:
    """Answer a signed-in user's request: the deployment, live, or a problem."""
    return respond(event, service())


def respond(event: Mapping[str, Any], promotion: Promotion) -> Response:
    """Answer a request with the given service."""
    request = Request.from_event(event)
    deployment_id = request.path_parameters.get("deploymentId", "")
    log = Log().bound(requestId=request.request_id, deploymentId=deployment_id)
    try:
        deployment = promotion.promote(request.user_id, deployment_id)
    except AnchorError as error:
        log.info("request refused", reason=str(error))
        return refusal(error)
    log.info("promoted", projectId=deployment.project_id)
    return answer(HTTPStatus.OK, deployment_document(deployment))
