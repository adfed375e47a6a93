"""PynamoDB models of a deployment and of a job, with the attributes of this project's models."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pynamodb.attributes import MapAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.models import Model

PYNAMO_DEPLOYMENTS: Final = "benchmark-pynamo-deployments"
PYNAMO_JOBS: Final = "benchmark-pynamo-jobs"


class PynamoRelease(MapAttribute[str, Any]):
    """The release of a deployment."""

    alias = UnicodeAttribute()
    server_version = UnicodeAttribute(attr_name="serverVersion")
    server_origin = UnicodeAttribute(attr_name="serverOrigin")
    image_version = UnicodeAttribute(attr_name="imageVersion")
    image_origin = UnicodeAttribute(attr_name="imageOrigin")
    host = UnicodeAttribute()
    url = UnicodeAttribute()


class PynamoDeployment(Model):
    """A deployment."""

    class Meta:  # pyright: ignore[reportIncompatibleVariableOverride] - PynamoDB's way of writing it
        """The settings of the model: the name of the table."""

        table_name: ClassVar[str] = PYNAMO_DEPLOYMENTS

    project_id = UnicodeAttribute(attr_name="projectId", hash_key=True)
    deployment_id = UnicodeAttribute(attr_name="deploymentId", range_key=True)
    user_id = UnicodeAttribute(attr_name="userId")
    site = UnicodeAttribute()
    sequence = NumberAttribute()
    status = UnicodeAttribute()
    branch = UnicodeAttribute()
    commit_sha = UnicodeAttribute(attr_name="commitSha")
    commit_message = UnicodeAttribute(attr_name="commitMessage")
    commit_author = UnicodeAttribute(attr_name="commitAuthor")
    source = UnicodeAttribute()
    created_at = UTCDateTimeAttribute(attr_name="createdAt")
    updated_at = UTCDateTimeAttribute(attr_name="updatedAt")
    build_id = UnicodeAttribute(attr_name="buildId")
    release = PynamoRelease()
    live_at = UTCDateTimeAttribute(attr_name="liveAt")


class PynamoJob(Model):
    """A job."""

    class Meta:  # pyright: ignore[reportIncompatibleVariableOverride] - PynamoDB's way of writing it
        """The settings of the model: the name of the table."""

        table_name: ClassVar[str] = PYNAMO_JOBS

    job_id = UnicodeAttribute(attr_name="jobId", hash_key=True)
    shop_domain = UnicodeAttribute(attr_name="shopDomain")
    kind = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = UTCDateTimeAttribute(attr_name="createdAt")
    updated_at = UTCDateTimeAttribute(attr_name="updatedAt")
    expires_at = NumberAttribute(attr_name="expiresAt")
    processed = NumberAttribute()
    failed = NumberAttribute()


def connect_models(connection: Mapping[str, str]) -> None:
    """Connect the models to the endpoint in the given arguments of a boto3 client."""
    for model in (PynamoDeployment, PynamoJob):
        meta: Any = model.Meta
        meta.host = connection["endpoint_url"]
        meta.region = connection["region_name"]
        meta.aws_access_key_id = connection["aws_access_key_id"]
        meta.aws_secret_access_key = connection["aws_secret_access_key"]
