# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""The deploy platform's services over moto's DynamoDB, with stand-ins for what moto does not do."""

import random
from collections.abc import Mapping
from typing import Any

from attrs import Factory, define, evolve, field

from runtime.deploy.api.managing import ProjectService
from runtime.deploy.builds.build_logs import BuildLogs
from runtime.deploy.builds.build_results import BuildResultRecorder
from runtime.deploy.builds.building import Builder
from runtime.deploy.builds.cancelling import Cancellation
from runtime.deploy.builds.pushing import PushReceiver
from runtime.deploy.builds.scheduling import BuildScheduler
from runtime.deploy.messages import BuildQueue, DeploymentMessage, ReleaseQueue
from runtime.deploy.model import (
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
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.leases import LeaseRepository
from runtime.deploy.repositories.lists import ListRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.deploy.repositories.retention import RetentionRepository
from runtime.deploy.repositories.transaction_retries import TransactionRetrier
from runtime.deploy.repositories.variables import SecretStore
from runtime.deploy.upkeep.sweeping import Sweeper
from runtime.shared.converters import to_row
from runtime.shared.cursors import Cursors
from runtime.shared.ids import ulids
from runtime.shared.logging import Log
from runtime.shared.signing import Signer
from tests.runtime.calls import Calls, real_client
from tests.runtime.stand_ins import LOGS_BUCKET, Clock, CodeBuild, KeptLogs, Kms, Logs, Queues
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

OWNER = "owner-0000"
OTHER = "other-0000"
BUILD_QUEUE = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/anchor-dev-builds"
MAX_RECEIVE_COUNT = 3
RELEASE_QUEUE = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/anchor-dev-releases.fifo"
SIGNING_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/signing"
SECRETS_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/secrets"
REPOSITORY = "https://github.com/Codertocat/Hello-World"
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
class World:
    """One stage with two declared sites.

    Attributes:
        database: The DynamoDB client behind the repositories; moto's, unless another one is given.
        ssm: The parameter store's, likewise.
        room: For how many builds at the same time.
        slept: The pauses that were made, in seconds.
        brought: How many of the queues' messages `bring` has seen.
    """

    database: Any = Factory(lambda: real_client("dynamodb"))
    ssm: Any = Factory(lambda: real_client("ssm"))
    calls: Calls = Factory(Calls)
    clock: Clock = Factory(Clock)
    queues: Queues = Factory(Queues)
    codebuild: CodeBuild = Factory(CodeBuild)
    logs: Logs = Factory(Logs)
    kept_logs: KeptLogs = Factory(KeptLogs)
    log: Log = Factory(Log)
    room: int = 10
    slept: list[float] = Factory(list)
    brought: int = 0
    _random: random.Random = field(factory=lambda: random.Random(7))  # noqa: S311 - ids of a test

    def __attrs_post_init__(self) -> None:
        self.ids = ulids(self.clock, self._random.randbytes)
        self.dynamodb = self.calls.client("dynamodb", self.database)
        self.sqs = self.calls.client("sqs", self.queues)
        self.projects = ProjectRepository(client=self.dynamodb, table=PROJECTS)
        self.deployments = DeploymentRepository(
            client=self.dynamodb, table=DEPLOYMENTS, projects=self.projects
        )
        self.retention = RetentionRepository(
            client=self.dynamodb, deployments_table=DEPLOYMENTS, projects_table=PROJECTS
        )
        self.build_queue = BuildQueue(client=self.sqs, url=BUILD_QUEUE)
        self.turns = BuildScheduler.from_repositories(
            self.deployments,
            self.build_queue,
            max_concurrent_builds=self.room,
            clock=self.clock,
            retrier=TransactionRetrier(sleep=self.slept.append, jitter=lambda: 1.0),
        )
        self.slot, self.stage_builds = self.turns.slot, self.turns.stage_builds
        self.release_queue = ReleaseQueue(client=self.sqs, url=RELEASE_QUEUE)
        self.signer = Signer(self.calls.client("kms", Kms()), SIGNING_KEY)
        self.cursors = Cursors(key=self.signer.cursor_key, clock=self.clock)
        self.lists = ListRepository(
            client=self.dynamodb,
            projects_table=PROJECTS,
            deployments_table=DEPLOYMENTS,
            cursors=self.cursors,
        )
        self.builder = Builder(
            projects=self.projects,
            deployments=self.deployments,
            slot=self.slot,
            scheduler=self.turns,
            build_queue=self.build_queue,
            codebuild=self.calls.client("codebuild", self.codebuild),
            max_receive_count=MAX_RECEIVE_COUNT,
            artifacts_bucket="anchor-dev-123456789012-artifacts",
            signer=self.signer,
            secrets=SecretStore(client=self.calls.client("ssm", self.ssm), key=SECRETS_KEY),
            clock=self.clock,
        )
        self.results = BuildResultRecorder(
            deployments=self.deployments,
            slot=self.slot,
            scheduler=self.turns,
            release_queue=self.release_queue,
            logs=self.calls.client("logs", self.logs),
            clock=self.clock,
        )
        self.leases = LeaseRepository(client=self.dynamodb, table=DEPLOYMENTS)
        self.sweeper = Sweeper(
            projects=self.projects,
            deployments=self.deployments,
            slot=self.slot,
            scheduler=self.turns,
            leases=self.leases,
            results=self.results,
            build_queue=self.build_queue,
            release_queue=self.release_queue,
            codebuild=self.calls.client("codebuild", self.codebuild),
            clock=self.clock,
        )
        self.cancellation = Cancellation(
            deployments=self.deployments,
            slot=self.slot,
            scheduler=self.turns,
            codebuild=self.calls.client("codebuild", self.codebuild),
            clock=self.clock,
        )
        self.pushes = PushReceiver(
            projects=self.projects,
            deployments=self.deployments,
            queue=self.build_queue,
            signer=self.signer,
            ids=self.ids,
            clock=self.clock,
        )
        self.management = ProjectService(
            projects=self.projects,
            deployments=self.deployments,
            lists=self.lists,
            secrets=SecretStore(client=self.calls.client("ssm", self.ssm), key=SECRETS_KEY),
            cancellation=lambda: self.cancellation,
            build_queue=lambda: self.build_queue,
            logs=lambda: BuildLogs(
                logs=self.calls.client("logs", self.logs),
                objects=lambda: self.calls.client("s3", self.kept_logs),
                bucket=LOGS_BUCKET,
                cursors=self.cursors,
            ),
            signer=self.signer,
            ids=self.ids,
            clock=self.clock,
            api_endpoint="https://api.example.com",
        )

    def declare(self, name: str) -> Site:
        """Write a site's row as the program does."""
        site = Site(
            site=name,
            host=f"{name}.sites.example.com",
            url_pattern="https://{host}",
            server_function=f"anchor-dev-site-{name}-server",
            image_function=f"anchor-dev-site-{name}-image",
            revalidation_function=f"anchor-dev-site-{name}-revalidate",
            tag_table=f"anchor-dev-site-{name}-tags",
            revalidation_queue_url=f"https://sqs.example.com/anchor-dev-site-{name}-revalidate.fifo",
            build_project=f"anchor-dev-site-{name}-build",
            secrets_path=f"/anchor/dev/sites/{name}",
        )
        row = to_row(site, projectId=f"SITE#{name}", sk="SITE")
        self.database.put_item(TableName=PROJECTS, Item=row)
        return site

    def project(self, *, user_id: str = OWNER, site: str = "next-site", **more: Any) -> Project:
        """Make a project on a declared site."""
        self.declare(site)
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

    def push(self, project: Project, delivery: str | None = None) -> Deployment:
        """Record a push; the deployment is `queued`."""
        project = self.projects.get(project.project_id)
        number = project.sequence + 1
        commit = Commit(sha=f"{number:040x}", message=f"change {number}", author="Octocat")
        deployment = Deployment.queued(
            project, commit, deployment_id=self.ids(), source=Source.PUSH, at=self.clock()
        )
        self.deployments.create(project, deployment, delivery=delivery or f"body-{number}")
        return deployment

    def building(self, project: Project) -> Deployment:
        """A deployment whose build runs."""
        deployment = self.push(project)
        self.build(deployment)
        return self.again(deployment)

    def built(self, project: Project) -> Deployment:
        deployment = self.building(project)
        return self.slot.free(deployment, Status.BUILT, at=self.clock(), build_id=deployment.build_id)

    def deploying(self, project: Project) -> Deployment:
        """A deployment with a release, ready to be switched to."""
        deployment = self.deployments.begin_deploying(self.built(project), at=self.clock())
        release = evolve(RELEASE, alias=f"r-{deployment.deployment_id.lower()}")
        return self.deployments.record_release(deployment, release, at=self.clock())

    def live(self, project: Project) -> Deployment:
        deployment = self.deploying(project)
        switched = self.deployments.live_pointers.switch(deployment, at=self.clock())
        return self.deployments.live_pointers.finish_switch(switched, deployment, at=self.clock())

    def placed_live(self, project: Project) -> Deployment:
        """A first release that is live, as rows alone: for tests that do not care how it got there."""
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

    def build(self, deployment: Deployment) -> None:
        """Let the deployment's message arrive."""
        self.builder.build(message_of(deployment), self.log)

    def bring(self) -> None:
        """Let every message arrive that is in the build queue, and those that are sent meanwhile."""
        while self.brought < len(self.queues.sent):
            message = self.queues.sent[self.brought]
            self.brought += 1
            if message["QueueUrl"] == BUILD_QUEUE:
                self.builder.build(DeploymentMessage.from_body(message["MessageBody"]), self.log)

    def again(self, deployment: Deployment) -> Deployment:
        """The deployment as it stands now."""
        return self.deployments.get(deployment.project_id, deployment.deployment_id)

    def statuses(self, *deployments: Deployment) -> list[str]:
        return [self.again(deployment).status.value for deployment in deployments]

    def everything(self) -> list[Mapping[str, Any]]:
        """All rows."""
        tables = (PROJECTS, DEPLOYMENTS)
        return [row for table in tables for row in self.database.scan(TableName=table)["Items"]]


def message_of(deployment: Deployment) -> DeploymentMessage:
    return DeploymentMessage(project_id=deployment.project_id, deployment_id=deployment.deployment_id)
