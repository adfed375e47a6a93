# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""The deploy platform's services over moto's DynamoDB, with stand-ins for what moto does not do.

Every call of every client passes one `Calls`, which counts, checks the arguments against botocore's own model
of the service, and can stop the world right after any call: a function that crashes there.
"""

import hashlib
import hmac
import io
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import botocore.session
from attrs import Factory, define, evolve, field
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from runtime.deploy.build_logs import BuildLogs
from runtime.deploy.build_results import BuildResults
from runtime.deploy.build_slot import BuildSlotRepository
from runtime.deploy.building import Builder
from runtime.deploy.cancelling import Cancellation
from runtime.deploy.deployments import DeploymentRepository
from runtime.deploy.leases import LeaseRepository
from runtime.deploy.lists import ListRepository
from runtime.deploy.managing import Management
from runtime.deploy.messages import BuildQueue, DeploymentMessage, ReleaseQueue
from runtime.deploy.model import Commit, Deployment, Failure, Pointer, Project, Release, Site, Source, Status
from runtime.deploy.projects import ProjectRepository
from runtime.deploy.pushing import Pushes
from runtime.deploy.retention import RetentionRepository
from runtime.deploy.sweeping import Sweeper
from runtime.deploy.variables import SecretStore
from runtime.shared.converters import to_row
from runtime.shared.cursors import Cursors
from runtime.shared.ids import ulids
from runtime.shared.logging import Log
from runtime.shared.signing import Signer
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

REGION = "ap-southeast-1"
OWNER = "owner-0000"
OTHER = "other-0000"
BUILD_QUEUE = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/anchor-dev-builds"
RELEASE_QUEUE = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/anchor-dev-releases.fifo"
SIGNING_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/signing"
SECRETS_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/secrets"
LOGS_BUCKET = "anchor-dev-123456789012-logs"
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


class CrashError(BaseException):
    """The function died. No code under test may catch it."""


@cache
def real_client(service: str) -> Any:
    """A client of a service that moto answers."""
    return boto3.client(
        service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def client_error(code: str, operation: str = "Operation", message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@define
class Calls:
    made: list[str] = Factory(list)
    arguments: list[Mapping[str, Any]] = Factory(list)
    crash_after: int | None = None
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None

    def client(self, service: str, target: object) -> "Watched":
        return Watched(service, target, self)

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The calls made inside."""
        start = len(self.made)
        made: list[str] = []
        yield made
        made += self.made[start:]


@define
class Watched:
    """A client whose calls are noted."""

    _service: str
    _target: object
    _calls: Calls

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            model = _model(self._service)
            name = "".join(word.capitalize() for word in operation.split("_"))
            validate_parameters(arguments, model.operation_model(name).input_shape)
            self._calls.before(operation)
            try:
                return getattr(self._target, operation)(**arguments)
            finally:
                self._calls.made.append(operation)
                self._calls.arguments.append(arguments)
                if self._calls.crash_after == len(self._calls.made):
                    raise CrashError
                self._calls.after(operation)

        return call


@define
class Queues:
    sent: list[Mapping[str, Any]] = Factory(list)
    shown_again: list[tuple[str, int]] = Factory(list)

    def send_message(self, **arguments: Any) -> Mapping[str, Any]:
        self.sent.append(arguments)
        return {"MessageId": str(len(self.sent))}

    def change_message_visibility(self, **arguments: Any) -> None:
        self.shown_again.append((arguments["ReceiptHandle"], arguments["VisibilityTimeout"]))

    def bodies(self, url: str) -> list[str]:
        return [message["MessageBody"] for message in self.sent if message["QueueUrl"] == url]


class Kms:
    """Makes HMACs as KMS does. `test_signing` asks moto's, which takes its time to make a key."""

    def generate_mac(self, **arguments: Any) -> Mapping[str, Any]:
        return {"Mac": hmac.new(b"the key", arguments["Message"], hashlib.sha256).digest()}


@define
class CodeBuild:
    """Starts one build for a token, as CodeBuild does within five minutes."""

    refusals: list[Exception] = Factory(list)
    never: set[str] = Factory(set)
    builds: dict[str, Mapping[str, Any]] = Factory(dict)
    stopped: list[str] = Factory(list)
    ended: dict[str, Mapping[str, Any]] = Factory(dict)
    forgotten: bool = False

    def list_builds_for_project(self, **asked: str) -> Mapping[str, Any]:
        assert asked["sortOrder"] == "DESCENDING"
        found = [each["id"] for each in self._records() if each["id"].startswith(f"{asked['projectName']}:")]
        return {"ids": found[::-1]}

    def batch_get_builds(self, *, ids: Sequence[str]) -> Mapping[str, Any]:
        found = [each for each in self._records() if each["id"] in ids]
        return {"builds": found, "buildsNotFound": sorted({*ids} - {each["id"] for each in found})}

    def end(self, token: str, status: str = "SUCCEEDED", **more: Any) -> None:
        """Let a deployment's build end, as CodeBuild's own record tells it."""
        self.ended[token] = {"buildStatus": status, **more}

    def _records(self) -> list[Mapping[str, Any]]:
        if self.forgotten:
            return []
        return [
            {
                "id": f"{started['projectName']}:build-of-{token}",
                "buildStatus": "IN_PROGRESS",
                "environment": {"environmentVariables": started["environmentVariablesOverride"]},
                **self.ended.get(token, {}),
            }
            for token, started in self.builds.items()
        ]

    def stop_build(self, *, id: str) -> Mapping[str, Any]:  # noqa: A002 - AWS's own name
        if self.refusals:
            raise self.refusals.pop(0)
        self.stopped.append(id)
        return {"build": {"id": id}}

    def start_build(self, **arguments: Any) -> Mapping[str, Any]:
        if self.refusals:
            raise self.refusals.pop(0)
        token = arguments["idempotencyToken"]
        if token in self.never:
            raise client_error("InvalidInputException", "StartBuild", "never")
        self.builds.setdefault(token, arguments)
        return {"build": {"id": f"{arguments['projectName']}:build-of-{token}"}}


