# ruff: noqa: PLC0415 - functions only import what their service needs
"""The composition root: it wires every client, repository and service of the deploy platform.

A handler calls the function that creates its service, and passes its own environment. The type of that
argument (`environments.py`) names the variables that the function reads. Modules are imported, and clients
created, only for the requested service, because both take time in a cold start.
"""

import os
import random
import time
from typing import TYPE_CHECKING

from attrs import evolve

from runtime.deploy.environments import (
    ApiEnvironment,
    AuditTable,
    BuildEndEnvironment,
    BuilderEnvironment,
    BuildQueueUrl,
    CollectorEnvironment,
    DeletionEnvironment,
    EdgeCacheEnvironment,
    KeyValueStore,
    PromotionEnvironment,
    ReleaseQueueUrl,
    ReleaserEnvironment,
    SchedulerEnvironment,
    SigningKey,
    TableNames,
    WebhookEnvironment,
)
from runtime.deploy.repository_composition import (
    create_audit_trail,
    create_deploy_key_store,
    create_deployment_repository,
    create_idempotency_repository,
    create_project_repository,
    create_retention_repository,
)
from runtime.shared import aws
from runtime.shared.clock import utc_now

if TYPE_CHECKING:
    from runtime.deploy.api.deleting import ProjectDeletion
    from runtime.deploy.api.deploy_keys import DeployKeyService
    from runtime.deploy.api.managing import ProjectService
    from runtime.deploy.builds.build_results import BuildResultRecorder
    from runtime.deploy.builds.building import Builder
    from runtime.deploy.builds.cancelling import Cancellation
    from runtime.deploy.builds.pushing import PushReceiver
    from runtime.deploy.builds.scheduling import BuildScheduler
    from runtime.deploy.messages import BuildQueue, ReleaseQueue
    from runtime.deploy.releases.edge_store import EdgeStore
    from runtime.deploy.releases.publishing import FunctionPublisher
    from runtime.deploy.releases.release_clients import LambdaClient
    from runtime.deploy.releases.release_secrets import ReleaseSecrets
    from runtime.deploy.releases.releasing import Releaser
    from runtime.deploy.releases.switching import Switch
    from runtime.deploy.releases.withdrawal import ReleaseWithdrawal
    from runtime.deploy.repositories.deployments import DeploymentRepository
    from runtime.deploy.upkeep.collecting import Collector
    from runtime.deploy.upkeep.edge_cache import EdgeCache
    from runtime.deploy.upkeep.sweeping import Sweeper
    from runtime.shared.cursors import Cursors
    from runtime.shared.signing import Signer

_SMOKE_TEST_READ_TIMEOUT = 70  # seconds; the edge waits 60 seconds for a page


def create_push_receiver(environment: WebhookEnvironment) -> "PushReceiver":
    """Return the service of the webhook."""
    from runtime.deploy.builds.pushing import PushReceiver
    from runtime.deploy.repositories.usage import DeploymentLimits
    from runtime.shared.ids import make_ulid_generator

    deployments = create_deployment_repository(environment)
    return PushReceiver(
        projects=deployments.projects,
        deployments=deployments,
        queue=_create_build_queue(environment),
        signer=_create_signer(environment),
        audit=create_audit_trail(environment),
        ids=make_ulid_generator(utc_now, os.urandom),
        clock=utc_now,
        limits=DeploymentLimits.from_environment(environment),
    )


def create_builder(environment: BuilderEnvironment) -> "Builder":
    """Return the service that starts builds."""
    from runtime.deploy.builds.building import Builder
    from runtime.deploy.builds.key_handover import S3_CONFIG, KeyHandovers
    from runtime.deploy.repositories.variables import SecretStore

    scheduler = _create_scheduler(environment)
    return Builder(
        projects=scheduler.deployments.projects,
        deployments=scheduler.deployments,
        slot=scheduler.slot,
        scheduler=scheduler,
        build_queue=scheduler.build_queue,
        codebuild=aws.client("codebuild"),
        max_receive_count=int(environment.max_receive_count),
        artifacts_bucket=environment.artifacts_bucket,
        signer=_create_signer(environment),
        secrets=SecretStore(client=aws.client("ssm"), key=environment.secrets_key_arn, pause=time.sleep),
        handovers=KeyHandovers(
            keys=create_deploy_key_store(environment),
            objects=lambda: aws.client("s3", S3_CONFIG),
            bucket=environment.artifacts_bucket,
            random_bytes=os.urandom,
            clock=utc_now,
        ),
        clock=utc_now,
    )


