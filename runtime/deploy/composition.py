# ruff: noqa: D102, PLC0415 - the names of variables say it; a function imports only what its own services need
"""The composition root: every client, repository and service of the deploy platform is wired here, once.

A handler asks for its service with its own environment; each function below names the variables that it
reads by the type of its argument. Modules are imported and clients are made when they are asked for, because
both take time in a cold start.
"""

import os
import random
import time
from typing import TYPE_CHECKING, Protocol

from runtime.shared import aws
from runtime.shared.clock import utc_now

if TYPE_CHECKING:
    from runtime.deploy.api.deleting import Deletion
    from runtime.deploy.api.managing import Management
    from runtime.deploy.builds.build_results import BuildResults
    from runtime.deploy.builds.building import Builder
    from runtime.deploy.builds.cancelling import Cancellation
    from runtime.deploy.builds.pushing import Pushes
    from runtime.deploy.builds.turns import Turns
    from runtime.deploy.messages import BuildQueue, ReleaseQueue
    from runtime.deploy.releases.edge_store import EdgeStore
    from runtime.deploy.releases.publishing import FunctionPublisher
    from runtime.deploy.releases.release_clients import LambdaClient
    from runtime.deploy.releases.releasing import Releaser
    from runtime.deploy.releases.switching import Switch
    from runtime.deploy.repositories.deployments import DeploymentRepository
    from runtime.deploy.repositories.projects import ProjectRepository
    from runtime.deploy.repositories.retention import RetentionRepository
    from runtime.deploy.upkeep.collecting import Collector, Withdrawal
    from runtime.deploy.upkeep.edge_cache import EdgeCache
    from runtime.deploy.upkeep.sweeping import Sweeper
    from runtime.shared.cursors import Cursors
    from runtime.shared.signing import Signer

_SMOKE_TEST_READ_TIMEOUT = 60  # seconds; longer than a site's functions may run


class Tables(Protocol):
    """Variables with the names of the platform's tables."""

    @property
    def projects_table(self) -> str: ...
    @property
    def deployments_table(self) -> str: ...


class BuildQueueUrl(Protocol):
    """The variable with the URL of the build queue."""

    @property
    def build_queue_url(self) -> str: ...


class ReleaseQueueUrl(Protocol):
    """The variable with the URL of the release queue."""

    @property
    def release_queue_url(self) -> str: ...


class SigningKey(Protocol):
    """The variable with the ARN of the platform's signing key."""

    @property
    def signing_key_arn(self) -> str: ...


class SecretsKey(Protocol):
    """The variable with the ARN of the key that encrypts the sites' secret variables."""

    @property
    def secrets_key_arn(self) -> str: ...


class Store(Protocol):
    """The variable with the ARN of the edge's KeyValueStore."""

    @property
    def key_value_store_arn(self) -> str: ...


class RedrivenQueue(Protocol):
    """The variable with how often a function's queue brings a message before it is a dead letter."""

    @property
    def max_receive_count(self) -> str: ...


class Scheduling(Tables, BuildQueueUrl, Protocol):
    """Variables of everything that starts or ends builds.

    Attributes:
        concurrent_builds: How many builds the stage runs at the same time.
    """

    @property
    def concurrent_builds(self) -> str: ...


class Webhook(Tables, BuildQueueUrl, SigningKey, Protocol):
    """Variables of `pushes`."""


class Building(Scheduling, RedrivenQueue, SigningKey, SecretsKey, Protocol):
    """Variables of `builder`."""

    @property
    def artifacts_bucket(self) -> str: ...


class EndOfBuilds(Scheduling, ReleaseQueueUrl, Protocol):
    """Variables of `build_results` and `sweeper`."""


class Api(Scheduling, SigningKey, SecretsKey, Protocol):
    """Variables of `management`."""

    @property
    def api_endpoint(self) -> str: ...
    @property
    def logs_bucket(self) -> str: ...


class Switching(Tables, Store, Protocol):
    """Variables of `switch` and `deletion`."""


class Releasing(Switching, RedrivenQueue, SigningKey, Protocol):
    """Variables of `releaser`."""

    @property
    def artifacts_bucket(self) -> str: ...
    @property
    def assets_bucket(self) -> str: ...


class Collecting(Switching, Protocol):
    """Variables of `collector`."""

    @property
    def assets_bucket(self) -> str: ...
    @property
    def kept_releases(self) -> str: ...


class EdgeCaching(Store, Protocol):
    """Variables of `edge_cache`."""

    @property
    def distribution_id(self) -> str: ...


def pushes(environment: Webhook) -> "Pushes":
    """Return the service of the webhook."""
    from runtime.deploy.builds.pushing import Pushes
    from runtime.shared.ids import make_ulid_generator

    deployments = _deployments(environment)
    return Pushes(
        projects=deployments.projects,
        deployments=deployments,
        queue=_build_queue(environment),
        signer=_signer(environment),
        ids=make_ulid_generator(utc_now, os.urandom),
        clock=utc_now,
    )


