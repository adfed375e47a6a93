# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""The deploy platform's services on moto's DynamoDB and Parameter Store, and on fakes of other services."""

import random
from collections.abc import Mapping
from typing import Any

from attrs import Factory, define, evolve, field, fields

from components.aws.queue import QueueArgs
from runtime.deploy.api.auditing import AuditLog
from runtime.deploy.api.deploy_keys import DeployKeyService
from runtime.deploy.api.key_pairs import make_key_pair
from runtime.deploy.api.managing import ProjectService
from runtime.deploy.api.variables import VariableService
from runtime.deploy.audit.reading import AuditLogRepository
from runtime.deploy.audit.trail import AuditTrail
from runtime.deploy.builds.build_logs import BuildLogs
from runtime.deploy.builds.build_results import BuildResultRecorder
from runtime.deploy.builds.building import Builder
from runtime.deploy.builds.cancelling import Cancellation
from runtime.deploy.builds.key_handover import S3_CONFIG, KeyHandovers
from runtime.deploy.builds.pushing import PushReceiver
from runtime.deploy.builds.scheduling import BuildScheduler
from runtime.deploy.function_logs.reading import FunctionLogs
from runtime.deploy.messages import BuildQueue, DeploymentMessage, ReleaseQueue
from runtime.deploy.model import (
    SITES_PARTITION,
    Commit,
    Deployment,
    Failure,
    LivePointer,
    Project,
    Release,
    Site,
    Source,
    Status,
)
from runtime.deploy.repositories.deploy_keys import DeployKeyStore
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.idempotency import IdempotencyRepository
from runtime.deploy.repositories.leases import LeaseRepository
from runtime.deploy.repositories.lists import ListRepository
from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.retention import RetentionRepository
from runtime.deploy.repositories.sites import QuarantineRepository, SiteRepository
from runtime.deploy.repositories.transaction_retries import TransactionRetrier
from runtime.deploy.repositories.usage import DeploymentLimits
from runtime.deploy.repositories.variables import SecretStore
from runtime.deploy.upkeep.sweeping import Sweeper
from runtime.shared.converters import to_row
from runtime.shared.cursors import Cursors
from runtime.shared.ids import make_ulid_generator
from runtime.shared.logging import Log
from runtime.shared.signing import Signer
from tests.runtime.calls import Calls, get_real_client
from tests.runtime.stand_ins import (
    LOGS_BUCKET,
    ArtifactsBucket,
    Clock,
    CodeBuild,
    FunctionLogEvents,
    Kms,
    Logs,
    LogsBucket,
    Queues,
)
from tests.runtime.stored_rows import read_rows
from tests.runtime.tables import AUDIT, DEPLOYMENTS, PROJECTS

OWNER = "owner-0000"
OTHER = "other-0000"
BUILD_QUEUE = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/anchor-dev-builds"
MAX_RECEIVE_COUNT: int = fields(QueueArgs).max_receive_count.default
RELEASE_QUEUE = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/anchor-dev-releases.fifo"
SIGNING_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/signing"
SECRETS_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/secrets"
REPOSITORY = "https://github.com/Codertocat/Hello-World"
ARTIFACTS = "anchor-dev-123456789012-artifacts"
DEPLOY_KEYS = "/anchor/dev/deploy-keys"
FAILURE = Failure(step="BUILD", reason="exit status 1", log_tail=("one", "two"))
RELEASE = Release(
    alias="r-1",
    server_version="1",
    server_origin="server.lambda-url.example",
    image_version="1",
    image_origin="image.lambda-url.example",
    host="r-1--next-site.example.com",
    url="https://r-1--next-site.example.com",
)


