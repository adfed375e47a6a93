"""The contenders of `benchmarks.repositories`: four implementations of the same operations on DynamoDB."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Protocol, Self

from attrs import frozen
from boto3.dynamodb.conditions import Attr, Key

from benchmarks.pynamo_models import PynamoDeployment, PynamoJob, PynamoRelease
from runtime.deploy.model import Deployment, Release
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.lists import ListRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.aws import DynamoDBClient
from runtime.shared.clock import format_time
from runtime.shared.cursors import Cursors
from runtime.shops.jobs import JobRepository
from runtime.shops.model import Job

PROJECTS: Final = "benchmark-projects"
DEPLOYMENTS: Final = "benchmark-deployments"
JOBS: Final = "benchmark-jobs"
PAGE: Final = 20
AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@frozen(kw_only=True)
class TestData:
    """The data of the operations.

    Attributes:
        deployment: A deployment with status `deploying`, of a project with more than a page of deployments.
        release: The release that `update` writes.
        new_job: Returns a job that is not in the table yet.
    """

    deployment: Deployment
    release: Release
    new_job: Callable[[], Job]


class Contender(Protocol):
    """One implementation of the operations."""

    name: ClassVar[str]

    def get(self) -> object:
        """Read a deployment by its key with a strongly consistent read."""
        ...

    def create(self) -> object:
        """Write a job that must not exist yet."""
        ...

    def update(self) -> object:
        """Write the release of a deployment with status `deploying`, and return the deployment."""
        ...

    def list(self) -> object:
        """Read a page of the deployments of a project, newest first."""
        ...


@frozen
class Repositories:
    """The operations with the repositories of `runtime/`."""

    name: ClassVar[str] = "repository"
    deployments: DeploymentRepository
    lists: ListRepository
    jobs: JobRepository
    data: TestData

    @classmethod
    def from_client(cls, client: DynamoDBClient, data: TestData) -> Self:
        """Return this contender, with repositories that are created as in the functions."""
        cursors = Cursors(key=lambda: b"k" * 32, clock=_now)
        projects = ProjectRepository(client=client, table=PROJECTS)
        return cls(
            DeploymentRepository(client=client, table=DEPLOYMENTS, projects=projects),
            ListRepository(
                client=client, projects_table=PROJECTS, deployments_table=DEPLOYMENTS, cursors=cursors
            ),
            JobRepository(client=client, table=JOBS, cursors=cursors, clock=_now),
            data,
        )

    def get(self) -> object:
        """See `Contender`."""
        return self.deployments.get(self.data.deployment.project_id, self.data.deployment.deployment_id)

    def create(self) -> object:
        """See `Contender`."""
        return self.jobs.create(self.data.new_job())

    def update(self) -> object:
        """See `Contender`."""
        return self.deployments.record_release(self.data.deployment, self.data.release, at=AT)

    def list(self) -> object:
        """See `Contender`."""
        deployment = self.data.deployment
        return self.lists.list_deployments(deployment.user_id, deployment.project_id, limit=PAGE)


@frozen
class RawClient:
    """The operations with the low-level boto3 client, and handwritten dictionaries for the requests."""

    name: ClassVar[str] = "raw client"
    client: Any
    data: TestData

    def get(self) -> object:
        """See `Contender`."""
        answer = self.client.get_item(TableName=DEPLOYMENTS, Key=self._build_key(), ConsistentRead=True)
        return _parse_item(answer["Item"])

    def create(self) -> object:
        """See `Contender`."""
        job = self.data.new_job()
        return self.client.put_item(
            TableName=JOBS,
            Item={
                "jobId": {"S": job.job_id},
                "shopDomain": {"S": job.shop_domain},
                "kind": {"S": job.kind},
                "status": {"S": "queued"},
                "createdAt": {"S": format_time(job.created_at)},
                "updatedAt": {"S": format_time(job.updated_at)},
                "expiresAt": {"N": str(job.expires_at)},
                "processed": {"N": str(job.processed)},
                "failed": {"N": str(job.failed)},
            },
            ConditionExpression="attribute_not_exists(#jobId)",
            ExpressionAttributeNames={"#jobId": "jobId"},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def update(self) -> object:
        """See `Contender`."""
        release = self.data.release
        answer = self.client.update_item(
            TableName=DEPLOYMENTS,
            Key=self._build_key(),
            UpdateExpression="SET #release = :release, #updatedAt = :at",
            ConditionExpression="#status = :deploying",
            ExpressionAttributeNames={
                "#release": "release",
                "#updatedAt": "updatedAt",
                "#status": "status",
            },
            ExpressionAttributeValues={
                ":release": {
                    "M": {
                        "alias": {"S": release.alias},
                        "serverVersion": {"S": release.server_version},
                        "serverOrigin": {"S": release.server_origin},
                        "imageVersion": {"S": release.image_version},
                        "imageOrigin": {"S": release.image_origin},
                        "host": {"S": release.host},
                        "url": {"S": release.url},
                    }
                },
                ":at": {"S": format_time(AT)},
                ":deploying": {"S": "deploying"},
            },
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return _parse_item(answer["Attributes"])

    def list(self) -> object:
        """See `Contender`."""
        deployment = self.data.deployment
        answer = self.client.query(
            TableName=DEPLOYMENTS,
            KeyConditionExpression="#projectId = :project",
            FilterExpression="#userId = :user",
            ExpressionAttributeNames={"#projectId": "projectId", "#userId": "userId"},
            ExpressionAttributeValues={
                ":project": {"S": deployment.project_id},
                ":user": {"S": deployment.user_id},
            },
            ScanIndexForward=False,
            Limit=PAGE,
        )
        return [_parse_item(item) for item in answer["Items"]]

    def _build_key(self) -> Mapping[str, Any]:
        deployment = self.data.deployment
        return {
            "projectId": {"S": deployment.project_id},
            "deploymentId": {"S": deployment.deployment_id},
        }


@frozen
class TableResource:
    """The operations with boto3's Table resource, which converts rows to dictionaries with Python values.

    The resource returns times as strings, so `_parse_times` parses them.
    """

    name: ClassVar[str] = "Table resource"
    deployments: Any
    jobs: Any
    data: TestData

    def get(self) -> object:
        """See `Contender`."""
        return _parse_times(self.deployments.get_item(Key=self._build_key(), ConsistentRead=True)["Item"])

    def create(self) -> object:
        """See `Contender`."""
        job = self.data.new_job()
        return self.jobs.put_item(
            Item={
                "jobId": job.job_id,
                "shopDomain": job.shop_domain,
                "kind": job.kind,
                "status": "queued",
                "createdAt": format_time(job.created_at),
                "updatedAt": format_time(job.updated_at),
                "expiresAt": job.expires_at,
                "processed": job.processed,
                "failed": job.failed,
            },
            ConditionExpression=Attr("jobId").not_exists(),
        )

    def update(self) -> object:
        """See `Contender`."""
        release = self.data.release
        answer = self.deployments.update_item(
            Key=self._build_key(),
            UpdateExpression="SET #release = :release, updatedAt = :at",
            ConditionExpression=Attr("status").eq("deploying"),
            ExpressionAttributeNames={"#release": "release"},
            ExpressionAttributeValues={
                ":release": {
                    "alias": release.alias,
                    "serverVersion": release.server_version,
                    "serverOrigin": release.server_origin,
                    "imageVersion": release.image_version,
                    "imageOrigin": release.image_origin,
                    "host": release.host,
                    "url": release.url,
                },
                ":at": format_time(AT),
            },
            ReturnValues="ALL_NEW",
        )
        return _parse_times(answer["Attributes"])

    def list(self) -> object:
        """See `Contender`."""
        deployment = self.data.deployment
        answer = self.deployments.query(
            KeyConditionExpression=Key("projectId").eq(deployment.project_id),
            FilterExpression=Attr("userId").eq(deployment.user_id),
            ScanIndexForward=False,
            Limit=PAGE,
        )
        return [_parse_times(item) for item in answer["Items"]]

    def _build_key(self) -> Mapping[str, Any]:
        deployment = self.data.deployment
        return {"projectId": deployment.project_id, "deploymentId": deployment.deployment_id}


@frozen
class PynamoModels:
    """The operations with PynamoDB models.

    Their rows are in separate tables, because PynamoDB has its own format of times.
    """

    name: ClassVar[str] = "PynamoDB"
    data: TestData

    def get(self) -> object:
        """See `Contender`."""
        return self._get()

    def create(self) -> object:
        """See `Contender`."""
        job = self.data.new_job()
        return PynamoJob(
            job_id=job.job_id,
            shop_domain=job.shop_domain,
            kind=job.kind,
            status="queued",
            created_at=job.created_at,
            updated_at=job.updated_at,
            expires_at=job.expires_at,
            processed=job.processed,
            failed=job.failed,
        ).save(condition=PynamoJob.job_id.does_not_exist())

    def update(self) -> object:
        """See `Contender`."""
        release = self.data.release
        deployment = PynamoDeployment(self.data.deployment.project_id, self.data.deployment.deployment_id)
        deployment.update(
            actions=[
                PynamoDeployment.release.set(
                    PynamoRelease(
                        alias=release.alias,
                        server_version=release.server_version,
                        server_origin=release.server_origin,
                        image_version=release.image_version,
                        image_origin=release.image_origin,
                        host=release.host,
                        url=release.url,
                    )
                ),
                PynamoDeployment.updated_at.set(AT),
            ],
            condition=PynamoDeployment.status == "deploying",
        )
        return deployment

    def list(self) -> object:
        """See `Contender`."""
        deployment = self.data.deployment
        found = PynamoDeployment.query(
            deployment.project_id,
            filter_condition=PynamoDeployment.user_id == deployment.user_id,
            scan_index_forward=False,
            limit=PAGE,
            page_size=PAGE,
        )
        return [*found]

    def _get(self) -> PynamoDeployment:
        deployment = self.data.deployment
        return PynamoDeployment.get(deployment.project_id, deployment.deployment_id, consistent_read=True)


def _now() -> datetime:
    return AT


def _parse_item(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of a deployment from its row."""
    release = item["release"]["M"]
    return {
        "project_id": item["projectId"]["S"],
        "deployment_id": item["deploymentId"]["S"],
        "user_id": item["userId"]["S"],
        "site": item["site"]["S"],
        "sequence": int(item["sequence"]["N"]),
        "status": item["status"]["S"],
        "branch": item["branch"]["S"],
        "commit_sha": item["commitSha"]["S"],
        "commit_message": item["commitMessage"]["S"],
        "commit_author": item["commitAuthor"]["S"],
        "source": item["source"]["S"],
        "created_at": datetime.fromisoformat(item["createdAt"]["S"]),
        "updated_at": datetime.fromisoformat(item["updatedAt"]["S"]),
        "build_id": item["buildId"]["S"],
        "release": {
            "alias": release["alias"]["S"],
            "server_version": release["serverVersion"]["S"],
            "server_origin": release["serverOrigin"]["S"],
            "image_version": release["imageVersion"]["S"],
            "image_origin": release["imageOrigin"]["S"],
            "host": release["host"]["S"],
            "url": release["url"]["S"],
        },
        "live_at": datetime.fromisoformat(item["liveAt"]["S"]),
    }


def _parse_times(item: dict[str, Any]) -> dict[str, Any]:
    for name in ("createdAt", "updatedAt", "liveAt"):
        item[name] = datetime.fromisoformat(item[name])
    return item