def create_build_result_recorder(environment: BuildEndEnvironment) -> "BuildResultRecorder":
    """Return the service that records the results of builds."""
    return _create_build_result_recorder(_create_scheduler(environment), _create_release_queue(environment))


def create_sweeper(environment: BuildEndEnvironment) -> "Sweeper":
    """Return the service that recovers deployments which have not progressed."""
    from runtime.deploy.repositories.leases import LeaseRepository
    from runtime.deploy.upkeep.sweeping import Sweeper

    scheduler, release_queue = _create_scheduler(environment), _create_release_queue(environment)
    return Sweeper(
        projects=scheduler.deployments.projects,
        deployments=scheduler.deployments,
        slot=scheduler.slot,
        scheduler=scheduler,
        leases=LeaseRepository(client=aws.client("dynamodb"), table=environment.deployments_table),
        results=_create_build_result_recorder(scheduler, release_queue),
        build_queue=scheduler.build_queue,
        release_queue=release_queue,
        codebuild=aws.client("codebuild"),
        clock=utc_now,
    )


def create_project_service(environment: ApiEnvironment) -> "ProjectService":
    """Return the service of the API. Clients that only some routes need are created when they are needed."""
    from runtime.deploy.api.auditing import AuditLog
    from runtime.deploy.api.managing import ProjectService
    from runtime.deploy.api.variables import VariableService
    from runtime.deploy.audit.reading import AuditLogRepository
    from runtime.deploy.builds.build_logs import BuildLogs
    from runtime.deploy.function_logs.reading import FunctionLogs
    from runtime.deploy.repositories.lists import ListRepository
    from runtime.deploy.repositories.sites import SiteRepository
    from runtime.deploy.repositories.usage import DeploymentLimits
    from runtime.deploy.repositories.variables import SecretStore
    from runtime.shared.ids import make_ulid_generator

    deployments, signer = create_deployment_repository(environment), _create_signer(environment)
    cursors, ids = _create_cursors(signer), make_ulid_generator(utc_now, os.urandom)
    audit = create_audit_trail(environment)
    return ProjectService(
        projects=deployments.projects,
        deployments=deployments,
        lists=ListRepository(
            client=aws.client("dynamodb"),
            projects_table=environment.projects_table,
            deployments_table=environment.deployments_table,
            cursors=cursors,
        ),
        sites=SiteRepository(client=aws.client("dynamodb"), table=environment.projects_table),
        variables=VariableService(
            projects=deployments.projects,
            secrets=SecretStore(client=aws.client("ssm"), key=environment.secrets_key_arn, pause=time.sleep),
            audit=audit,
            ids=ids,
            clock=utc_now,
            pause=time.sleep,
        ),
        audit=audit,
        audit_log=AuditLog(
            projects=deployments.projects,
            entries=AuditLogRepository(
                client=aws.client("dynamodb"), table=environment.audit_table, cursors=cursors
            ),
        ),
        requests=create_idempotency_repository(environment.projects_table),
        cancellation=lambda: _create_cancellation(environment),
        build_queue=lambda: _create_build_queue(environment),
        logs=lambda: BuildLogs(
            logs=aws.client("logs"),
            objects=lambda: aws.client("s3"),
            bucket=environment.logs_bucket,
            cursors=cursors,
        ),
        function_logs=lambda: FunctionLogs(logs=aws.client("logs"), cursors=cursors, clock=utc_now),
        signer=signer,
        ids=ids,
        clock=utc_now,
        api_endpoint=environment.api_endpoint,
        max_projects=int(environment.max_projects),
        limits=DeploymentLimits.from_environment(environment),
    )


