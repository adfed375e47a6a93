"""The handler of `POST /webhook/{projectId}`: GitHub's push deliveries."""

import os
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from attrs import frozen

from runtime.deploy import composition
from runtime.deploy.audit.model import Channel, Origin
from runtime.deploy.builds.github import IgnoredDelivery
from runtime.deploy.builds.pushing import Delivery, PushReceiver
from runtime.shared.api.http import Request, Response, create_error_response, create_json_response
from runtime.shared.aws_errors import translate_retryable_errors
from runtime.shared.environment import load_environment
from runtime.shared.errors import AnchorError, UnavailableError
from runtime.shared.logging import Log


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    audit_table: str
    build_queue_url: str
    signing_key_arn: str
    max_queued_deployments: str
    max_build_minutes_per_day: str
    max_manual_deployments_per_hour: str


@cache
def get_service() -> PushReceiver:
    """Return the function's service, created at the first request."""
    return composition.create_push_receiver(load_environment(Environment, os.environ))


def handle(event: Mapping[str, Any], _context: object) -> Response:
    """Answer a delivery: 202 with the deployment, 200 with the reason why there is none, or an error."""
    return handle_event(event, get_service())


def handle_event(event: Mapping[str, Any], pushes: PushReceiver) -> Response:
    """Answer a delivery with the given service.

    A temporary refusal by AWS is answered with 503. GitHub does not retry a failed delivery, but shows it
    with the reason and a button to redeliver it. If the push was already recorded, the redelivery creates no
    second deployment.
    """
    request = Request.from_event(event)
    project_id = request.path_parameters.get("projectId", "")
    log = Log().bind(
        requestId=request.request_id,
        projectId=project_id,
        delivery=request.headers.get("x-github-delivery"),
    )
    delivery = Delivery(
        signature=request.headers.get("x-hub-signature-256"),
        event=request.headers.get("x-github-event"),
        content_type=request.headers.get("content-type", ""),
        body=request.body,
        origin=Origin.from_request(request, Channel.WEBHOOK),
    )
    try:
        with translate_retryable_errors():
            outcome = pushes.receive(project_id, delivery)
    except UnavailableError as error:
        log.report_error("the delivery cannot be accepted now: redeliver it later", error.__cause__ or error)
        return create_error_response(error)
    except AnchorError as error:
        log.warning("delivery refused", reason=str(error))
        return create_error_response(error)
    if isinstance(outcome, IgnoredDelivery):
        log.info("delivery ignored", reason=outcome.reason)
        return create_json_response(HTTPStatus.OK, {"ignored": outcome.reason})
    log.info("delivery accepted", deploymentId=outcome.deployment_id, status=outcome.status)
    return create_json_response(HTTPStatus.ACCEPTED, {"deploymentId": outcome.deployment_id})
