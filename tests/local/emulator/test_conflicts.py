"""A call that would create an existing resource is refused, or returns that resource, as in AWS (L5)."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.emulator import Emulator
from tests.components.resources import list_custom_resources
from tests.components.stages import STAGES
from tests.local.emulator.creation_calls import Creation

# For each type: the method of `Creation` that creates a resource, and the error if the call is repeated. None
# means that AWS accepts the second call: the resource has no name, or the second call replaces the resource
# or returns it.
CALLS = {
    "aws:acm/certificate:Certificate": ("certificate", None),
    "aws:apigatewayv2/api:Api": ("api", None),
    "aws:apigatewayv2/apiMapping:ApiMapping": ("api_mapping", "ConflictException"),
    "aws:apigatewayv2/authorizer:Authorizer": ("authorizer", "ConflictException"),
    "aws:apigatewayv2/domainName:DomainName": ("domain_name", "ConflictException"),
    "aws:apigatewayv2/integration:Integration": ("integration", None),
    "aws:apigatewayv2/route:Route": ("route", "ConflictException"),
    "aws:apigatewayv2/stage:Stage": ("stage", "ConflictException"),
    "aws:cloudfront/cachePolicy:CachePolicy": ("cache_policy", "CachePolicyAlreadyExists"),
    "aws:cloudfront/distribution:Distribution": ("distribution", None),
    "aws:cloudfront/function:Function": ("cloudfront_function", "FunctionAlreadyExists"),
    "aws:cloudfront/keyValueStore:KeyValueStore": ("key_value_store", "EntityAlreadyExists"),
    "aws:cloudfront/originAccessControl:OriginAccessControl": (
        "origin_access_control",
        "OriginAccessControlAlreadyExists",
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": (
        "response_headers_policy",
        "ResponseHeadersPolicyAlreadyExists",
    ),
    "aws:budgets/budget:Budget": ("budget", "DuplicateRecordException"),
    "aws:cloudwatch/dashboard:Dashboard": ("dashboard", None),
    "aws:cloudwatch/eventRule:EventRule": ("rule", None),
    "aws:cloudwatch/eventTarget:EventTarget": ("target", None),
    "aws:cloudwatch/logGroup:LogGroup": ("log_group", "ResourceAlreadyExistsException"),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": ("metric_filter", None),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("alarm", None),
    "aws:codebuild/project:Project": ("build_project", "ResourceAlreadyExistsException"),
    "aws:cognito/userGroup:UserGroup": ("user_group", "GroupExistsException"),
    "aws:cognito/userPool:UserPool": ("user_pool", None),
    "aws:cognito/userPoolClient:UserPoolClient": ("user_pool_client", None),
    "aws:dynamodb/table:Table": ("table", "ResourceInUseException"),
    "aws:dynamodb/tableItem:TableItem": ("table_item", "ConditionalCheckFailedException"),
    "aws:iam/policy:Policy": ("policy", "EntityAlreadyExists"),
    "aws:iam/role:Role": ("role", "EntityAlreadyExists"),
    "aws:iam/rolePolicy:RolePolicy": ("role_policy", None),
    "aws:kms/alias:Alias": ("key_alias", "AlreadyExistsException"),
    "aws:kms/key:Key": ("key", None),
    "aws:lambda/alias:Alias": ("function_alias", "ResourceConflictException"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        "event_source_mapping",
        "ResourceConflictException",
    ),
    "aws:lambda/function:Function": ("function", "ResourceConflictException"),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ("event_invoke_config", None),
    "aws:lambda/layerVersion:LayerVersion": ("layer_version", None),
    "aws:lambda/permission:Permission": ("permission", "ResourceConflictException"),
    "aws:route53/record:Record": ("record", "InvalidChangeBatch"),
    "aws:s3/bucket:Bucket": ("bucket", "BucketAlreadyOwnedByYou"),
    "aws:s3/bucketObjectv2:BucketObjectv2": ("bucket_object", None),
    "aws:sns/topic:Topic": ("topic", None),
    "aws:sns/topicSubscription:TopicSubscription": ("subscription", None),
    "aws:sqs/queue:Queue": ("queue", None),
}
# Types for which no call creates a resource. They set a property of another resource, or wait for it.
SETTINGS = {
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketNotification:BucketNotification",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
}


def create_twice(emulator: Emulator, call: str, first: dict[str, Any], second: dict[str, Any]) -> str | None:
    """Call with the `first` and then the `second` arguments. Return the error code of the second call."""
    creation = Creation(emulator)
    getattr(creation, call)(**first)
    try:
        getattr(creation, call)(**second)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def test_every_resource_type_is_either_in_calls_or_in_settings() -> None:
    registered = {resource.type for stage in STAGES for resource in list_custom_resources(stage)}
    assert not CALLS.keys() & SETTINGS
    assert CALLS.keys() | SETTINGS == registered


@pytest.mark.parametrize(("call", "code"), CALLS.values(), ids=CALLS)
def test_a_repeated_creation_is_answered_as_in_aws(emulator: Emulator, call: str, code: str | None) -> None:
    assert create_twice(emulator, call, {}, {}) == code


@pytest.mark.parametrize(
    ("call", "first", "second", "code"),
    [
        ("queue", {}, {"Attributes": {"VisibilityTimeout": "61"}}, "QueueAlreadyExists"),
        ("queue", {}, {"Attributes": {"DelaySeconds": "9"}}, "QueueAlreadyExists"),
        (
            "queue",
            {},
            {"Attributes": {"RedriveAllowPolicy": '{"redrivePermission": "denyAll"}'}},
            "QueueAlreadyExists",
        ),
        ("queue", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, "QueueAlreadyExists"),
        ("queue", {"tags": {"a": "1"}}, {"Attributes": {}}, None),
        ("topic", {}, {"Attributes": {"DisplayName": "Alarms"}}, "InvalidParameter"),
        ("topic", {}, {"Tags": [{"Key": "a", "Value": "1"}]}, "InvalidParameter"),
        ("topic", {"Tags": [{"Key": "a", "Value": "1"}]}, {}, None),
        ("subscription", {}, {"Attributes": {"RawMessageDelivery": "true"}}, "InvalidParameter"),
        ("distribution", {}, {"Comment": "another"}, "DistributionAlreadyExists"),
        ("distribution", {}, {"CallerReference": "2"}, None),
    ],
)
def test_a_creation_with_other_settings_is_answered_as_in_aws(
    emulator: Emulator, call: str, first: dict[str, Any], second: dict[str, Any], code: str | None
) -> None:
    assert create_twice(emulator, call, first, second) == code


def test_an_email_subscription_waits_for_its_confirmation(emulator: Emulator) -> None:
    """L5: until the confirmation, SNS refuses to delete the subscription."""
    creation = Creation(emulator)
    client = emulator.client("sns")
    arn = creation.subscription(Protocol="email", Endpoint="ops@example.com")["SubscriptionArn"]
    attributes = client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "true"
    with pytest.raises(ClientError, match="Cannot unsubscribe a subscription that is pending confirmation"):
        client.unsubscribe(SubscriptionArn=arn)
    client.delete_topic(TopicArn=creation.topic_arn)
    with pytest.raises(ClientError, match="NotFound"):
        client.get_subscription_attributes(SubscriptionArn=arn)


def test_a_repeated_creation_returns_the_existing_resource(emulator: Emulator) -> None:
    creation = Creation(emulator)
    for call, path in (
        ("queue", ("QueueUrl",)),
        ("topic", ("TopicArn",)),
        ("subscription", ("SubscriptionArn",)),
        ("distribution", ("Distribution", "Id")),
    ):
        found: list[Any] = []
        for _ in range(2):
            answer = getattr(creation, call)()
            for part in path:
                answer = answer[part]
            found.append(answer)
        assert found[0] == found[1], call


def test_a_refused_event_source_mapping_is_not_created(emulator: Emulator) -> None:
    creation = Creation(emulator)
    creation.event_source_mapping()
    with pytest.raises(ClientError, match="Please update or delete the existing mapping with UUID"):
        creation.event_source_mapping()
    assert len(creation.client("lambda").list_event_source_mappings()["EventSourceMappings"]) == 1