def builder(environment: Building) -> "Builder":
    """Return the service that starts builds."""
    from runtime.deploy.builds.building import Builder
    from runtime.deploy.repositories.variables import SecretStore

    turns = _turns(environment)
    return Builder(
        projects=turns.deployments.projects,
        deployments=turns.deployments,
        slot=turns.slot,
        turns=turns,
        build_queue=turns.build_queue,
        codebuild=aws.client("codebuild"),
        max_receive_count=int(environment.max_receive_count),
        artifacts_bucket=environment.artifacts_bucket,
        signer=_signer(environment),
        secrets=SecretStore(client=aws.client("ssm"), key=environment.secrets_key_arn),
        clock=utc_now,
    )


def build_results(environment: EndOfBuilds) -> "BuildResults":
    """Return the service that records how builds ended."""
    return _build_results(_turns(environment), _release_queue(environment))


def sweeper(environment: EndOfBuilds) -> "Sweeper":
    """Return the service that moves deployments on which stand still."""
    from runtime.deploy.repositories.leases import LeaseRepository
    from runtime.deploy.upkeep.sweeping import Sweeper

    turns, release_queue = _turns(environment), _release_queue(environment)
    return Sweeper(
        projects=turns.deployments.projects,
        deployments=turns.deployments,
        slot=turns.slot,
        turns=turns,
        leases=LeaseRepository(client=aws.client("dynamodb"), table=environment.deployments_table),
        results=_build_results(turns, release_queue),
        build_queue=turns.build_queue,
        release_queue=release_queue,
        codebuild=aws.client("codebuild"),
        clock=utc_now,
    )


def management(environment: Api) -> "Management":
    """Return the service of the API; what only some routes need is made by their first request."""
    from runtime.deploy.api.managing import Management
    from runtime.deploy.builds.build_logs import BuildLogs
    from runtime.deploy.repositories.lists import ListRepository
    from runtime.deploy.repositories.variables import SecretStore
    from runtime.shared.ids import make_ulid_generator

    deployments, signer = _deployments(environment), _signer(environment)
    cursors = _cursors(signer)
    return Management(
        projects=deployments.projects,
        deployments=deployments,
        lists=ListRepository(
            client=aws.client("dynamodb"),
            projects_table=environment.projects_table,
            deployments_table=environment.deployments_table,
            cursors=cursors,
        ),
        secrets=SecretStore(client=aws.client("ssm"), key=environment.secrets_key_arn),
        cancellation=lambda: _cancellation(environment),
        build_queue=lambda: _build_queue(environment),
        logs=lambda: BuildLogs(
            logs=aws.client("logs"),
            objects=lambda: aws.client("s3"),
            bucket=environment.logs_bucket,
            cursors=cursors,
        ),
        signer=signer,
        ids=make_ulid_generator(utc_now, os.urandom),
        clock=utc_now,
        api_endpoint=environment.api_endpoint,
    )


def releaser(environment: Releasing) -> "Releaser":
    """Return the service that makes built deployments live."""
    from botocore.config import Config

    from runtime.deploy.releases.release_steps import ReleaseSteps
    from runtime.deploy.releases.releasing import Releaser
    from runtime.deploy.releases.uploading import CONNECTIONS, Uploader, make_http_put

    # Presigned in this form, URLs lead to the bucket's own region. Those of the usual form lead to a global
    # address, which sends requests for a new bucket away.
    s3 = aws.client(
        "s3",
        Config(
            signature_version="s3v4", s3={"addressing_style": "virtual"}, max_pool_connections=CONNECTIONS
        ),
    )
    functions = aws.client("lambda", Config(read_timeout=_SMOKE_TEST_READ_TIMEOUT))
    deployments, edge = _deployments(environment), _edge_store(environment)
    publisher = _publisher(functions)
    return Releaser(
        projects=deployments.projects,
        deployments=deployments,
        steps=ReleaseSteps(
            s3=s3,
            artifacts_bucket=environment.artifacts_bucket,
            uploader=Uploader(client=s3, bucket=environment.assets_bucket, put=make_http_put()),
            tags=aws.client("dynamodb"),
            secrets=aws.client("ssm"),
            signer=_signer(environment),
            publisher=publisher,
            functions=functions,
            edge=edge,
            region=s3.meta.region_name,
            clock=utc_now,
            pause=time.sleep,
            jitter=random.random,
        ),
        switch=_switch(deployments, edge, publisher),
        max_receive_count=int(environment.max_receive_count),
        clock=utc_now,
        pause=time.sleep,
    )


def switch(environment: Switching) -> "Switch":
    """Return the service that promotes releases."""
    publisher = _publisher(aws.client("lambda"))
    return _switch(_deployments(environment), _edge_store(environment), publisher)


def deletion(environment: Switching) -> "Deletion":
    """Return the service that deletes projects."""
    from runtime.deploy.api.deleting import Deletion
    from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
    from runtime.deploy.repositories.variables import SecretRemover

    projects, edge = _projects(environment), _edge_store(environment)
    return Deletion(
        projects=projects,
        rows=ProjectDeletionRepository(
            client=aws.client("dynamodb"),
            projects_table=environment.projects_table,
            deployments_table=environment.deployments_table,
        ),
        edge=edge,
        withdrawal=_withdrawal(projects, _retention(environment), edge),
        secrets=SecretRemover(client=aws.client("ssm")),
        clock=utc_now,
    )


