"""For each resource type, the arguments that make the AWS provider replace the resource if they change.

pulumi-aws bridges the Terraform provider hashicorp/terraform-provider-aws. In the provider's source, such an
argument has `ForceNew: true`, a plan modifier `RequiresReplace`, or a `ForceNew` in `CustomizeDiff`.
`local.providers.core.replacements` adds the argument `region`, which the provider adds to each regional type.
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen


@frozen(kw_only=True)
class ReplacementRule:
    """The arguments of one resource type that force a replacement.

    Attributes:
        source: The file of the AWS provider that declares the arguments.
        properties: Names in pulumi-aws of the arguments whose changes always force a replacement.
        conditional: Names of the arguments for which only some changes force a replacement. The embedded
            cloud does not decide which ones, so the program must not use these arguments.
        is_deleted_first: Whether pulumi-aws always deletes the old resource before it creates the new one.
    """

    source: str
    properties: frozenset[str]
    conditional: frozenset[str]
    is_deleted_first: bool


def _rule(
    source: str, *properties: str, conditional: tuple[str, ...] = (), is_deleted_first: bool = False
) -> ReplacementRule:
    return ReplacementRule(
        source=f"internal/service/{source}",
        properties=frozenset(properties),
        conditional=frozenset(conditional),
        is_deleted_first=is_deleted_first,
    )


RULES: Final[Mapping[str, ReplacementRule]] = {
    "aws:acm/certificate:Certificate": _rule(
        "acm/certificate.go",
        "certificateAuthorityArn",
        "domainName",
        "keyAlgorithm",
        "subjectAlternativeNames",
        "validationMethod",
        "validationOptions",
    ),
    "aws:acm/certificateValidation:CertificateValidation": _rule(
        "acm/certificate_validation.go", "certificateArn", "validationRecordFqdns"
    ),
    "aws:apigatewayv2/api:Api": _rule(
        "apigatewayv2/api.go", "credentialsArn", "protocolType", "routeKey", "target"
    ),
    "aws:apigatewayv2/apiMapping:ApiMapping": _rule("apigatewayv2/api_mapping.go", "apiId", "domainName"),
    "aws:apigatewayv2/authorizer:Authorizer": _rule("apigatewayv2/authorizer.go", "apiId"),
    "aws:apigatewayv2/domainName:DomainName": _rule("apigatewayv2/domain_name.go", "domainName"),
    "aws:apigatewayv2/integration:Integration": _rule(
        "apigatewayv2/integration.go", "apiId", "integrationSubtype", "integrationType"
    ),
    "aws:apigatewayv2/route:Route": _rule("apigatewayv2/route.go", "apiId"),
    "aws:apigatewayv2/stage:Stage": _rule("apigatewayv2/stage.go", "apiId", "name"),
    "aws:budgets/budget:Budget": _rule("budgets/budget.go", "accountId", "name", "namePrefix"),
    "aws:cloudfront/cachePolicy:CachePolicy": _rule("cloudfront/cache_policy.go"),
    "aws:cloudfront/distribution:Distribution": _rule("cloudfront/distribution.go", "staging"),
    "aws:cloudfront/function:Function": _rule("cloudfront/function.go", "name"),
    "aws:cloudfront/keyValueStore:KeyValueStore": _rule("cloudfront/key_value_store.go", "name"),
    "aws:cloudfront/originAccessControl:OriginAccessControl": _rule("cloudfront/origin_access_control.go"),
    "aws:cloudfront/originRequestPolicy:OriginRequestPolicy": _rule("cloudfront/origin_request_policy.go"),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _rule(
        "cloudfront/response_headers_policy.go"
    ),
    "aws:cloudwatch/dashboard:Dashboard": _rule("cloudwatch/dashboard.go", "dashboardName"),
    "aws:cloudwatch/eventRule:EventRule": _rule("events/rule.go", "eventBusName", "name", "namePrefix"),
    "aws:cloudwatch/eventTarget:EventTarget": _rule("events/target.go", "eventBusName", "rule", "targetId"),
    "aws:cloudwatch/logGroup:LogGroup": _rule("logs/group.go", "logGroupClass", "name", "namePrefix"),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": _rule("logs/metric_filter.go", "logGroupName", "name"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _rule("cloudwatch/metric_alarm.go", "name"),
    "aws:codebuild/project:Project": _rule("codebuild/project.go", "name"),
    "aws:cognito/userGroup:UserGroup": _rule("cognitoidp/user_group.go", "name", "userPoolId"),
    # Up to version 5 of the provider, `name` forced a replacement, too (CHANGELOG.md, #42639).
    "aws:cognito/userPool:UserPool": _rule(
        "cognitoidp/user_pool.go", "aliasAttributes", "usernameAttributes", "usernameConfiguration"
    ),
    "aws:cognito/userPoolClient:UserPoolClient": _rule(
        "cognitoidp/user_pool_client.go", "generateSecret", "userPoolId"
    ),
    "aws:dynamodb/table:Table": _rule(
        "dynamodb/table.go",
        "hashKey",
        "localSecondaryIndexes",
        "name",
        "rangeKey",
        "restoreDateTime",
        "restoreToLatestTime",
        # Without a replacement, a restore argument can be removed and the throughput can be increased.
        # In `importTable`, only a change of the source bucket forces a replacement.
        conditional=("importTable", "restoreSourceName", "restoreSourceTableArn", "warmThroughput"),
    ),
    "aws:dynamodb/tableItem:TableItem": _rule("dynamodb/table_item.go", "hashKey", "rangeKey", "tableName"),
    "aws:iam/policy:Policy": _rule("iam/policy.go", "description", "name", "namePrefix", "path"),
    "aws:iam/role:Role": _rule("iam/role.go", "name", "namePrefix", "path"),
    "aws:iam/rolePolicy:RolePolicy": _rule("iam/role_policy.go", "name", "namePrefix", "role"),
    # The source of `is_deleted_first` is provider/resource_overrides.go in pulumi/pulumi-aws.
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _rule(
        "iam/role_policy_attachment.go", "policyArn", "role", is_deleted_first=True
    ),
    "aws:kms/alias:Alias": _rule("kms/alias.go", "name", "namePrefix"),
    "aws:kms/key:Key": _rule(
        "kms/key.go", "customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"
    ),
    "aws:lambda/alias:Alias": _rule("lambda/alias.go", "functionName", "name"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": _rule(
        "lambda/event_source_mapping.go",
        "amazonManagedKafkaEventSourceConfig",
        "eventSourceArn",
        "queues",
        "selfManagedEventSource",
        "selfManagedKafkaEventSourceConfig",
        "startingPosition",
        "startingPositionTimestamp",
        "topics",
    ),
    # Adding or removing `durableConfig` forces a replacement. Other changes of this argument do not.
    "aws:lambda/function:Function": _rule(
        "lambda/function.go", "name", "packageType", "tenancyConfig", conditional=("durableConfig",)
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _rule(
        "lambda/function_event_invoke_config.go", "functionName", "qualifier"
    ),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": _rule(
        "lambda/function_recursion_config.go", "functionName"
    ),
    "aws:lambda/layerVersion:LayerVersion": _rule(
        "lambda/layer_version.go",
        "code",
        "compatibleArchitectures",
        "compatibleRuntimes",
        "description",
        "layerName",
        "licenseInfo",
        "s3Bucket",
        "s3Key",
        "s3ObjectVersion",
        "skipDestroy",
        "sourceCodeHash",
    ),
    "aws:lambda/permission:Permission": _rule(
        "lambda/permission.go",
        "action",
        "eventSourceToken",
        "function",
        "functionUrlAuthType",
        "invokedViaFunctionUrl",
        "principal",
        "principalOrgId",
        "qualifier",
        "sourceAccount",
        "sourceArn",
        "statementId",
        "statementIdPrefix",
    ),
    # The provider updates `type` and `setIdentifier`: one batch of changes deletes the old record and creates
    # the new one.
    "aws:route53/record:Record": _rule("route53/record.go", "name", "zoneId"),
    # `bucketNamespace` is from the documentation of the provider ("Forces new resource"), not the source.
    "aws:s3/bucket:Bucket": _rule(
        "s3/bucket.go", "bucket", "bucketNamespace", "bucketPrefix", "objectLockEnabled"
    ),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": _rule(
        "s3/bucket_cors_configuration.go", "bucket", "expectedBucketOwner"
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _rule(
        "s3/bucket_lifecycle_configuration.go", "bucket", "expectedBucketOwner"
    ),
    "aws:s3/bucketNotification:BucketNotification": _rule("s3/bucket_notification.go", "bucket"),
    "aws:s3/bucketObjectv2:BucketObjectv2": _rule("s3/object.go", "bucket", "key"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _rule(
        "s3/bucket_ownership_controls.go", "bucket"
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _rule("s3/bucket_policy.go", "bucket"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _rule(
        "s3/bucket_public_access_block.go", "bucket"
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _rule(
        "s3/bucket_server_side_encryption_configuration.go", "bucket", "expectedBucketOwner"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _rule(
        "s3/bucket_versioning.go", "bucket", "expectedBucketOwner"
    ),
    "aws:sns/topic:Topic": _rule("sns/topic.go", "fifoTopic", "name", "namePrefix"),
    "aws:sns/topicPolicy:TopicPolicy": _rule("sns/topic_policy.go", "arn"),
    "aws:sns/topicSubscription:TopicSubscription": _rule(
        "sns/topic_subscription.go", "endpoint", "protocol", "topic"
    ),
    "aws:sqs/queue:Queue": _rule("sqs/queue.go", "fifoQueue", "name", "namePrefix"),
    "aws:sqs/queuePolicy:QueuePolicy": _rule("sqs/queue_policy.go", "queueUrl"),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _rule("sqs/queue_redrive_allow_policy.go", "queueUrl"),
    "aws:sqs/redrivePolicy:RedrivePolicy": _rule("sqs/queue_redrive_policy.go", "queueUrl"),
}
