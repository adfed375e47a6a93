# ruff: noqa: ANN401, D102, N803 - methods and parameters are AWS's own; the AWS reference describes them
"""Types of the AWS calls that only the release code makes. See also `runtime.shared.aws`."""

from collections.abc import Mapping, Sequence
from typing import IO, Any, Protocol

from runtime.shared.aws import AwsResponse, Item


class S3Client(Protocol):
    """Calls of the `s3` client."""

    def get_object(self, *, Bucket: str, Key: str) -> AwsResponse: ...
    def put_object(  # noqa: PLR0913 - AWS's own parameters
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes | IO[bytes],
        ContentType: str = ...,
        CacheControl: str = ...,
        Metadata: Mapping[str, str] = ...,
    ) -> AwsResponse: ...
    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, ContinuationToken: str = ..., MaxKeys: int = ...
    ) -> AwsResponse: ...
    def generate_presigned_url(
        self,
        ClientMethod: str,
        *,
        Params: Mapping[str, Any],
        ExpiresIn: int,
    ) -> str: ...


class SecretObjectsClient(Protocol):
    """Calls of the `s3` client on the objects with the secrets of releases."""

    def get_object(self, *, Bucket: str, Key: str) -> AwsResponse: ...
    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> AwsResponse: ...
    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = ...) -> AwsResponse: ...


class LambdaClient(Protocol):
    """Calls of the `lambda` client."""

    def update_function_code(self, *, FunctionName: str, S3Bucket: str, S3Key: str) -> AwsResponse: ...
    def update_function_configuration(
        self, *, FunctionName: str, Environment: Mapping[str, Mapping[str, str]]
    ) -> AwsResponse: ...
    def get_function_configuration(self, *, FunctionName: str, Qualifier: str = ...) -> AwsResponse: ...
    def publish_version(
        self, *, FunctionName: str, CodeSha256: str, RevisionId: str, Description: str
    ) -> AwsResponse: ...
    def get_alias(self, *, FunctionName: str, Name: str) -> AwsResponse: ...
    def create_alias(self, *, FunctionName: str, Name: str, FunctionVersion: str) -> AwsResponse: ...
    def update_alias(self, *, FunctionName: str, Name: str, FunctionVersion: str) -> AwsResponse: ...
    def get_function_url_config(self, *, FunctionName: str, Qualifier: str) -> AwsResponse: ...
    def create_function_url_config(
        self, *, FunctionName: str, Qualifier: str, AuthType: str, InvokeMode: str
    ) -> AwsResponse: ...
    def add_permission(self, **arguments: Any) -> AwsResponse: ...
    def invoke(self, *, FunctionName: str, Qualifier: str, LogType: str, Payload: bytes) -> AwsResponse: ...


class KeyValueStoreClient(Protocol):
    """Calls of the `cloudfront-keyvaluestore` client."""

    def describe_key_value_store(self, *, KvsARN: str) -> AwsResponse: ...
    def get_key(self, *, KvsARN: str, Key: str) -> AwsResponse: ...
    def put_key(self, *, KvsARN: str, Key: str, Value: str, IfMatch: str) -> AwsResponse: ...
    def update_keys(
        self,
        *,
        KvsARN: str,
        IfMatch: str,
        Puts: Sequence[Mapping[str, str]] = ...,
        Deletes: Sequence[Mapping[str, str]] = ...,
    ) -> AwsResponse: ...


class RemovingLambdaClient(Protocol):
    """Calls of the `lambda` client that remove releases."""

    def delete_function_url_config(self, *, FunctionName: str, Qualifier: str) -> AwsResponse: ...
    def delete_alias(self, *, FunctionName: str, Name: str) -> AwsResponse: ...
    def list_versions_by_function(self, *, FunctionName: str, Marker: str = ...) -> AwsResponse: ...
    def list_aliases(self, *, FunctionName: str, Marker: str = ...) -> AwsResponse: ...
    # The qualifier is required here: without it, the call deletes the whole function.
    def delete_function(self, *, FunctionName: str, Qualifier: str) -> AwsResponse: ...


class ResettingLambdaClient(Protocol):
    """Calls of the `lambda` client that reset the functions of a site."""

    def update_function_code(self, *, FunctionName: str, ZipFile: bytes) -> AwsResponse: ...
    def update_function_configuration(
        self, *, FunctionName: str, Environment: Mapping[str, Mapping[str, str]]
    ) -> AwsResponse: ...
    def update_alias(self, *, FunctionName: str, Name: str, FunctionVersion: str) -> AwsResponse: ...


class PurgingSQSClient(Protocol):
    """Calls of the `sqs` client that remove messages."""

    def purge_queue(self, *, QueueUrl: str) -> AwsResponse: ...


class RemovingS3Client(Protocol):
    """Calls of the `s3` client that remove releases."""

    def list_objects_v2(
        self, *, Bucket: str, Prefix: str, Delimiter: str = ..., ContinuationToken: str = ...
    ) -> AwsResponse: ...
    def delete_objects(self, *, Bucket: str, Delete: Mapping[str, Any]) -> AwsResponse: ...


class TagTableClient(Protocol):
    """Calls of the `dynamodb` client on the tag table of a site."""

    def batch_get_item(self, *, RequestItems: Mapping[str, Mapping[str, Any]]) -> AwsResponse: ...
    def batch_write_item(
        self, *, RequestItems: Mapping[str, Sequence[Mapping[str, Mapping[str, Item]]]]
    ) -> AwsResponse: ...


class RemovingTagTableClient(Protocol):
    """Calls of the `dynamodb` client that empty the tag table of a site."""

    def scan(self, **arguments: Any) -> AwsResponse: ...
    def batch_write_item(
        self, *, RequestItems: Mapping[str, Sequence[Mapping[str, Mapping[str, Any]]]]
    ) -> AwsResponse: ...


class SecretsClient(Protocol):
    """Calls of the `ssm` client that read secrets."""

    def get_parameters_by_path(
        self, *, Path: str, WithDecryption: bool, NextToken: str = ...
    ) -> AwsResponse: ...
