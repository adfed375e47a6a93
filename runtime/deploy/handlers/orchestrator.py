"""The handler of the build queue. It starts builds."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy import composition
from runtime.deploy.builds.building import Builder
from runtime.deploy.messages import DeploymentMessage
from runtime.shared.batches import handle_records
from runtime.shared.environment import load_environment
from runtime.shared.logging import Log


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    artifacts_bucket: str
    build_queue_url: str
    concurrent_builds: str
    signing_key_arn: str
    secrets_key_arn: str
    deploy_keys_path: str
    max_receive_count: str


@cache
def get_service() -> Builder:
    """Return the function's service, created at the first message."""
    return composition.create_builder(load_environment(Environment, os.environ))


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Start the build of each message's deployment, and return the failed messages."""
    return handle_event(event, get_service())


def handle_event(event: Mapping[str, Any], builder: Builder) -> dict[str, Any]:
    """Start builds with the given service."""
    log = Log()

    def receive(record: Mapping[str, Any]) -> None:
        message = DeploymentMessage.from_body(record["body"])
        builder.receive(
            message,
            log.bind(projectId=message.project_id),
            receipt=record["receiptHandle"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
        )

    return handle_records(event, receive, log)