def create_releaser(environment: ReleaserEnvironment) -> "Releaser":
    """Return the service that releases built deployments."""
    from botocore.config import Config

    from runtime.deploy.releases.release_secrets import ReleaseSecrets, SecretEncryption
    from runtime.deploy.releases.release_steps import ReleaseSteps
    from runtime.deploy.releases.releasing import Releaser
    from runtime.deploy.releases.uploading import S3_CONFIG, Uploader, make_http_put

    s3 = aws.client("s3", S3_CONFIG)
    # A page that takes too long would take too long again, so its request is not repeated.
    functions = aws.client(
        "lambda",
        Config(read_timeout=_SMOKE_TEST_READ_TIMEOUT, retries={"mode": "standard", "total_max_attempts": 1}),
    )
    deployments, edge = create_deployment_repository(environment), _create_edge_store(environment)
    publisher = _create_publisher(aws.client("lambda"))
    secrets = ReleaseSecrets(client=lambda: s3, bucket=environment.assets_bucket)
    return Releaser(
        projects=deployments.projects,
        deployments=deployments,
        steps=ReleaseSteps(
            s3=s3,
            artifacts_bucket=environment.artifacts_bucket,
            uploader=Uploader(
                client=s3,
                bucket=environment.assets_bucket,
                region=s3.meta.region_name,
                get_credentials=aws.get_credentials,
                put=make_http_put(),
            ),
            tags=aws.client("dynamodb"),
            secrets=aws.client("ssm"),
            encryption=SecretEncryption(client=aws.client("kms"), key=environment.secrets_key_arn),
            release_secrets=secrets,
            signer=_create_signer(environment),
            publisher=publisher,
            functions=functions,
            edge=edge,
            withdrawal=_create_release_withdrawal(environment, deployments, edge),
            kept_releases=int(environment.kept_releases),
            release_bytes=int(environment.edge_release_bytes),
            region=s3.meta.region_name,
            clock=utc_now,
            pause=time.sleep,
            jitter=random.random,
        ),
        switch=_create_switch(environment, deployments, edge, publisher, secrets),
        max_receive_count=int(environment.max_receive_count),
        clock=utc_now,
        pause=time.sleep,
    )


def create_switch(environment: PromotionEnvironment) -> "Switch":
    """Return the service that promotes releases."""
    from runtime.deploy.releases.release_secrets import ReleaseSecrets

    switch = _create_switch(
        environment,
        create_deployment_repository(environment),
        _create_edge_store(environment),
        _create_publisher(aws.client("lambda")),
        ReleaseSecrets(client=lambda: aws.client("s3"), bucket=environment.assets_bucket),
    )
    return evolve(switch, max_promotions=int(environment.max_promotions_per_minute))


def create_deploy_key_service(environment: DeletionEnvironment) -> "DeployKeyService":
    """Return the service of deploy keys."""
    from runtime.deploy.api.deploy_keys import DeployKeyService
    from runtime.deploy.api.key_pairs import make_key_pair
    from runtime.shared.ids import make_ulid_generator

    return DeployKeyService(
        projects=create_project_repository(environment),
        keys=create_deploy_key_store(environment),
        make_key_pair=make_key_pair,
        audit=create_audit_trail(environment),
        ids=make_ulid_generator(utc_now, os.urandom),
        clock=utc_now,
    )


def create_project_deletion(environment: DeletionEnvironment) -> "ProjectDeletion":
    """Return the service that deletes projects."""
    from runtime.deploy.api.deleting import ProjectDeletion
    from runtime.deploy.releases.release_secrets import ReleaseSecrets
    from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
    from runtime.deploy.repositories.variables import SecretRemover

    deployments, edge = create_deployment_repository(environment), _create_edge_store(environment)
    return ProjectDeletion(
        projects=deployments.projects,
        rows=ProjectDeletionRepository(
            client=aws.client("dynamodb"),
            projects_table=environment.projects_table,
            deployments_table=environment.deployments_table,
        ),
        edge=edge,
        withdrawal=_create_release_withdrawal(environment, deployments, edge),
        secrets=SecretRemover(client=aws.client("ssm")),
        release_secrets=ReleaseSecrets(client=lambda: aws.client("s3"), bucket=environment.assets_bucket),
        keys=create_deploy_key_store(environment),
        audit=create_audit_trail(environment),
        clock=utc_now,
    )


def create_collector(environment: CollectorEnvironment) -> "Collector":
    """Return the service that removes releases which are no longer kept, and cleans sites."""
    from runtime.deploy.releases.removal import FunctionRemover, ObjectRemover
    from runtime.deploy.upkeep.cleaning import SiteCleaner
    from runtime.deploy.upkeep.collecting import Collector

    deployments, edge = create_deployment_repository(environment), _create_edge_store(environment)
    withdrawal = _create_release_withdrawal(environment, deployments, edge)
    return Collector(
        deployments=deployments,
        retention=withdrawal.retention,
        withdrawal=withdrawal,
        edge=edge,
        functions=FunctionRemover(client=aws.client("lambda")),
        objects=ObjectRemover(client=aws.client("s3"), bucket=environment.assets_bucket),
        cleaner=SiteCleaner.from_clients(
            aws.client,
            projects_table=environment.projects_table,
            assets=environment.assets_bucket,
            artifacts=environment.artifacts_bucket,
            clock=utc_now,
            pause=time.sleep,
            jitter=random.random,
        ),
        kept_releases=int(environment.kept_releases),
        clock=utc_now,
    )