def collector(environment: Collecting) -> "Collector":
    """Return the service that removes releases which are not kept any more."""
    from runtime.deploy.releases.removal import FunctionRemover, ObjectRemover
    from runtime.deploy.upkeep.collecting import Collector

    deployments, retention = _deployments(environment), _retention(environment)
    edge = _edge_store(environment)
    return Collector(
        deployments=deployments,
        retention=retention,
        withdrawal=_withdrawal(deployments.projects, retention, edge),
        edge=edge,
        functions=FunctionRemover(client=aws.client("lambda")),
        objects=ObjectRemover(client=aws.client("s3"), bucket=environment.assets_bucket),
        kept=int(environment.kept_releases),
        clock=utc_now,
    )


def edge_cache(environment: EdgeCaching) -> "EdgeCache":
    """Return the cache of the sites' distribution."""
    from runtime.deploy.upkeep.edge_cache import EdgeCache

    return EdgeCache(
        client=lambda: aws.client("cloudfront"),
        distribution_id=environment.distribution_id,
        store=_edge_store(environment),
    )


def _projects(environment: Tables) -> "ProjectRepository":
    from runtime.deploy.repositories.projects import ProjectRepository

    return ProjectRepository(client=aws.client("dynamodb"), table=environment.projects_table)


def _deployments(environment: Tables) -> "DeploymentRepository":
    from runtime.deploy.repositories.deployments import DeploymentRepository

    return DeploymentRepository(
        client=aws.client("dynamodb"),
        table=environment.deployments_table,
        projects=_projects(environment),
    )


def _retention(environment: Tables) -> "RetentionRepository":
    from runtime.deploy.repositories.retention import RetentionRepository

    return RetentionRepository(
        client=aws.client("dynamodb"),
        deployments_table=environment.deployments_table,
        projects_table=environment.projects_table,
    )


def _build_queue(environment: BuildQueueUrl) -> "BuildQueue":
    from runtime.deploy.messages import BuildQueue

    return BuildQueue(client=aws.client("sqs"), url=environment.build_queue_url)


def _release_queue(environment: ReleaseQueueUrl) -> "ReleaseQueue":
    from runtime.deploy.messages import ReleaseQueue

    return ReleaseQueue(client=aws.client("sqs"), url=environment.release_queue_url)


def _signer(environment: SigningKey) -> "Signer":
    from runtime.shared.signing import Signer

    return Signer(aws.client("kms"), environment.signing_key_arn)


def _cursors(signer: "Signer") -> "Cursors":
    from runtime.shared.cursors import Cursors

    return Cursors(key=signer.derive_cursor_key, clock=utc_now)


def _turns(environment: Scheduling) -> "Turns":
    from runtime.deploy.builds.turns import Turns

    room = int(environment.concurrent_builds)
    return Turns.composed(_deployments(environment), _build_queue(environment), room=room, clock=utc_now)


def _build_results(turns: "Turns", release_queue: "ReleaseQueue") -> "BuildResults":
    from runtime.deploy.builds.build_results import BuildResults

    return BuildResults(
        deployments=turns.deployments,
        slot=turns.slot,
        turns=turns,
        release_queue=release_queue,
        logs=aws.client("logs"),
        clock=utc_now,
    )


def _cancellation(environment: Scheduling) -> "Cancellation":
    from runtime.deploy.builds.cancelling import Cancellation

    turns = _turns(environment)
    return Cancellation(
        deployments=turns.deployments,
        slot=turns.slot,
        turns=turns,
        codebuild=aws.client("codebuild"),
        clock=utc_now,
    )


def _edge_store(environment: Store) -> "EdgeStore":
    from runtime.deploy.releases.edge_store import EdgeStore

    return EdgeStore(
        client=aws.client("cloudfront-keyvaluestore"),
        arn=environment.key_value_store_arn,
        pause=time.sleep,
        jitter=random.random,
    )


def _publisher(functions: "LambdaClient") -> "FunctionPublisher":
    from runtime.deploy.releases.publishing import FunctionPublisher

    return FunctionPublisher(client=functions, pause=time.sleep)


def _switch(
    deployments: "DeploymentRepository", edge: "EdgeStore", publisher: "FunctionPublisher"
) -> "Switch":
    from runtime.deploy.releases.switching import Switch

    return Switch(
        projects=deployments.projects,
        deployments=deployments,
        edge=edge,
        publisher=publisher,
        clock=utc_now,
    )


def _withdrawal(
    projects: "ProjectRepository", retention: "RetentionRepository", edge: "EdgeStore"
) -> "Withdrawal":
    from runtime.deploy.upkeep.collecting import Withdrawal

    return Withdrawal(projects=projects, retention=retention, edge=edge)
