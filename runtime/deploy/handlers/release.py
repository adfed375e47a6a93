"""Release queue: makes built deployments live, those of one project one after the other."""

import os
import random
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from attrs import frozen
from botocore.config import Config

from runtime.deploy.messages import DeploymentMessage
from runtime.deploy.releases.edge_store import EdgeStore
from runtime.deploy.releases.publishing import FunctionPublisher
from runtime.deploy.releases.release_steps import ReleaseSteps
from runtime.deploy.releases.releasing import Releaser
from runtime.deploy.releases.switching import Switch
from runtime.deploy.releases.uploading import CONNECTIONS, Uploader, http_put
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared import aws
from runtime.shared.batches import handle_records
from runtime.shared.clock import utc_now
from runtime.shared.environment import load
from runtime.shared.logging import Log
from runtime.shared.signing import Signer

RECEIVES: Final = 3
"""How often the queue brings a message before it is a dead letter (components/aws/queue.py)."""

# Presigned in this form, URLs lead to the bucket's own region. Those of the usual form lead to a global
# address, which sends requests for a new bucket away.
_FOR_UPLOADS: Final = Config(
    signature_version="s3v4", s3={"addressing_style": "virtual"}, max_pool_connections=CONNECTIONS
)
_FOR_SMOKE_TESTS: Final = Config(read_timeout=60)  # longer than a site's functions may run


@frozen(kw_only=True)
class Environment:
    """The function's environment variables."""

    projects_table: str
    deployments_table: str
    artifacts_bucket: str
    assets_bucket: str
    key_value_store_arn: str
    signing_key_arn: str


@cache
def service() -> Releaser:
    """Return the function's one service, composed at its first message."""
    environment = load(Environment, os.environ)
    dynamodb = aws.client("dynamodb")
    s3 = aws.client("s3", _FOR_UPLOADS)
    functions = aws.client("lambda", _FOR_SMOKE_TESTS)
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
    publisher = FunctionPublisher(client=functions, pause=time.sleep)
    return Releaser(
        projects=projects,
        deployments=deployments,
        steps=ReleaseSteps(
            s3=s3,
            artifacts_bucket=environment.artifacts_bucket,
            uploader=Uploader(client=s3, bucket=environment.assets_bucket, put=http_put()),
            tags=dynamodb,
            secrets=aws.client("ssm"),
            signer=Signer(aws.client("kms"), environment.signing_key_arn),
            publisher=publisher,
            functions=functions,
            edge=edge,
            region=s3.meta.region_name,
            clock=utc_now,
            pause=time.sleep,
            jitter=random.random,
        ),
        switch=Switch(
            projects=projects, deployments=deployments, edge=edge, publisher=publisher, clock=utc_now
        ),
        clock=utc_now,
        pause=time.sleep,
    )


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Release each message's deployment; return the messages that are to come again."""
    return respond(event, service())


def respond(event: Mapping[str, Any], releaser: Releaser) -> dict[str, Any]:
    """Release deployments with the given service."""
    log = Log()

    def release(record: Mapping[str, Any]) -> None:
        message = DeploymentMessage.from_body(record["body"])
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        releaser.release(
            message,
            log.bound(projectId=message.project_id, deploymentId=message.deployment_id, receives=receives),
            is_last=receives >= RECEIVES,
        )

    return handle_records(event, release, log, in_order=True)