@define
class Logs:
    """One stream, which goes on from a token as CloudWatch's do: at its end the token stays the same."""

    lines: list[str] | None = None
    asked: list[Mapping[str, Any]] = Factory(list)

    def get_log_events(self, **arguments: Any) -> Mapping[str, Any]:
        self.asked.append(arguments)
        if self.lines is None:
            raise client_error("ResourceNotFoundException", "GetLogEvents", "no such log stream")
        limit = arguments["limit"]
        first = int(arguments.get("nextToken", "f/0")[2:]) if arguments["startFromHead"] else -limit
        kept = self.lines[first:][:limit]
        return {
            "events": [{"timestamp": 1_500, "message": line + "\n"} for line in kept],
            "nextForwardToken": f"f/{first + len(kept)}",
        }


@define
class KeptLogs:
    """The logs bucket: what CodeBuild put there, by key."""

    stored: dict[str, bytes] = Factory(dict)
    refusal: str = "NoSuchKey"

    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]:  # noqa: N803 - AWS's own
        assert Bucket == LOGS_BUCKET
        if Key not in self.stored:
            raise client_error(self.refusal, "GetObject", "no")
        return {"Body": io.BytesIO(self.stored[Key])}


@define
class Clock:
    """Each reading is one second after the last."""

    now: datetime = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@define(slots=False)
class World:
    """One stage with two declared sites.

    Attributes:
        database: The DynamoDB client behind the repositories; moto's, unless another one is given.
        ssm: The parameter store's, likewise.
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
    _random: random.Random = field(factory=lambda: random.Random(7))  # noqa: S311 - ids of a test

    def __attrs_post_init__(self) -> None:
        self.ids = ulids(self.clock, self._random.randbytes)
        self.dynamodb = self.calls.client("dynamodb", self.database)
        self.sqs = self.calls.client("sqs", self.queues)
        self.projects = ProjectRepository(client=self.dynamodb, table=PROJECTS)
        self.deployments = DeploymentRepository(
            client=self.dynamodb, table=DEPLOYMENTS, projects=self.projects
        )
        self.slot = BuildSlotRepository(
            client=self.dynamodb, deployments_table=DEPLOYMENTS, projects_table=PROJECTS
        )
        self.retention = RetentionRepository(
            client=self.dynamodb, deployments_table=DEPLOYMENTS, projects_table=PROJECTS
        )
        self.build_queue = BuildQueue(client=self.sqs, url=BUILD_QUEUE)
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
            build_queue=self.build_queue,
            codebuild=self.calls.client("codebuild", self.codebuild),
            artifacts_bucket="anchor-dev-123456789012-artifacts",
            signer=self.signer,
            secrets=SecretStore(client=self.calls.client("ssm", self.ssm), key=SECRETS_KEY),
            clock=self.clock,
        )
        self.results = BuildResults(
            deployments=self.deployments,
            slot=self.slot,
            build_queue=self.build_queue,
            release_queue=self.release_queue,
            logs=self.calls.client("logs", self.logs),
            clock=self.clock,
        )
        self.leases = LeaseRepository(client=self.dynamodb, table=DEPLOYMENTS)
        self.sweeper = Sweeper(
            projects=self.projects,
            deployments=self.deployments,
            slot=self.slot,
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
            build_queue=self.build_queue,
            codebuild=self.calls.client("codebuild", self.codebuild),
            clock=self.clock,
        )
        self.pushes = Pushes(
            projects=self.projects,
            deployments=self.deployments,
            queue=self.build_queue,
            signer=self.signer,
            ids=self.ids,
            clock=self.clock,
        )
        self.management = Management(
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
        self.deployments.record(project, deployment, delivery=delivery or f"body-{number}")
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
        switched = self.deployments.switch(deployment, at=self.clock())
        return self.deployments.finish_switch(switched, deployment, at=self.clock())

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
        pointer = Pointer(deployment_id=deployment.deployment_id, sequence=1)
        now = evolve(project, sequence=1, live=pointer, serving=deployment.deployment_id)
        self.database.put_item(TableName=DEPLOYMENTS, Item=to_row(deployment))
        self.database.put_item(TableName=PROJECTS, Item=to_row(now, sk="METADATA"))
        return deployment

    def build(self, deployment: Deployment) -> None:
        """Let the deployment's message arrive."""
        self.builder.build(message_of(deployment), self.log)

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
