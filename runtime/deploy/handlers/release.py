"""The handler of the release queue. It releases built deployments, one after the other for each project."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy import composition
from runtime.deploy.messages import DeploymentMessage
from runtime.deploy.releases.releasing import Releaser
from runtime.shared.batches import handle_records
from runtime.shared.environment import load_environment
from runtime.shared.logging import Log


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    audit_table: str
    artifacts_bucket: str
    assets_bucket: str
    key_value_store_arn: str
    signing_key_arn: str
    secrets_key_arn: str
    kept_releases: str
    edge_release_bytes: str
    max_receive_count: str


@cache
def get_service() -> Releaser:
    """Return the function's service, created at the first message."""
    return composition.create_releaser(load_environment(Environment, os.environ))


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Release the deployment of each message, and return the failed messages."""
    return handle_event(event, get_service())


def handle_event(event: Mapping[str, Any], releaser: Releaser) -> dict[str, Any]:
    """Release deployments with the given service."""
    log = Log()

    def release(record: Mapping[str, Any]) -> None:
        message = DeploymentMessage.from_body(record["body"])
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        releaser.release(
            message,
            log.bind(projectId=message.project_id, deploymentId=message.deployment_id, receives=receives),
            is_last=receives >= releaser.max_receive_count,
        )

    return handle_records(event, release, log, in_order=True)
