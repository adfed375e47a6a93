"""Events as AWS sends them to the functions."""

import base64
import hashlib
import hmac
import json
from typing import Any

from runtime.deploy.model import Deployment


def make_api_event(
    route: str,
    *,
    user_id: str | None = None,
    body: object = None,
    query: dict[str, str] | None = None,
    groups: str = "[deploy images]",
    **path: str,
) -> dict[str, Any]:
    """Return an event of API Gateway's HTTP API.

    Args:
        route: Method and path template, such as `GET /projects/{projectId}`.
        user_id: The user whose token the authorizer has verified. None for a request without a token.
        body: Text is sent unchanged, and any other value as JSON. None for a request without a body.
        query: Query parameters.
        groups: The user's groups, as API Gateway passes them.
        path: Value of each placeholder in the path template.
    """
    method, template = route.split(" ")
    claims = {"sub": user_id, "token_use": "access", "cognito:groups": groups}
    authorizer = {"authorizer": {"jwt": {"claims": claims, "scopes": None}}} if user_id else {}
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": template.format(**path),
        "headers": {"content-type": "application/json"},
        "queryStringParameters": query,
        "pathParameters": path or None,
        "requestContext": {"requestId": "request-1", "http": {"method": method}, **authorizer},
        "body": body if isinstance(body, str) else None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def make_delivery_event(
    project_id: str, secret: str, body: bytes, *, encoded: bool = False, **headers: str | None
) -> dict[str, Any]:
    """Return the event of a signed GitHub delivery.

    Args:
        project_id: The project in the webhook's path.
        secret: The webhook secret that signs the body.
        body: The body of the delivery.
        encoded: Whether the event contains the body in base64.
        headers: New values for some of the usual headers, such as `x_github_event="ping"`. The value None
            removes a header.
    """
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    sent: dict[str, str | None] = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": signature,
    }
    names = {name.lower().replace("-", "_"): name for name in sent}
    for name, value in headers.items():
        sent[names[name]] = value
    return {
        **make_api_event("POST /webhook/{projectId}", projectId=project_id),
        "headers": {name: value for name, value in sent.items() if value is not None},
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


def make_sqs_event(*bodies: str, receives: int = 1) -> dict[str, Any]:
    """Return an SQS event with one message for each body. Each message has been received `receives` times."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }


def make_build_state_event(
    deployment: Deployment,
    status: str = "SUCCEEDED",
    *,
    build_id: str | None = None,
    failing: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a CodeBuild event in the format of the example in CodeBuild's user guide.

    Args:
        deployment: The deployment that started the build.
        status: The status of the build.
        build_id: The id of the build. The default is the id that the deployment has recorded.
        failing: The fields of the failed phase that differ from a successful phase. Its `phase-type` says
            which phase failed. None if all phases succeeded.
    """
    build_id = build_id or deployment.build_id or "anchor-dev-site-next-site-build:unknown"
    project, _, build = build_id.partition(":")
    arn = f"arn:aws:codebuild:ap-southeast-1:123456789012:build/{build_id}"

    def make_phase(kind: str) -> dict[str, Any]:
        return {
            "phase-context": [": "],
            "start-time": "Jan 31, 2026 9:30:12 AM",
            "end-time": "Jan 31, 2026 9:31:05 AM",
            "duration-in-seconds": 36,
            "phase-type": kind,
            "phase-status": "SUCCEEDED",
        }

    phases = [
        make_phase(kind)
        for kind in (
            "SUBMITTED",
            "QUEUED",
            "PROVISIONING",
            "DOWNLOAD_SOURCE",
            "INSTALL",
            "BUILD",
            "POST_BUILD",
            "UPLOAD_ARTIFACTS",
        )
    ]
    for each in phases:
        if failing and each["phase-type"] == failing["phase-type"]:
            each.update(failing)
    return {
        "version": "0",
        "id": "c030038d-8c4d-6141-9545-00ff7b7153EX",
        "detail-type": "CodeBuild Build State Change",
        "source": "aws.codebuild",
        "account": "123456789012",
        "time": "2026-01-31T09:35:28Z",
        "region": "ap-southeast-1",
        "resources": [arn],
        "detail": {
            "build-status": status,
            "project-name": project,
            "build-id": arn,
            "additional-information": {
                "artifact": {"location": "arn:aws:s3:::bucket/artifacts/next-site"},
                "environment": {
                    "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
                    "privileged-mode": False,
                    "compute-type": "BUILD_GENERAL1_SMALL",
                    "type": "LINUX_CONTAINER",
                    "environment-variables": [
                        {"name": "ANCHOR_PROJECT_ID", "value": deployment.project_id, "type": "PLAINTEXT"},
                        {
                            "name": "ANCHOR_DEPLOYMENT_ID",
                            "value": deployment.deployment_id,
                            "type": "PLAINTEXT",
                        },
                    ],
                },
                "timeout-in-minutes": 30,
                "build-complete": True,
                "initiator": "anchor-dev-orchestrator",
                "build-start-time": "Jan 31, 2026 9:30:12 AM",
                "source": {"type": "NO_SOURCE"},
                "logs": {
                    "group-name": f"/aws/codebuild/{project}",
                    "stream-name": build,
                    "deep-link": "https://console.aws.amazon.com/cloudwatch/home",
                },
                "phases": [
                    *phases,
                    {"start-time": "Jan 31, 2026 9:31:05 AM", "phase-type": "COMPLETED"},
                ],
            },
            "current-phase": "COMPLETED",
            "current-phase-context": "[: ]",
            "version": "1",
        },
    }
