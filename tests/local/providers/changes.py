"""A change of each property that AWS can change, for a resource of each type of production."""

import json
from collections.abc import Callable
from typing import Any, Final

from attrs import Factory, frozen

Value = Any
Change = Callable[[Value], Value]

OWNER: Final = {"Owner": "ada"}


def replace(value: Value) -> Change:
    """Return a change to a value that does not depend on the old one."""
    return lambda _old: value


def merge(**values: Value) -> Change:
    """Return a change of some properties in a block."""
    return lambda old: {**old, **values}


def change_first(change: Change) -> Change:
    """Return a change of the first item of a list."""
    return lambda old: [change(old[0]), *old[1:]]


def add_space(document: str) -> str:
    """Return a policy with one more statement."""
    policy = json.loads(document)
    policy["Statement"] = [*policy["Statement"], {**policy["Statement"][0], "Sid": "Another"}]
    return json.dumps(policy)


def remove_stage_tag(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags with one more, one less and one other value."""
    return {"Project": "another", "Component": tags["Component"], **OWNER}


@frozen(kw_only=True)
class Changes:
    """The changes of one resource.

    Attributes:
        name: The logical name of the resource. None selects any resource with the property.
        values: The change of each property.
        together: Properties that AWS accepts only together. They are changed in one update.
        also: Other properties that must change with each change. None removes the property.
    """

    name: str | None = None
    values: dict[str, Change] = Factory(dict)
    together: tuple[tuple[str, ...], ...] = ()
    also: dict[str, Value] = Factory(dict)


TAGS: Final = {"tags": remove_stage_tag}

CHANGES: Final[dict[str, tuple[Changes, ...]]] = {
    "aws:acm/certificate:Certificate": (Changes(values=TAGS),),
    "aws:acm/certificateValidation:CertificateValidation": (Changes(),),
    "aws:apigatewayv2/api:Api": (
        Changes(
            name="images",
            values={
                "name": replace("renamed"),
                "corsConfiguration": merge(allowMethods=["GET"], maxAge=60),
                **TAGS,
            },
        ),
    ),
    # The mapped stage is created by the test.
    "aws:apigatewayv2/apiMapping:ApiMapping": (Changes(values={"stage": replace("another")}),),
    "aws:apigatewayv2/authorizer:Authorizer": (
        Changes(
            values={
                "authorizerType": replace("REQUEST"),
                "identitySources": replace(["$request.header.X-Token"]),
                "jwtConfiguration": merge(audiences=["another"]),
                "name": replace("renamed"),
            },
            also={"authorizerUri": "arn:aws:apigateway:ap-southeast-1:lambda:path/authorizer/invocations"},
        ),
    ),
    # The certificate is replaced by one that the test requests for the same host.
    "aws:apigatewayv2/domainName:DomainName": (Changes(values={"domainNameConfiguration": merge(), **TAGS}),),
    "aws:apigatewayv2/integration:Integration": (
        Changes(
            values={
                "integrationMethod": replace("GET"),
                "integrationUri": lambda old: old.replace("/invocations", "-b/invocations"),
                "payloadFormatVersion": replace("1.0"),
            }
        ),
    ),
    "aws:apigatewayv2/route:Route": (
        Changes(
            values={
                "authorizerId": replace("another"),
                "routeKey": replace("GET /another"),
                "target": replace("integrations/another"),
            }
        ),
        Changes(values={"authorizationType": replace("NONE")}, also={"authorizerId": None}),
    ),
    "aws:apigatewayv2/stage:Stage": (
        Changes(
            values={
                "accessLogSettings": merge(format="$context.requestId"),
                "autoDeploy": replace(value=False),
                "defaultRouteSettings": merge(throttlingRateLimit=7, throttlingBurstLimit=9),
                **TAGS,
            }
        ),
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": (
        Changes(
            name="pages",
            values={
                "defaultTtl": replace(5),
                "maxTtl": replace(50),
                "minTtl": replace(1),
                "parametersInCacheKeyAndForwardedToOrigin": merge(
                    enableAcceptEncodingBrotli=False,
                    queryStringsConfig={
                        "queryStringBehavior": "whitelist",
                        "queryStrings": {"items": ["page"]},
                    },
                ),
            },
        ),
    ),
    "aws:cloudfront/distribution:Distribution": (
        Changes(
            name="edge",
            values={
                "aliases": replace(["a.sites.example.com"]),
                "comment": replace("Another"),
                "customErrorResponses": replace([{"errorCode": 404, "errorCachingMinTtl": 9}]),
                "defaultCacheBehavior": merge(compress=False, allowedMethods=["GET", "HEAD"]),
                "enabled": replace(value=False),
                "httpVersion": replace("http2"),
                "isIpv6Enabled": replace(value=False),
                "orderedCacheBehaviors": lambda old: list(reversed(old)),
                "origins": change_first(merge(domainName="another.s3.ap-southeast-1.amazonaws.com")),
                "priceClass": replace("PriceClass_All"),
                "restrictions": replace(
                    {"geoRestriction": {"restrictionType": "blacklist", "locations": ["AQ"]}}
                ),
                "viewerCertificate": merge(minimumProtocolVersion="TLSv1.2_2019"),
                **TAGS,
            },
        ),
    ),
    "aws:cloudfront/function:Function": (
        Changes(
            name="edge",
            values={
                "code": replace("function handler(event) { return event.request; }"),
                "keyValueStoreAssociations": replace([]),
                "runtime": replace("cloudfront-js-1.0"),
                **TAGS,
            },
        ),
    ),
    "aws:cloudfront/keyValueStore:KeyValueStore": (Changes(values=TAGS),),
    "aws:cloudfront/originAccessControl:OriginAccessControl": (
        Changes(
            values={
                "originAccessControlOriginType": replace("mediastore"),
                "signingBehavior": replace("no-override"),
            }
        ),
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": (
        Changes(
            name="images-delivery",
            values={
                "corsConfig": merge(
                    accessControlMaxAgeSec=9,
                    accessControlAllowOrigins={"items": ["https://other.example.com"]},
                ),
                "securityHeadersConfig": merge(contentTypeOptions={"override": False}),
            },
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (Changes(values={"dashboardBody": replace('{"widgets": []}')}),),
    "aws:cloudwatch/eventRule:EventRule": (
        Changes(
            values={
                "description": replace("Another"),
                "eventPattern": replace('{"source": ["aws.codebuild"]}'),
                "scheduleExpression": replace("rate(9 minutes)"),
                **TAGS,
            }
        ),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": (
        Changes(values={"arn": replace("arn:aws:sqs:ap-southeast-1:000000000000:anchor-production-builds")}),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (Changes(values={"retentionInDays": replace(3), **TAGS}),),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": (
        Changes(
            values={
                "metricTransformation": merge(name="Another", defaultValue="2"),
                "pattern": replace("WARN"),
            }
        ),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        Changes(
            name="api-errors",
            values={
                "alarmActions": replace([]),
                "alarmDescription": replace("Another"),
                "comparisonOperator": replace("LessThanThreshold"),
                "dimensions": replace({"FunctionName": "another"}),
                "evaluationPeriods": replace(3),
                "metricName": replace("Throttles"),
                "namespace": replace("Another"),
                "okActions": replace([]),
                "period": replace(60),
                "statistic": replace("Maximum"),
                "threshold": replace(9),
                "treatMissingData": replace("missing"),
                **TAGS,
            },
        ),
        Changes(name="builds-failed", values={"metricQueries": change_first(merge(expression="failed"))}),
    ),
    "aws:codebuild/project:Project": (
        Changes(
            values={
                "artifacts": merge(path="another"),
                "buildTimeout": replace(9),
                "cache": replace({"type": "NO_CACHE"}),
                "description": replace("Another"),
                "environment": merge(
                    computeType="BUILD_GENERAL1_MEDIUM",
                    environmentVariables=[{"name": "A", "value": "1"}],
                ),
                "logsConfig": merge(cloudwatchLogs={"status": "DISABLED"}),
                "queuedTimeout": replace(9),
                "serviceRole": replace("arn:aws:iam::000000000000:role/anchor-production-release"),
                "source": merge(buildspec="version: 0.2"),
                **TAGS,
            }
        ),
    ),
    "aws:cognito/userPool:UserPool": (
        Changes(
            values={
                "accountRecoverySetting": replace(
                    {"recoveryMechanisms": [{"name": "admin_only", "priority": 1}]}
                ),
                "adminCreateUserConfig": replace({"allowAdminCreateUserOnly": False}),
                "autoVerifiedAttributes": replace([]),
                "deletionProtection": replace("INACTIVE"),
                "mfaConfiguration": replace("OFF"),
                "passwordPolicy": merge(minimumLength=20, requireSymbols=True),
                "softwareTokenMfaConfiguration": replace({"enabled": False}),
                **TAGS,
            }
        ),
    ),
    "aws:cognito/userPoolClient:UserPoolClient": (
        Changes(
            values={
                "accessTokenValidity": replace(2),
                "enableTokenRevocation": replace(value=False),
                "explicitAuthFlows": replace(["ALLOW_REFRESH_TOKEN_AUTH"]),
                "idTokenValidity": replace(2),
                "name": replace("renamed"),
                "preventUserExistenceErrors": replace("LEGACY"),
                "refreshTokenValidity": replace(9),
                "tokenValidityUnits": merge(accessToken="minutes"),
            }
        ),
    ),
    "aws:dynamodb/table:Table": (
        Changes(
            name="deployments",
            values={
                "attributes": lambda old: [*old, {"name": "color", "type": "S"}],
                "billingMode": replace("PROVISIONED"),
                "deletionProtectionEnabled": replace(value=False),
                "globalSecondaryIndexes": lambda old: [
                    *old[1:],
                    {
                        "name": "by-color",
                        "projectionType": "INCLUDE",
                        "nonKeyAttributes": ["size"],
                        "keySchemas": [{"attributeName": "color", "keyType": "HASH"}],
                    },
                ],
                "pointInTimeRecovery": replace({"enabled": False}),
                "serverSideEncryption": replace({"enabled": False}),
                "streamEnabled": replace(value=True),
                "streamViewType": replace("KEYS_ONLY"),
                "ttl": replace({"attributeName": "another", "enabled": True}),
                **TAGS,
            },
            together=(
                ("attributes", "globalSecondaryIndexes"),
                ("streamEnabled", "streamViewType"),
            ),
        ),
    ),
    "aws:dynamodb/tableItem:TableItem": (
        Changes(values={"item": lambda old: json.dumps({**json.loads(old), "color": {"S": "red"}})}),
    ),
    "aws:iam/policy:Policy": (Changes(values={"policy": add_space, **TAGS}),),
    "aws:iam/role:Role": (Changes(values={"assumeRolePolicy": add_space, **TAGS}),),
    "aws:iam/rolePolicy:RolePolicy": (Changes(values={"policy": add_space}),),
    # The other key is chosen by the test.
    "aws:kms/alias:Alias": (Changes(values={"targetKeyId": lambda old: old}),),
    "aws:kms/key:Key": (
        Changes(
            name="secrets",
            values={
                "description": replace("Another"),
                "enableKeyRotation": replace(value=False),
                "policy": add_space,
                **TAGS,
            },
        ),
    ),
    # The version is published by the test.
    "aws:lambda/alias:Alias": (Changes(values={"functionVersion": replace("1")}),),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        Changes(
            name="orchestrator",
            values={
                "batchSize": replace(5),
                "functionName": lambda old: old.replace("orchestrator", "release"),
                "functionResponseTypes": replace([]),
                "scalingConfig": replace({"maximumConcurrency": 7}),
                **TAGS,
            },
        ),
    ),
    "aws:lambda/function:Function": (
        Changes(
            name="api",
            values={
                "architectures": replace(["x86_64"]),
                "environment": lambda old: {"variables": {**old["variables"], "ANOTHER": "1"}},
                "ephemeralStorage": replace({"size": 1024}),
                "handler": replace("another.handler"),
                "layers": replace([]),
                "loggingConfig": merge(applicationLogLevel="DEBUG", logFormat="JSON"),
                "memorySize": replace(777),
                "role": lambda old: old.replace("-api", "-release"),
                "runtime": replace("python3.12"),
                "timeout": replace(9),
                "tracingConfig": replace({"mode": "PassThrough"}),
                **TAGS,
            },
        ),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        Changes(
            name="images-uploaded",
            values={
                "destinationConfig": lambda old: {"onSuccess": old["onFailure"]},
                "maximumEventAgeInSeconds": replace(99),
                "maximumRetryAttempts": replace(1),
            },
        ),
    ),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": (
        Changes(values={"recursiveLoop": replace("Terminate")}),
    ),
    "aws:lambda/layerVersion:LayerVersion": (
        Changes(
            values={
                "compatibleArchitectures": replace(["x86_64"]),
                "compatibleRuntimes": replace(["python3.12"]),
            }
        ),
    ),
    "aws:lambda/permission:Permission": (
        Changes(
            values={
                "action": replace("lambda:InvokeFunctionUrl"),
                "principal": replace("s3.amazonaws.com"),
                "sourceAccount": replace("111111111111"),
                "sourceArn": replace("arn:aws:s3:::another"),
            }
        ),
    ),
    "aws:route53/record:Record": (
        Changes(
            name="edge-validation",
            values={"records": replace(["another.example.org."]), "ttl": replace(9)},
        ),
        Changes(name="edge-a", values={"aliases": change_first(merge(evaluateTargetHealth=True))}),
    ),
    "aws:s3/bucket:Bucket": (Changes(values=TAGS),),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": (
        Changes(values={"corsRules": change_first(merge(maxAgeSeconds=9, allowedMethods=["GET"]))}),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        Changes(
            values={
                "transitionDefaultMinimumObjectSize": replace("all_storage_classes_128K"),
                "rules": replace(
                    [
                        {
                            "id": "old",
                            "status": "Enabled",
                            "filter": {"prefix": "a/"},
                            "expiration": {"days": 9},
                        }
                    ]
                ),
            }
        ),
    ),
    "aws:s3/bucketNotification:BucketNotification": (
        Changes(
            values={"lambdaFunctions": change_first(merge(filterPrefix="another/", filterSuffix=".png"))}
        ),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": (
        Changes(values={"rule": replace({"objectOwnership": "ObjectWriter"})}),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (Changes(values={"policy": add_space}),),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (
        Changes(
            values={
                name: replace(value=False)
                for name in (
                    "blockPublicAcls",
                    "blockPublicPolicy",
                    "ignorePublicAcls",
                    "restrictPublicBuckets",
                )
            }
        ),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        Changes(
            values={
                "rules": replace(
                    [
                        {
                            "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"},
                            "bucketKeyEnabled": True,
                        }
                    ]
                )
            }
        ),
    ),
    "aws:sns/topic:Topic": (Changes(values={"policy": add_space, **TAGS}),),
    "aws:sns/topicSubscription:TopicSubscription": (Changes(),),
    "aws:sqs/queue:Queue": (
        Changes(
            name="releases",
            values={
                "deduplicationScope": replace("queue"),
                "fifoThroughputLimit": replace("perQueue"),
                "messageRetentionSeconds": replace(99),
                "redrivePolicy": lambda old: json.dumps({**json.loads(old), "maxReceiveCount": 99}),
                "sqsManagedSseEnabled": replace(value=False),
                "visibilityTimeoutSeconds": replace(99),
                **TAGS,
            },
        ),
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": (
        Changes(values={"redriveAllowPolicy": replace('{"redrivePermission": "denyAll"}')}),
    ),
}
