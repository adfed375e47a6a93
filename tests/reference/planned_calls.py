"""The AWS calls of a preview: lookups of the program, and calls to plan resources of some types.

The tables follow the source of the AWS provider that pulumi-aws contains. Extend them with each new type and
each new lookup. A preview without `--refresh` reads no resource. A plan calls AWS only if the function
`CustomizeDiff` or `ModifyPlan` of the type calls AWS.
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen


@frozen
class PlannedCall:
    """An AWS call that the AWS provider makes while it plans a resource.

    Attributes:
        action: Permission that the call needs.
        source: File in `internal/service` of hashicorp/terraform-provider-aws.
        resource: ARN of the resource, with the placeholders REGION, ACCOUNT and STAGE.
        reason: What the provider does with the answer.
    """

    action: str
    source: str
    resource: str
    reason: str


LOOKUPS: Final[Mapping[str, str | None]] = {
    # AWS permits this call to everyone. The provider itself makes the same call when it starts.
    "aws:index/getCallerIdentity:getCallerIdentity": None,
}
"""Permissions of the program's lookups. None means that the call needs no permission."""

PLANNED_CALLS: Final[Mapping[str, PlannedCall]] = {
    "aws:dynamodb/table:Table": PlannedCall(
        "dynamodb:DescribeTable",
        "dynamodb/table.go",
        "arn:aws:dynamodb:REGION:ACCOUNT:table/anchor-STAGE-*",
        "validateTableAttributes compares the declared attributes with the indexes of the existing table",
    )
}
"""Types whose plan calls AWS."""

PLANNED_OFFLINE: Final[Mapping[str, str]] = {
    "aws:acm/certificate:Certificate": "acm/certificate.go",
    "aws:acm/certificateValidation:CertificateValidation": "acm/certificate_validation.go",
    "aws:apigatewayv2/api:Api": "apigatewayv2/api.go",
    "aws:apigatewayv2/apiMapping:ApiMapping": "apigatewayv2/api_mapping.go",
    "aws:apigatewayv2/authorizer:Authorizer": "apigatewayv2/authorizer.go",
    "aws:apigatewayv2/domainName:DomainName": "apigatewayv2/domain_name.go",
    "aws:apigatewayv2/integration:Integration": "apigatewayv2/integration.go",
    "aws:apigatewayv2/route:Route": "apigatewayv2/route.go",
    "aws:apigatewayv2/stage:Stage": "apigatewayv2/stage.go",
    "aws:budgets/budget:Budget": "budgets/budget.go",
    "aws:cloudfront/cachePolicy:CachePolicy": "cloudfront/cache_policy.go",
    "aws:cloudfront/distribution:Distribution": "cloudfront/distribution.go",
    "aws:cloudfront/function:Function": "cloudfront/function.go",
    "aws:cloudfront/keyValueStore:KeyValueStore": "cloudfront/key_value_store.go",
    "aws:cloudfront/originAccessControl:OriginAccessControl": "cloudfront/origin_access_control.go",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": "cloudfront/response_headers_policy.go",
    "aws:cloudwatch/dashboard:Dashboard": "cloudwatch/dashboard.go",
    "aws:cloudwatch/eventRule:EventRule": "events/rule.go",
    "aws:cloudwatch/eventTarget:EventTarget": "events/target.go",
    "aws:cloudwatch/logGroup:LogGroup": "logs/group.go",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": "logs/metric_filter.go",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch/metric_alarm.go",
    "aws:codebuild/project:Project": "codebuild/project.go",
    "aws:cognito/userGroup:UserGroup": "cognitoidp/user_group.go",
    "aws:cognito/userPool:UserPool": "cognitoidp/user_pool.go",
    "aws:cognito/userPoolClient:UserPoolClient": "cognitoidp/user_pool_client.go",
    "aws:dynamodb/tableItem:TableItem": "dynamodb/table_item.go",
    "aws:iam/policy:Policy": "iam/policy.go",
    "aws:iam/role:Role": "iam/role.go",
    "aws:iam/rolePolicy:RolePolicy": "iam/role_policy.go",
    "aws:kms/alias:Alias": "kms/alias.go",
    "aws:kms/key:Key": "kms/key.go",
    "aws:lambda/alias:Alias": "lambda/alias.go",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "lambda/event_source_mapping.go",
    "aws:lambda/function:Function": "lambda/function.go",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        "lambda/function_event_invoke_config.go"
    ),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": "lambda/function_recursion_config.go",
    "aws:lambda/layerVersion:LayerVersion": "lambda/layer_version.go",
    "aws:lambda/permission:Permission": "lambda/permission.go",
    "aws:route53/record:Record": "route53/record.go",
    "aws:s3/bucket:Bucket": "s3/bucket.go",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": "s3/bucket_cors_configuration.go",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        "s3/bucket_lifecycle_configuration.go"
    ),
    "aws:s3/bucketNotification:BucketNotification": "s3/bucket_notification.go",
    "aws:s3/bucketObjectv2:BucketObjectv2": "s3/object.go",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "s3/bucket_ownership_controls.go",
    "aws:s3/bucketPolicy:BucketPolicy": "s3/bucket_policy.go",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "s3/bucket_public_access_block.go",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "s3/bucket_server_side_encryption_configuration.go"
    ),
    "aws:sns/topic:Topic": "sns/topic.go",
    "aws:sns/topicSubscription:TopicSubscription": "sns/topic_subscription.go",
    "aws:sqs/queue:Queue": "sqs/queue.go",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "sqs/queue_redrive_allow_policy.go",
}
"""Types whose plan only compares inputs and state, with their file in `internal/service` of the provider."""
