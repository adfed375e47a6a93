"""A change of each property that the AWS provider changes in place, for one resource of each type.

This table has each type that production uses, except types of which each property forces a replacement.
"""

import base64
import json
from collections.abc import Callable
from typing import Any, Final

from attrs import Factory, frozen

Value = Any
Change = Callable[[Value], Value]

OWNER: Final = {"Owner": "ada"}


def change_to(value: Value) -> Change:
    """Return a change that replaces any old value with this value."""
    return lambda _old: value


def change_block(**values: Value) -> Change:
    """Return a change that replaces some properties of a block."""
    return lambda old: {**old, **values}


def change_first_item(change: Change) -> Change:
    """Return a change that applies `change` to the first item of a list."""
    return lambda old: [change(old[0]), *old[1:]]


def add_statement(document: str) -> str:
    """Return a policy with one more statement."""
    policy = json.loads(document)
    policy["Statement"] = [*policy["Statement"], {**policy["Statement"][0], "Sid": "Another"}]
    return json.dumps(policy)


def change_tags(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags with one tag added, one tag removed and one value changed."""
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


TAGS: Final = {"tags": change_tags}

CHANGES: Final[dict[str, tuple[Changes, ...]]] = {
    "aws:acm/certificate:Certificate": (Changes(values=TAGS),),
    "aws:apigatewayv2/api:Api": (
        Changes(
            name="images",
            values={
                "name": change_to("renamed"),
                "corsConfiguration": change_block(allowMethods=["GET"], maxAge=60),
                **TAGS,
            },
        ),
    ),
    # The test creates the API stage `another`.
    "aws:apigatewayv2/apiMapping:ApiMapping": (Changes(values={"stage": change_to("another")}),),
    "aws:apigatewayv2/authorizer:Authorizer": (
        Changes(
            values={
                "authorizerType": change_to("REQUEST"),
                "identitySources": change_to(["$request.header.X-Token"]),
                "jwtConfiguration": change_block(audiences=["another"]),
                "name": change_to("renamed"),
            },
            also={"authorizerUri": "arn:aws:apigateway:ap-southeast-1:lambda:path/authorizer/invocations"},
        ),
    ),
    # The test requests another certificate for the same host, and puts it into this change.
    "aws:apigatewayv2/domainName:DomainName": (
        Changes(values={"domainNameConfiguration": change_block(), **TAGS}),
    ),
    "aws:apigatewayv2/integration:Integration": (
        Changes(
            values={
                "integrationMethod": change_to("GET"),
                "integrationUri": lambda old: old.replace("/invocations", "-b/invocations"),
                "payloadFormatVersion": change_to("1.0"),
            }
        ),
    ),
    "aws:apigatewayv2/route:Route": (
        Changes(
            values={
                "authorizerId": change_to("another"),
                "routeKey": change_to("GET /another"),
                "target": change_to("integrations/another"),
            }
        ),
        Changes(values={"authorizationType": change_to("NONE")}, also={"authorizerId": None}),
    ),
    "aws:apigatewayv2/stage:Stage": (
        Changes(
            values={
                "accessLogSettings": change_block(format="$context.requestId"),
                "autoDeploy": change_to(value=False),
                "defaultRouteSettings": change_block(throttlingRateLimit=7, throttlingBurstLimit=9),
                "routeSettings": lambda old: old[1:],
                **TAGS,
            }
        ),
    ),
    "aws:budgets/budget:Budget": (
        Changes(
            values={
                "budgetType": change_to("USAGE"),
                "costFilters": change_to([{"name": "Service", "values": ["AWS Lambda"]}]),
                "limitAmount": change_to("7"),
                "limitUnit": change_to("GB"),
                "notifications": lambda old: [{**old[0], "threshold": 90}],
                "timeUnit": change_to("QUARTERLY"),
                **TAGS,
            },
            together=(("budgetType", "limitUnit"),),
        ),
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": (
        Changes(
            name="pages",
            values={
                "defaultTtl": change_to(5),
                "maxTtl": change_to(50),
                "minTtl": change_to(1),
                "name": change_to("renamed"),
                "parametersInCacheKeyAndForwardedToOrigin": change_block(
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
                "aliases": change_to(["a.sites.example.com"]),
                "comment": change_to("Another"),
                "customErrorResponses": change_to([{"errorCode": 404, "errorCachingMinTtl": 9}]),
                "defaultCacheBehavior": change_block(compress=False, allowedMethods=["GET", "HEAD"]),
                "enabled": change_to(value=False),
                "httpVersion": change_to("http2"),
                "isIpv6Enabled": change_to(value=False),
                "orderedCacheBehaviors": lambda old: list(reversed(old)),
                "origins": change_first_item(
                    change_block(domainName="another.s3.ap-southeast-1.amazonaws.com")
                ),
                "priceClass": change_to("PriceClass_All"),
                "restrictions": change_to(
                    {"geoRestriction": {"restrictionType": "blacklist", "locations": ["AQ"]}}
                ),
                "viewerCertificate": change_block(minimumProtocolVersion="TLSv1.2_2019"),
                **TAGS,
            },
        ),
    ),
    "aws:cloudfront/function:Function": (
        Changes(
            name="edge",
            values={
                "code": change_to("function handler(event) { return event.request; }"),
                "keyValueStoreAssociations": change_to([]),
                "runtime": change_to("cloudfront-js-1.0"),
                **TAGS,
            },
        ),
    ),
    "aws:cloudfront/keyValueStore:KeyValueStore": (Changes(values=TAGS),),
    "aws:cloudfront/originAccessControl:OriginAccessControl": (
        Changes(
            values={
                "name": change_to("renamed"),
                "originAccessControlOriginType": change_to("mediastore"),
                "signingBehavior": change_to("no-override"),
            }
        ),
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": (
        Changes(
            name="images-delivery",
            values={
                "corsConfig": change_block(
                    accessControlMaxAgeSec=9,
                    accessControlAllowOrigins={"items": ["https://other.example.com"]},
                ),
                "name": change_to("renamed"),
                "securityHeadersConfig": change_block(contentTypeOptions={"override": False}),
            },
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (Changes(values={"dashboardBody": change_to('{"widgets": []}')}),),
    "aws:cloudwatch/eventRule:EventRule": (
        Changes(
            values={
                "description": change_to("Another"),
                "eventPattern": change_to('{"source": ["aws.codebuild"]}'),
                "scheduleExpression": change_to("rate(9 minutes)"),
                **TAGS,
            }
        ),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": (
        Changes(
            values={"arn": change_to("arn:aws:sqs:ap-southeast-1:000000000000:anchor-production-builds")}
        ),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (Changes(values={"retentionInDays": change_to(3), **TAGS}),),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": (
        Changes(
            values={
                "metricTransformation": change_block(name="Another", defaultValue="2"),
                "pattern": change_to("WARN"),
            }
        ),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        Changes(
            name="api-errors",
            values={
                "alarmActions": change_to([]),
                "alarmDescription": change_to("Another"),
                "comparisonOperator": change_to("LessThanThreshold"),
                "dimensions": change_to({"FunctionName": "another"}),
                "evaluationPeriods": change_to(3),
                "metricName": change_to("Throttles"),
                "namespace": change_to("Another"),
                "okActions": change_to([]),
                "period": change_to(60),
                "statistic": change_to("Maximum"),
                "threshold": change_to(9),
                "treatMissingData": change_to("missing"),
                **TAGS,
            },
        ),
        Changes(
            name="builds-failed",
            values={"metricQueries": change_first_item(change_block(expression="failed"))},
        ),
    ),
    "aws:codebuild/project:Project": (
        Changes(
            values={
                "artifacts": change_block(path="another"),
                "buildTimeout": change_to(9),
                "cache": change_to({"type": "NO_CACHE"}),
                "description": change_to("Another"),
                "environment": change_block(
                    computeType="BUILD_GENERAL1_MEDIUM",
                    environmentVariables=[{"name": "A", "value": "1"}],
                ),
                "logsConfig": change_block(cloudwatchLogs={"status": "DISABLED"}),
                "queuedTimeout": change_to(9),
                "serviceRole": change_to("arn:aws:iam::000000000000:role/anchor-production-release"),
                "source": change_block(buildspec="version: 0.2"),
                **TAGS,
            }
        ),
    ),
    "aws:cognito/userPool:UserPool": (
        Changes(
            values={
                "accountRecoverySetting": change_to(
                    {"recoveryMechanisms": [{"name": "admin_only", "priority": 1}]}
                ),
                "adminCreateUserConfig": change_to({"allowAdminCreateUserOnly": False}),
                "autoVerifiedAttributes": change_to([]),
                "deletionProtection": change_to("INACTIVE"),
                "mfaConfiguration": change_to("OFF"),
                "name": change_to("renamed"),
                "passwordPolicy": change_block(minimumLength=20, requireSymbols=True),
                "softwareTokenMfaConfiguration": change_to({"enabled": False}),
                **TAGS,
            }
        ),
    ),
    "aws:cognito/userPoolClient:UserPoolClient": (
        Changes(
            values={
                "accessTokenValidity": change_to(2),
                "enableTokenRevocation": change_to(value=False),
                "explicitAuthFlows": change_to(["ALLOW_REFRESH_TOKEN_AUTH"]),
                "idTokenValidity": change_to(2),
                "name": change_to("renamed"),
                "preventUserExistenceErrors": change_to("LEGACY"),
                "refreshTokenValidity": change_to(9),
                "tokenValidityUnits": change_block(accessToken="minutes"),
            }
        ),
    ),
    "aws:dynamodb/table:Table": (
        Changes(
            name="deployments",
            values={
                "attributes": lambda old: [*old, {"name": "color", "type": "S"}],
                "billingMode": change_to("PROVISIONED"),
                "deletionProtectionEnabled": change_to(value=False),
                "globalSecondaryIndexes": lambda old: [
                    *old[1:],
                    {
                        "name": "by-color",
                        "projectionType": "INCLUDE",
                        "nonKeyAttributes": ["size"],
                        "keySchemas": [{"attributeName": "color", "keyType": "HASH"}],
                    },
                ],
                "pointInTimeRecovery": change_to({"enabled": False}),
                "serverSideEncryption": change_to({"enabled": False}),
                "streamEnabled": change_to(value=True),
                "streamViewType": change_to("KEYS_ONLY"),
                "ttl": change_to({"attributeName": "another", "enabled": True}),
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
    "aws:iam/policy:Policy": (Changes(values={"policy": add_statement, **TAGS}),),
    "aws:iam/role:Role": (Changes(values={"assumeRolePolicy": add_statement, **TAGS}),),
    "aws:iam/rolePolicy:RolePolicy": (Changes(values={"policy": add_statement}),),
    # The test creates another key, and puts it into this change.
    "aws:kms/alias:Alias": (Changes(values={"targetKeyId": lambda old: old}),),
    "aws:kms/key:Key": (
        Changes(
            name="secrets",
            values={
                "description": change_to("Another"),
                "enableKeyRotation": change_to(value=False),
                "policy": add_statement,
                **TAGS,
            },
        ),
    ),
    # The test publishes another version, and puts it into this change.
    "aws:lambda/alias:Alias": (Changes(values={"functionVersion": change_to("1")}),),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        Changes(
            name="orchestrator",
            values={
                "batchSize": change_to(5),
                "functionName": lambda old: old.replace("orchestrator", "release"),
                "functionResponseTypes": change_to([]),
                "scalingConfig": change_to({"maximumConcurrency": 7}),
                **TAGS,
            },
        ),
    ),
    "aws:lambda/function:Function": (
        Changes(
            name="api",
            values={
                "architectures": change_to(["x86_64"]),
                "environment": lambda old: {"variables": {**old["variables"], "ANOTHER": "1"}},
                "ephemeralStorage": change_to({"size": 1024}),
                "handler": change_to("another.handler"),
                "layers": change_to([]),
                "loggingConfig": change_block(applicationLogLevel="DEBUG", logFormat="JSON"),
                "memorySize": change_to(777),
                "reservedConcurrentExecutions": change_to(7),
                "role": lambda old: old.replace("-api", "-release"),
                "runtime": change_to("python3.12"),
                "timeout": change_to(9),
                "tracingConfig": change_to({"mode": "PassThrough"}),
                **TAGS,
            },
        ),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        Changes(
            name="images-uploaded",
            values={
                "destinationConfig": lambda old: {"onSuccess": old["onFailure"]},
                "maximumEventAgeInSeconds": change_to(99),
                "maximumRetryAttempts": change_to(1),
            },
        ),
    ),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": (
        Changes(values={"recursiveLoop": change_to("Terminate")}),
    ),
    "aws:route53/record:Record": (
        Changes(
            name="edge-validation",
            values={"records": change_to(["another.example.org."]), "ttl": change_to(9)},
        ),
        Changes(name="edge-validation", values={"type": change_to("TXT")}, also={"records": ['"another"']}),
        Changes(
            name="edge-a", values={"aliases": change_first_item(change_block(evaluateTargetHealth=True))}
        ),
    ),
    "aws:s3/bucket:Bucket": (Changes(values=TAGS),),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": (
        Changes(
            values={"corsRules": change_first_item(change_block(maxAgeSeconds=9, allowedMethods=["GET"]))}
        ),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        Changes(
            values={
                "transitionDefaultMinimumObjectSize": change_to("all_storage_classes_128K"),
                "rules": change_to(
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
            values={
                "lambdaFunctions": change_first_item(
                    change_block(filterPrefix="another/", filterSuffix=".png")
                )
            }
        ),
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        Changes(
            values={
                "contentBase64": change_to(base64.b64encode(b"another").decode()),
                "contentType": change_to("text/plain"),
                **TAGS,
            }
        ),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": (
        Changes(values={"rule": change_to({"objectOwnership": "ObjectWriter"})}),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (Changes(values={"policy": add_statement}),),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (
        Changes(
            values={
                name: change_to(value=False)
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
                "rules": change_to(
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
    "aws:sns/topic:Topic": (Changes(values={"policy": add_statement, **TAGS}),),
    "aws:sqs/queue:Queue": (
        Changes(
            name="releases",
            values={
                "deduplicationScope": change_to("queue"),
                "fifoThroughputLimit": change_to("perQueue"),
                "messageRetentionSeconds": change_to(99),
                "redrivePolicy": lambda old: json.dumps({**json.loads(old), "maxReceiveCount": 99}),
                "sqsManagedSseEnabled": change_to(value=False),
                "visibilityTimeoutSeconds": change_to(99),
                **TAGS,
            },
        ),
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": (
        Changes(values={"redriveAllowPolicy": change_to('{"redrivePermission": "denyAll"}')}),
    ),
}
