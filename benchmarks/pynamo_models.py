"""PynamoDB's models of a deployment and of a job, with the attributes of ours."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pynamodb.attributes import MapAttribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.models import Model

OWN_DEPLOYMENTS: Final = "benchmark-pynamo-deployments"
OWN_JOBS: Final = "benchmark-pynamo-jobs"


class MapOfRelease(MapAttribute[str, Any]):
    """A deployment's release."""

    alias = UnicodeAttribute()
    server_version = UnicodeAttribute(attr_name="serverVersion")
    server_origin = UnicodeAttribute(attr_name="serverOrigin")
    image_version = UnicodeAttribute(attr_name="imageVersion")
    image_origin = UnicodeAttribute(attr_name="imageOrigin")
    host = UnicodeAttribute()
    url = UnicodeAttribute()


class OwnDeploymentModel(Model):
    """A deployment."""

    class Meta:  # pyright: ignore[reportIncompatibleVariableOverride] - PynamoDB's way of writing it
        """Where it is stored."""

        table_name: ClassVar[str] = OWN_DEPLOYMENTS

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
    release = MapOfRelease()
    live_at = UTCDateTimeAttribute(attr_name="liveAt")


class JobModel(Model):
    """A job."""

    class Meta:  # pyright: ignore[reportIncompatibleVariableOverride] - PynamoDB's way of writing it
        """Where it is stored."""

        table_name: ClassVar[str] = OWN_JOBS

    job_id = UnicodeAttribute(attr_name="jobId", hash_key=True)
    shop_domain = UnicodeAttribute(attr_name="shopDomain")
    kind = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = UTCDateTimeAttribute(attr_name="createdAt")
    updated_at = UTCDateTimeAttribute(attr_name="updatedAt")
    expires_at = NumberAttribute(attr_name="expiresAt")
    processed = NumberAttribute()
    failed = NumberAttribute()


def connect(connection: Mapping[str, str]) -> None:
    """Let the models speak to this endpoint; takes boto3's arguments."""
    for model in (OwnDeploymentModel, JobModel):
        meta: Any = model.Meta
        meta.host = connection["endpoint_url"]
        meta.region = connection["region_name"]
        meta.aws_access_key_id = connection["aws_access_key_id"]
        meta.aws_secret_access_key = connection["aws_secret_access_key"]
