# ruff: noqa: ANN401, N803 - stands in for clients that boto3 does not type
"""The platform's release services, on in-memory fakes of S3, the tag tables, Lambda and CloudFront."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from attrs import Factory, define

from components.core.limits.edge_budget import MAX_RELEASE_BYTES
from runtime.deploy.api.deleting import ProjectDeletion
from runtime.deploy.handlers.promote import Services
from runtime.deploy.model import Deployment, Project, Site
from runtime.deploy.releases.build_output.artifact import ArtifactLimits
from runtime.deploy.releases.cache_seed import TagRemover
from runtime.deploy.releases.edge_store import EdgeStore
from runtime.deploy.releases.publishing import FunctionPublisher
from runtime.deploy.releases.release_secrets import ReleaseSecrets, SecretEncryption
from runtime.deploy.releases.release_steps import ReleaseSteps, build_artifact_key
from runtime.deploy.releases.releasing import Releaser
from runtime.deploy.releases.removal import FunctionRemover, ObjectRemover
from runtime.deploy.releases.switching import Switch
from runtime.deploy.releases.uploading import S3_CONFIG, Uploader
from runtime.deploy.releases.withdrawal import ReleaseWithdrawal
from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
from runtime.deploy.repositories.sites import SiteRepository
from runtime.deploy.repositories.variables import SecretRemover
from runtime.deploy.upkeep.cleaning import QueuePurger, SiteCleaner, SiteContents
from runtime.deploy.upkeep.collecting import Collector
from runtime.deploy.upkeep.edge_cache import EdgeCache
from runtime.deploy.upkeep.resetting import FunctionResetter
from tests.runtime.calls import REGION, CrashError, get_real_client, make_client_error
from tests.runtime.platform_fixture import MAX_RECEIVE_COUNT, SECRETS_KEY, Platform, make_build_message
from tests.runtime.releases.key_value_store import ARN, KeyValueStore
from tests.runtime.releases.lambda_service import LambdaService
from tests.runtime.releases.open_next import make_artifact
from tests.runtime.signatures import CREDENTIALS, check_presigned_put
from tests.runtime.stand_ins import Kms
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

ARTIFACTS = "anchor-dev-123456789012-artifacts"
ASSETS = "anchor-dev-123456789012-assets"
DISTRIBUTION_ID = "E1SITES"
KEPT_RELEASES = 3


@define
class CloudFront:
    """A fake CloudFront.

    Attributes:
        invalidations: Distribution id, caller reference and paths of each created invalidation.
    """

    invalidations: list[tuple[str, str, list[str]]] = Factory(list)

    def create_invalidation(
        self, *, DistributionId: str, InvalidationBatch: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        paths = InvalidationBatch["Paths"]
        assert paths["Quantity"] == len(paths["Items"])
        made = (DistributionId, InvalidationBatch["CallerReference"], paths["Items"])
        assert made[1] not in [reference for _, reference, _ in self.invalidations]
        self.invalidations.append(made)
        return {}


@define
class Objects:
    """A fake S3.

    Attributes:
        page: Number of names per page of a list.
        refused: Key that S3 reports as not deleted. While a key is set, S3 deletes no objects. None means
            that deletions succeed.
        stored: Content, content type and cache control of each object, by bucket and key.
    """

    page: int = 1000
    refused: str | None = None
    stored: dict[tuple[str, str], tuple[bytes, str, str | None]] = Factory(dict)

    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]:
        if (Bucket, Key) not in self.stored:
            raise make_client_error("NoSuchKey", "GetObject", f"no {Key}")
        content = self.stored[Bucket, Key][0]
        return {"Body": io.BytesIO(content), "ContentLength": len(content)}

    def put_object(
        self, *, Bucket: str, Key: str, Body: Any, ContentType: str, CacheControl: str | None = None
    ) -> None:
        content = Body if isinstance(Body, bytes) else Body.read()
        self.stored[Bucket, Key] = (content, ContentType, CacheControl)

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, Delimiter: str | None = None, ContinuationToken: str = ""
    ) -> Mapping[str, Any]:
        inside = [key for bucket, key in self.stored if bucket == Bucket and key.startswith(Prefix)]
        folders = {
            f"{Prefix}{key.removeprefix(Prefix).split(Delimiter)[0]}{Delimiter}"
            for key in inside
            if Delimiter and Delimiter in key.removeprefix(Prefix)
        }
        names = [key for key in inside if not any(key.startswith(each) for each in folders)]
        found = sorted(name for name in (*names, *folders) if name > ContinuationToken)
        page, rest = found[: self.page], found[self.page :]
        more = {"NextContinuationToken": page[-1]} if rest else {}
        return {
            "IsTruncated": bool(rest),
            "Contents": [
                {"Key": name, "ETag": self._compute_etag(Bucket, name)}
                for name in page
                if name not in folders
            ],
            "CommonPrefixes": [{"Prefix": name} for name in page if name in folders],
            **more,
        }

    def _compute_etag(self, bucket: str, key: str) -> str:
        return f'"{hashlib.md5(self.stored[bucket, key][0], usedforsecurity=False).hexdigest()}"'

    def delete_objects(self, *, Bucket: str, Delete: Mapping[str, Any]) -> Mapping[str, Any]:
        assert 0 < len(Delete["Objects"]) <= 1000
        if self.refused:
            return {"Errors": [{"Key": self.refused, "Code": "InternalError"}]}
        for each in Delete["Objects"]:
            self.stored.pop((Bucket, each["Key"]), None)
        return {}

    def list_keys(self, bucket: str, prefix: str = "") -> list[str]:
        return sorted(key for held, key in self.stored if held == bucket and key.startswith(prefix))


@define
class TagTables:
    """A fake of the sites' tag tables.

    Attributes:
        page: Number of rows per page of a scan.
        rows: `revalidatedAt` of each row, by table, tag and path.
    """

    page: int = 1000
    rows: dict[tuple[str, str, str], str] = Factory(dict)

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> Mapping[str, Any]:
        ((table, asked),) = RequestItems.items()
        assert asked["ConsistentRead"]
        present = [key for key in asked["Keys"] if (table, key["tag"]["S"], key["path"]["S"]) in self.rows]
        return {"Responses": {table: present}, "UnprocessedKeys": {}}

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> Mapping[str, Any]:
        for table, requests in RequestItems.items():
            assert 0 < len(requests) <= 25
            for request in requests:
                if "DeleteRequest" in request:
                    key = request["DeleteRequest"]["Key"]
                    self.rows.pop((table, key["tag"]["S"], key["path"]["S"]), None)
                else:
                    item = request["PutRequest"]["Item"]
                    self.rows[table, item["tag"]["S"], item["path"]["S"]] = item["revalidatedAt"]["N"]
        return {"UnprocessedItems": {}}

    def scan(self, **arguments: Any) -> Mapping[str, Any]:
        start = arguments.get("ExclusiveStartKey", {"tag": {"S": ""}, "path": {"S": ""}})
        found = sorted(
            (tag, path)
            for table, tag, path in self.rows
            if table == arguments["TableName"] and (tag, path) > (start["tag"]["S"], start["path"]["S"])
        )
        keys = [{"tag": {"S": tag}, "path": {"S": path}} for tag, path in found[: self.page]]
        more = {"LastEvaluatedKey": keys[-1]} if len(found) > self.page else {}
        return {"Items": keys, **more}


@define
class Secrets:
    """A fake Parameter Store. Each page of a list has at most two parameters.

    Attributes:
        values: Value by parameter name.
        asked: Arguments of each call.
    """

    values: dict[str, str] = Factory(dict)
    asked: list[Mapping[str, Any]] = Factory(list)

    def get_parameters_by_path(
        self, *, Path: str, WithDecryption: bool, NextToken: str = "0"
    ) -> Mapping[str, Any]:
        self.asked.append({"Path": Path, "WithDecryption": WithDecryption})
        inside = [name for name in self.values if name.rpartition("/")[0] == Path]
        start = int(NextToken)
        more = {"NextToken": str(start + 2)} if start + 2 < len(inside) else {}
        page = [{"Name": name, "Value": self.values[name]} for name in inside[start : start + 2]]
        return {"Parameters": page, **more}


@define(slots=False)
class ReleasePlatform:
    """A `Platform` together with the services that release built deployments.

    Attributes:
        store: The edge's KeyValueStore.
        pauses: Delays in seconds that the services asked for. The tests do not wait.
    """

    platform: Platform
    objects: Objects = Factory(Objects)
    tags: TagTables = Factory(TagTables)
    secrets: Secrets = Factory(Secrets)
    store: KeyValueStore = Factory(KeyValueStore)
    cloudfront: CloudFront = Factory(CloudFront)
    pauses: list[float] = Factory(list)

    def __attrs_post_init__(self) -> None:
        platform, calls = self.platform, self.platform.calls
        self.functions = LambdaService(lambda bucket, key: self.objects.stored[bucket, key][0], settling=0)
        s3: Any = self._create_s3_client()
        functions: Any = calls.wrap_client("lambda", self.functions)
        store: Any = calls.wrap_client("cloudfront-keyvaluestore", self.store)
        tags: Any = calls.wrap_client("dynamodb", self.tags)
        secrets: Any = calls.wrap_client("ssm", self.secrets)
        edge = EdgeStore(client=store, arn=ARN, pause=self.pauses.append, jitter=lambda: 0.5)
        publisher = FunctionPublisher(client=functions, pause=self.pauses.append)
        withdrawal = ReleaseWithdrawal(
            projects=platform.projects,
            deployments=platform.deployments,
            retention=platform.retention,
            edge=edge,
        )
        release_secrets = ReleaseSecrets(client=lambda: s3, bucket=ASSETS)
        kms: Any = calls.wrap_client("kms", Kms())
        self.switch = Switch(
            projects=platform.projects,
            deployments=platform.deployments,
            requests=platform.project_service.requests,
            edge=edge,
            publisher=publisher,
            secrets=release_secrets,
            audit=platform.audit,
            clock=platform.clock,
            max_promotions=1000,
        )
        self.steps = ReleaseSteps(
            s3=s3,
            artifacts_bucket=ARTIFACTS,
            uploader=Uploader(
                client=s3, bucket=ASSETS, region=REGION, get_credentials=lambda: CREDENTIALS, put=self._put
            ),
            tags=tags,
            secrets=secrets,
            encryption=SecretEncryption(client=kms, key=SECRETS_KEY),
            release_secrets=release_secrets,
            signer=platform.signer,
            publisher=publisher,
            functions=functions,
            edge=edge,
            withdrawal=withdrawal,
            kept_releases=KEPT_RELEASES,
            release_bytes=MAX_RELEASE_BYTES,
            region=REGION,
            clock=platform.clock,
            pause=self.pauses.append,
            jitter=lambda: 0.5,
            limits=ArtifactLimits(archive_bytes=100_000),
        )
        self.cleaner = SiteCleaner(
            sites=SiteRepository(client=platform.dynamodb, table=PROJECTS),
            quarantine=platform.quarantine,
            contents=SiteContents(
                functions=FunctionResetter(
                    client=functions, changes=publisher, remover=FunctionRemover(client=functions)
                ),
                queues=QueuePurger(client=calls.wrap_client("sqs", platform.queues)),
                tags=TagRemover(client=tags, pause=self.pauses.append, jitter=lambda: 0.5),
                secrets=SecretRemover(client=calls.wrap_client("ssm", platform.ssm)),
                assets=ObjectRemover(client=s3, bucket=ASSETS),
                artifacts=ObjectRemover(client=s3, bucket=ARTIFACTS),
            ),
            clock=platform.clock,
        )
        self.collector = Collector(
            deployments=platform.deployments,
            retention=platform.retention,
            withdrawal=withdrawal,
            edge=edge,
            functions=FunctionRemover(client=functions),
            objects=ObjectRemover(client=s3, bucket=ASSETS),
            cleaner=self.cleaner,
            kept_releases=KEPT_RELEASES,
            clock=platform.clock,
        )
        self.edge_cache = EdgeCache(
            client=lambda: calls.wrap_client("cloudfront", self.cloudfront),
            distribution_id=DISTRIBUTION_ID,
            store=edge,
        )
        self.releaser = Releaser(
            projects=platform.projects,
            deployments=platform.deployments,
            steps=self.steps,
            switch=self.switch,
            max_receive_count=MAX_RECEIVE_COUNT,
            clock=platform.clock,
            pause=self.pauses.append,
        )
        self.deletion = ProjectDeletion(
            projects=platform.projects,
            rows=ProjectDeletionRepository(
                client=platform.dynamodb, projects_table=PROJECTS, deployments_table=DEPLOYMENTS
            ),
            edge=edge,
            withdrawal=self.collector.withdrawal,
            secrets=SecretRemover(client=calls.wrap_client("ssm", platform.ssm)),
            release_secrets=release_secrets,
            keys=platform.deploy_keys,
            audit=platform.audit,
            clock=platform.clock,
        )
        self.services = Services(
            switch=self.switch,
            deletion=lambda: self.deletion,
            deploy_keys=lambda: platform.deploy_key_service,
        )

    def _create_s3_client(self) -> Any:
        watched = self.platform.calls.wrap_client("s3", self.objects)

        class S3:
            """An S3 client that signs URLs like the function's own client. Signing is not a recorded call."""

            generate_presigned_url = get_real_client("s3", S3_CONFIG).generate_presigned_url

            def __getattr__(self, operation: str) -> Any:
                return getattr(watched, operation)

        return S3()

    def _put(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        calls = self.platform.calls
        calls.before("put")
        parts = urlsplit(url)
        bucket, key = parts.netloc.partition(".")[0], unquote(parts.path).removeprefix("/")
        check_presigned_put(url, headers, bucket=ASSETS, key=key)
        self.objects.stored[bucket, key] = (body, headers["content-type"], headers.get("cache-control"))
        calls.operations.append("put")
        if calls.crash_after == len(calls.operations):
            raise CrashError
        return 200

    def create_project(self, site: str = "next-site", **more: Any) -> Project:
        """Create a project on a site whose functions have no versions."""
        project = self.platform.create_project(site=site, **more)
        declared = self.get_site(project)
        self.functions.add_functions(
            declared.server_function, declared.image_function, declared.revalidation_function
        )
        return project

    def get_site(self, project: Project) -> Site:
        return self.platform.projects.get_site(project.site)

    def create_built(
        self, project: Project, changes: Mapping[str, bytes | None] | None = None, zipped: bytes | None = None
    ) -> Deployment:
        """Create a `built` deployment with an artifact.

        Args:
            project: The project of the deployment.
            changes: Changes of the artifact's files, as for `make_output`.
            zipped: Content of the artifact. None means a zip of OpenNext's output with the changes.
        """
        deployment = self.platform.create_built(project)
        content = make_artifact(changes).getvalue() if zipped is None else zipped
        self.objects.stored[ARTIFACTS, build_artifact_key(deployment)] = (content, "application/zip", None)
        return deployment

    def release(self, deployment: Deployment, *, is_last: bool = False) -> Deployment:
        """Deliver the deployment's release message. Return the new state of the deployment.

        `is_last` means that SQS does not deliver the message again.
        """
        self.releaser.release(make_build_message(deployment), self.platform.log, is_last=is_last)
        return self.platform.reload(deployment)

    def create_live(self, project: Project) -> Deployment:
        return self.release(self.create_built(project))


def find_served_deployment_id(stage: ReleasePlatform, project: Project) -> str | None:
    """Return the id of the deployment that the site's host serves, or None."""
    value = stage.store.items.get(stage.get_site(project).host)
    return json.loads(value)["r"] if value else None


def list_live_versions(stage: ReleasePlatform, project: Project) -> list[str | None]:
    """Return the versions of the `live` aliases of the server, image and revalidation function."""
    site = stage.get_site(project)
    names = (site.server_function, site.image_function, site.revalidation_function)
    return [stage.functions.functions[name].aliases.get("live") for name in names]


def read_failure(stage: ReleasePlatform, deployment: Deployment) -> tuple[str, str]:
    """Return the step and the reason of a failed deployment."""
    now = stage.platform.reload(deployment)
    assert now.status == "failed"
    assert now.failure
    return now.failure.step, now.failure.reason


def refuse_calls(stage: ReleasePlatform, operation: str, error: Exception, times: int = 10**6) -> None:
    """Let the next `times` calls of an operation fail with an error."""
    left = [times]

    def refuse_call(called: str) -> None:
        if called == operation and left[0]:
            left[0] -= 1
            raise error

    stage.platform.calls.before = refuse_call


def answer_with_status(status: int) -> Callable[..., Mapping[str, bytes]]:
    """Return a value for `LambdaService.answer` that answers each invocation with this HTTP status."""
    return lambda *_: {"Payload": json.dumps({"statusCode": status}).encode()}