@define(slots=False)
class Platform:
    """The services of one stage. To declare a site, call `declare_site` or `create_project`.

    Attributes:
        database: DynamoDB client of the repositories. The default uses moto.
        ssm: Parameter Store client. The default uses moto.
        max_concurrent_builds: Maximum number of running builds.
        max_projects: Maximum number of projects of each tenant.
        limits: Quotas of each tenant for deployments.
        sleeps: Delays in seconds that the services asked for. The tests do not wait.
        sites_declared: Names of the declared sites.
        delivered: Number of sent queue messages that `deliver_build_messages` has processed.
    """

    database: Any = Factory(lambda: get_real_client("dynamodb"))
    ssm: Any = Factory(lambda: get_real_client("ssm"))
    calls: Calls = Factory(Calls)
    clock: Clock = Factory(Clock)
    queues: Queues = Factory(Queues)
    codebuild: CodeBuild = Factory(CodeBuild)
    logs: Logs = Factory(Logs)
    logs_bucket: LogsBucket = Factory(LogsBucket)
    function_logs: FunctionLogEvents = Factory(FunctionLogEvents)
    artifacts_bucket: ArtifactsBucket = Factory(ArtifactsBucket)
    log: Log = Factory(Log)
    max_concurrent_builds: int = 10
    max_projects: int = 20
    limits: DeploymentLimits = Factory(lambda: DeploymentLimits(queued=50, build_minutes=600, manual=30))
    sleeps: list[float] = Factory(list)
    delivered: int = 0
    sites_declared: list[str] = Factory(list)
    _random: random.Random = field(factory=lambda: random.Random(7))  # noqa: S311 - ids of a test

    def __attrs_post_init__(self) -> None:
        self.ids = make_ulid_generator(self.clock, self._random.randbytes)
        self.dynamodb = self.calls.wrap_client("dynamodb", self.database)
        self.sqs = self.calls.wrap_client("sqs", self.queues)
        self.retrier = TransactionRetrier(sleep=self.sleeps.append, jitter=lambda: 1.0)
        self.projects = ProjectRepository(client=self.dynamodb, table=PROJECTS)
        self.deployments = DeploymentRepository(
            client=self.dynamodb, table=DEPLOYMENTS, projects=self.projects, retrier=self.retrier
        )
        self.retention = RetentionRepository(
            client=self.dynamodb, deployments_table=DEPLOYMENTS, projects_table=PROJECTS
        )
        self.quarantine = QuarantineRepository(client=self.dynamodb, table=PROJECTS)
        self.build_queue = BuildQueue(client=self.sqs, url=BUILD_QUEUE)
        self.scheduler = BuildScheduler.from_repositories(
            self.deployments,
            self.build_queue,
            max_concurrent_builds=self.max_concurrent_builds,
            clock=self.clock,
            retrier=self.retrier,
        )
        self.slot, self.stage_builds = self.scheduler.slot, self.scheduler.stage_builds
        self.release_queue = ReleaseQueue(client=self.sqs, url=RELEASE_QUEUE)
        self.signer = Signer(self.calls.wrap_client("kms", Kms()), SIGNING_KEY)
        self.cursors = Cursors(key=self.signer.derive_cursor_key, clock=self.clock)
        self.lists = ListRepository(
            client=self.dynamodb,
            projects_table=PROJECTS,
            deployments_table=DEPLOYMENTS,
            cursors=self.cursors,
        )
        self.deploy_keys = DeployKeyStore(
            client=self.calls.wrap_client("ssm", self.ssm), key=SECRETS_KEY, path=DEPLOY_KEYS
        )
        # The ids of entries neither move the clock nor change the random numbers of other ids.
        entry_ids = make_ulid_generator(lambda: self.clock.now, random.Random(8).randbytes)  # noqa: S311 - of a test
        self.audit = AuditTrail(table=AUDIT, ids=entry_ids)
        self.audit_log = AuditLog(
            projects=self.projects,
            entries=AuditLogRepository(client=self.dynamodb, table=AUDIT, cursors=self.cursors),
        )
        self.deploy_key_service = DeployKeyService(
            projects=self.projects,
            keys=self.deploy_keys,
            make_key_pair=make_key_pair,
            audit=self.audit,
            ids=self.ids,
            clock=self.clock,
        )
        self.builder = Builder(
            projects=self.projects,
            deployments=self.deployments,
            slot=self.slot,
            scheduler=self.scheduler,
            build_queue=self.build_queue,
            codebuild=self.calls.wrap_client("codebuild", self.codebuild),
            max_receive_count=MAX_RECEIVE_COUNT,
            artifacts_bucket=ARTIFACTS,
            signer=self.signer,
            secrets=SecretStore(
                client=self.calls.wrap_client("ssm", self.ssm), key=SECRETS_KEY, pause=self.sleeps.append
            ),
            handovers=KeyHandovers(
                keys=self.deploy_keys,
                objects=self._create_handover_client,
                bucket=ARTIFACTS,
                random_bytes=self._random.randbytes,
                clock=self.clock,
            ),
            clock=self.clock,
        )
        self.result_recorder = BuildResultRecorder(
            deployments=self.deployments,
            slot=self.slot,
            scheduler=self.scheduler,
            release_queue=self.release_queue,
            logs=self.calls.wrap_client("logs", self.logs),
            clock=self.clock,
        )
        self.leases = LeaseRepository(client=self.dynamodb, table=DEPLOYMENTS)
        self.sweeper = Sweeper(
            projects=self.projects,
            deployments=self.deployments,
            slot=self.slot,
            scheduler=self.scheduler,
            leases=self.leases,
            results=self.result_recorder,
            build_queue=self.build_queue,
            release_queue=self.release_queue,
            codebuild=self.calls.wrap_client("codebuild", self.codebuild),
            clock=self.clock,
        )
        self.cancellation = Cancellation(
            deployments=self.deployments,
            slot=self.slot,
            scheduler=self.scheduler,
            codebuild=self.calls.wrap_client("codebuild", self.codebuild),
            audit=self.audit,
            clock=self.clock,
        )
        self.push_receiver = PushReceiver(
            projects=self.projects,
            deployments=self.deployments,
            queue=self.build_queue,
            signer=self.signer,
            audit=self.audit,
            ids=self.ids,
            clock=self.clock,
            limits=self.limits,
            retrier=self.retrier,
        )
        self.project_service = ProjectService(
            projects=self.projects,
            deployments=self.deployments,
            lists=self.lists,
            sites=SiteRepository(client=self.dynamodb, table=PROJECTS),
            variables=VariableService(
                projects=self.projects,
                secrets=SecretStore(
                    client=self.calls.wrap_client("ssm", self.ssm), key=SECRETS_KEY, pause=self.sleeps.append
                ),
                audit=self.audit,
                ids=self.ids,
                clock=self.clock,
                pause=self.sleeps.append,
            ),
            audit=self.audit,
            audit_log=self.audit_log,
            requests=IdempotencyRepository(client=self.dynamodb, table=PROJECTS),
            cancellation=lambda: self.cancellation,
            build_queue=lambda: self.build_queue,
            function_logs=lambda: FunctionLogs(
                logs=self.calls.wrap_client("logs", self.function_logs),
                cursors=self.cursors,
                clock=self.clock,
            ),
            logs=lambda: BuildLogs(
                logs=self.calls.wrap_client("logs", self.logs),
                objects=lambda: self.calls.wrap_client("s3", self.logs_bucket),
                bucket=LOGS_BUCKET,
                cursors=self.cursors,
            ),
            signer=self.signer,
            ids=self.ids,
            clock=self.clock,
            api_endpoint="https://api.example.com",
            max_projects=self.max_projects,
            limits=self.limits,
            retrier=self.retrier,
        )

    def _create_handover_client(self) -> Any:
        watched = self.calls.wrap_client("s3", self.artifacts_bucket)

        class S3:
            """An S3 client that signs URLs like the function's own client. Signing is not a recorded call."""

            generate_presigned_url = get_real_client("s3", S3_CONFIG).generate_presigned_url

            def __getattr__(self, operation: str) -> Any:
                return getattr(watched, operation)

        return S3()

    def declare_site(self, name: str) -> Site:
        """Write a site's row, as the Pulumi program does."""
        site = Site(
            site=name,
            host=f"{name}.sites.example.com",
            url_pattern="https://{host}",
            server_function=f"anchor-dev-site-{name}-server",
            image_function=f"anchor-dev-site-{name}-image",
            revalidation_function=f"anchor-dev-site-{name}-revalidate",
            tag_table=f"anchor-dev-site-{name}-tags",
            revalidation_queue_url=f"https://sqs.example.com/anchor-dev-site-{name}-revalidate.fifo",
            revalidation_dead_letter_queue_url=(
                f"https://sqs.example.com/anchor-dev-site-{name}-revalidate-dead.fifo"
            ),
            build_project=f"anchor-dev-site-{name}-build",
            secrets_path=f"/anchor/dev/sites/{name}",
        )
        row = to_row(site, projectId=f"SITE#{name}", sk="SITE")
        self.database.put_item(TableName=PROJECTS, Item=row)
        self.sites_declared = sorted({*self.sites_declared, name})
        names = {"L": [{"S": each} for each in self.sites_declared]}
        listed = {"projectId": {"S": SITES_PARTITION}, "sk": {"S": SITES_PARTITION}, "names": names}
        self.database.put_item(TableName=PROJECTS, Item=listed)
        return site

    def create_project(self, *, user_id: str = OWNER, site: str = "next-site", **more: Any) -> Project:
        """Declare a site, and create a project on it."""
        self.declare_site(site)
        at = self.clock()
        project = Project(
            project_id=self.ids(),
            user_id=user_id,
            name="My site",
            site=site,
            repository_url=REPOSITORY,
            branch="master",
            created_at=at,
            updated_at=at,
            **more,
        )
        self.projects.create(project)
        return project

    def free_site(self, project: Project) -> None:
        """Delete a project without releases, so that its site is in quarantine."""
        rows = ProjectDeletionRepository(
            client=self.dynamodb, projects_table=PROJECTS, deployments_table=DEPLOYMENTS
        )
        project = self.projects.get(project.project_id)
        rows.begin_owned(project.user_id, project, at=self.clock())
        rows.finish(project, at=self.clock())

    def push(self, project: Project, delivery: str | None = None) -> Deployment:
        """Create a `queued` deployment, as a push does. No message is sent."""
        project = self.projects.get(project.project_id)
        number = project.sequence + 1
        commit = Commit(sha=f"{number:040x}", message=f"change {number}", author="Octocat")
        deployment = Deployment.queued(
            project, commit, deployment_id=self.ids(), source=Source.PUSH, at=self.clock()
        )
        self.deployments.create(project, deployment, delivery=delivery or f"body-{number}")
        return deployment

    def create_building(self, project: Project) -> Deployment:
        """Create a deployment with a running build."""
        deployment = self.push(project)
        self.deliver_build_message(deployment)
        return self.reload(deployment)

    def create_built(self, project: Project) -> Deployment:
        deployment = self.create_building(project)
        return self.slot.free(deployment, Status.BUILT, at=self.clock(), build_id=deployment.build_id)

    def create_deploying(self, project: Project, **changes: Any) -> Deployment:
        """Create a deployment with a release, with these changes, that is ready for the switch."""
        deployment = self.deployments.begin_deploying(self.create_built(project), at=self.clock())
        release = evolve(RELEASE, alias=f"r-{deployment.deployment_id.lower()}", **changes)
        return self.deployments.record_release(deployment, release, at=self.clock())

    def create_live(self, project: Project) -> Deployment:
        deployment = self.create_deploying(project)
        switched = self.deployments.live_pointers.switch(deployment, at=self.clock())
        return self.deployments.live_pointers.finish_switch(switched, deployment, at=self.clock())

    def put_live(self, project: Project) -> Deployment:
        """Write the rows of a project's first live release, without the steps that usually create them."""
        deployment = evolve(
            Deployment.queued(
                project,
                Commit(sha="1" * 40, message="", author=""),
                deployment_id=self.ids(),
                source=Source.PUSH,
                at=self.clock(),
            ),
            status=Status.LIVE,
            release=RELEASE,
            live_at=self.clock(),
        )
        pointer = LivePointer(deployment_id=deployment.deployment_id, sequence=1)
        now = evolve(project, sequence=1, live=pointer, serving=deployment.deployment_id)
        self.database.put_item(TableName=DEPLOYMENTS, Item=to_row(deployment))
        self.database.put_item(TableName=PROJECTS, Item=to_row(now, sk="METADATA"))
        return deployment

    def deliver_build_message(self, deployment: Deployment) -> None:
        """Deliver the deployment's build message to the builder."""
        self.builder.build(make_build_message(deployment), self.log)

    def deliver_build_messages(self) -> None:
        """Deliver all messages of the build queue, including those that are sent during the delivery."""
        while self.delivered < len(self.queues.sent):
            message = self.queues.sent[self.delivered]
            self.delivered += 1
            if message["QueueUrl"] == BUILD_QUEUE:
                self.builder.build(DeploymentMessage.from_body(message["MessageBody"]), self.log)

    def reload(self, deployment: Deployment) -> Deployment:
        """Return the current state of the deployment."""
        return self.deployments.get(deployment.project_id, deployment.deployment_id)

    def read_statuses(self, *deployments: Deployment) -> list[str]:
        return [self.reload(deployment).status.value for deployment in deployments]

    def read_all_rows(self) -> list[Mapping[str, Any]]:
        """Return all rows of the tables."""
        return read_rows(self.database, (PROJECTS, DEPLOYMENTS, AUDIT))


def make_build_message(deployment: Deployment) -> DeploymentMessage:
    return DeploymentMessage(project_id=deployment.project_id, deployment_id=deployment.deployment_id)
