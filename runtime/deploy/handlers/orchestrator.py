"""Build queue: starts builds."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from runtime.deploy.builds.building import Builder
from runtime.deploy.builds.turns import Turns
from runtime.deploy.messages import BuildQueue, DeploymentMessage
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.variables import SecretStore
from runtime.shared import aws
from runtime.shared.batches import handle_records
from runtime.shared.clock import utc_now
from runtime.shared.environment import load
from runtime.shared.logging import Log
from runtime.shared.signing import Signer


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


@cache
def service() -> Builder:
    """Return the function's one service, composed at its first message."""
    environment = load(Environment, os.environ)
    dynamodb = aws.client("dynamodb")
    projects = ProjectRepository(client=dynamodb, table=environment.projects_table)
    deployments = DeploymentRepository(
        client=dynamodb, table=environment.deployments_table, projects=projects
    )
    build_queue = BuildQueue(client=aws.client("sqs"), url=environment.build_queue_url)
    room = int(environment.concurrent_builds)
    turns = Turns.composed(deployments, build_queue, room=room, clock=utc_now)
    return Builder(
        projects=projects,
        deployments=deployments,
        slot=turns.slot,
        turns=turns,
        build_queue=build_queue,
        codebuild=aws.client("codebuild"),
        artifacts_bucket=environment.artifacts_bucket,
        signer=Signer(aws.client("kms"), environment.signing_key_arn),
        secrets=SecretStore(client=aws.client("ssm"), key=environment.secrets_key_arn),
        clock=utc_now,
    )


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Start the build of each message's deployment; return the messages that are to come again."""
    return respond(event, service())


def respond(event: Mapping[str, Any], builder: Builder) -> dict[str, Any]:
    """Start builds with the given service."""
    log = Log()

    def receive(record: Mapping[str, Any]) -> None:
        message = DeploymentMessage.from_body(record["body"])
        builder.receive(
            message,
            log.bound(projectId=message.project_id),
            receipt=record["receiptHandle"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
        )

    return handle_records(event, receive, log)