def create_edge_cache(environment: EdgeCacheEnvironment) -> "EdgeCache":
    """Return the service that invalidates the cache of the sites' distribution."""
    from runtime.deploy.upkeep.edge_cache import EdgeCache

    return EdgeCache(
        client=lambda: aws.client("cloudfront"),
        distribution_id=environment.distribution_id,
        store=_create_edge_store(environment),
    )


def _create_build_queue(environment: BuildQueueUrl) -> "BuildQueue":
    from runtime.deploy.messages import BuildQueue

    return BuildQueue(client=aws.client("sqs"), url=environment.build_queue_url)


def _create_release_queue(environment: ReleaseQueueUrl) -> "ReleaseQueue":
    from runtime.deploy.messages import ReleaseQueue

    return ReleaseQueue(client=aws.client("sqs"), url=environment.release_queue_url)


def _create_signer(environment: SigningKey) -> "Signer":
    from runtime.shared.signing import Signer

    return Signer(aws.client("kms"), environment.signing_key_arn)


def _create_cursors(signer: "Signer") -> "Cursors":
    from runtime.shared.cursors import Cursors

    return Cursors(key=signer.derive_cursor_key, clock=utc_now)


def _create_scheduler(environment: SchedulerEnvironment) -> "BuildScheduler":
    from runtime.deploy.builds.scheduling import BuildScheduler

    return BuildScheduler.from_repositories(
        create_deployment_repository(environment),
        _create_build_queue(environment),
        max_concurrent_builds=int(environment.concurrent_builds),
        clock=utc_now,
    )


def _create_build_result_recorder(
    scheduler: "BuildScheduler", release_queue: "ReleaseQueue"
) -> "BuildResultRecorder":
    from runtime.deploy.builds.build_results import BuildResultRecorder

    return BuildResultRecorder(
        deployments=scheduler.deployments,
        slot=scheduler.slot,
        scheduler=scheduler,
        release_queue=release_queue,
        logs=aws.client("logs"),
        clock=utc_now,
    )


def _create_cancellation(environment: ApiEnvironment) -> "Cancellation":
    from runtime.deploy.builds.cancelling import Cancellation

    scheduler = _create_scheduler(environment)
    return Cancellation(
        deployments=scheduler.deployments,
        slot=scheduler.slot,
        scheduler=scheduler,
        codebuild=aws.client("codebuild"),
        audit=create_audit_trail(environment),
        clock=utc_now,
    )


def _create_edge_store(environment: KeyValueStore) -> "EdgeStore":
    from runtime.deploy.releases.edge_store import EdgeStore

    return EdgeStore(
        client=aws.client("cloudfront-keyvaluestore"),
        arn=environment.key_value_store_arn,
        pause=time.sleep,
        jitter=random.random,
    )


def _create_publisher(functions: "LambdaClient") -> "FunctionPublisher":
    from runtime.deploy.releases.publishing import FunctionPublisher

    return FunctionPublisher(client=functions, pause=time.sleep)


def _create_switch(
    environment: AuditTable,
    deployments: "DeploymentRepository",
    edge: "EdgeStore",
    publisher: "FunctionPublisher",
    secrets: "ReleaseSecrets",
) -> "Switch":
    from runtime.deploy.releases.switching import Switch

    return Switch(
        projects=deployments.projects,
        deployments=deployments,
        requests=create_idempotency_repository(deployments.projects.table),
        edge=edge,
        publisher=publisher,
        secrets=secrets,
        audit=create_audit_trail(environment),
        clock=utc_now,
    )


def _create_release_withdrawal(
    environment: TableNames, deployments: "DeploymentRepository", edge: "EdgeStore"
) -> "ReleaseWithdrawal":
    from runtime.deploy.releases.withdrawal import ReleaseWithdrawal

    return ReleaseWithdrawal(
        projects=deployments.projects,
        deployments=deployments,
        retention=create_retention_repository(environment),
        edge=edge,
    )
