"""S3: objects that the program declares."""

import base64

from botocore.exceptions import ClientError

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    parse_tag_list,
)

_TYPE = "aws:s3/bucketObjectv2:BucketObjectv2"


@register_creator(_TYPE)
def create_object(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Upload the object."""
    properties = declared.properties
    bucket, key = properties["bucket"], properties["key"]
    _upload_object(aws, declared)
    return CreatedResource(id=f"{bucket}/{key}", outputs={"arn": f"arn:aws:s3:::{bucket}/{key}"})


@register_updater(_TYPE)
def update_object(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Upload the object again."""
    _upload_object(aws, declared)
    return made


@register_reader(_TYPE)
def read_object(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> Properties | None:
    """Return the content, its type and the tags."""
    client, place = aws.client("s3"), _get_place(declared)
    try:
        answer = client.get_object(**place)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None
    return {
        "bucket": place["Bucket"],
        "contentBase64": base64.b64encode(answer["Body"].read()).decode(),
        "contentType": answer["ContentType"],
        "key": place["Key"],
        "tags": parse_tag_list(client.get_object_tagging(**place)["TagSet"]),
    }


@register_deleter(_TYPE)
def delete_object(aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource) -> None:
    """Delete the object."""
    aws.client("s3").delete_object(**_get_place(declared))


def _upload_object(aws: ProviderContext, declared: DeclaredResource) -> None:
    client, place = aws.client("s3"), _get_place(declared)
    client.put_object(
        **place,
        Body=base64.b64decode(declared.properties["contentBase64"]),
        ContentType=declared.properties["contentType"],
    )
    client.put_object_tagging(**place, Tagging={"TagSet": build_tag_list(declared.properties)})


def _get_place(declared: DeclaredResource) -> dict[str, str]:
    return {"Bucket": declared.properties["bucket"], "Key": declared.properties["key"]}
