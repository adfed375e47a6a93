"""Mistakes that a person can make in a resource, one at a time."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from policies.graph import Graph, Resource
from tests.policies.arguments.paths import read_value, replace_value, split_path


@frozen
class WrongInput:
    """A mistake in a recorded resource.

    Attributes:
        what: The mistake in words.
        changes: New values by path, such as `origins.0.originId`. None removes an argument. A function gets
            the recorded value and returns the new one.
        says: Part of the message that a rule must report.
        name: Name of the resource in the program, if the name is the mistake.
    """

    what: str
    changes: Mapping[str, Any]
    says: str
    name: str | None = None

    def inject(self, graph: Graph, type_token: str) -> Resource:
        """Find the first resource of the type that can have the mistake. Return a copy that has it."""
        resource = next(each for each in graph.find_by_type(type_token) if self._applies_to(each))
        props: Any = resource.props
        for path, value in self.changes.items():
            steps = split_path(path)
            new = value(read_value(props, steps)) if callable(value) else value
            props = replace_value(props, steps, new)
        return evolve(resource, props=props, name=self.name or resource.name)

    def _applies_to(self, resource: Resource) -> bool:
        """Return whether the resource can have the mistake.

        If a change is a function, the resource must have the argument. If a change is a value, the resource
        must have the parent of the argument.
        """
        return all(
            read_value(resource.props, split_path(path)[: None if callable(value) else -1]) is not None
            for path, value in self.changes.items()
        )


def _edit_json(change: Callable[[Any], Any]) -> Callable[[str], str]:
    """Return a function that applies `change` to the value of a JSON text."""
    return lambda text: json.dumps(change(json.loads(text)))


def _edit_statement(**elements: Any) -> Callable[[str], str]:  # noqa: ANN401 - any element of a statement
    """Return a function that replaces elements of the first statement of a policy document.

    None removes an element.
    """

    def change_first_statement(document: Any) -> Any:  # noqa: ANN401 - any JSON value
        first, *others = document["Statement"]
        changed = {key: item for key, item in {**first, **elements}.items() if item is not None}
        return {**document, "Statement": [changed, *others]}

    return _edit_json(change_first_statement)


_LONG_LIST = [f"arn:aws:s3:::bucket-{number}/*" for number in range(500)]

WRONG_INPUTS: Final[Mapping[str, tuple[WrongInput, ...]]] = {
    "aws:lambda/function:Function": (
        WrongInput("a runtime that does not exist", {"runtime": "python3.19"}, "runtime"),
        WrongInput("a runtime in another spelling", {"runtime": "Python3.13"}, "runtime"),
        WrongInput("an architecture of Docker", {"architectures.0": "amd64"}, "architectures"),
        WrongInput("a log format in lower case", {"loggingConfig.logFormat": "json"}, "logFormat"),
        WrongInput("a timeout above 15 minutes", {"timeout": 1200}, "timeout"),
        WrongInput("memory below the minimum", {"memorySize": 64}, "memorySize"),
        WrongInput("six layers", {"layers": lambda layers: layers[:1] * 6}, "layers"),
        WrongInput("a name that is too long with the suffix", {"name": None}, "name", name="a" * 60),
        WrongInput("a variable that begins with a digit", {"environment.variables.2FAST": "1"}, "2FAST"),
        WrongInput("a variable of one letter", {"environment.variables.A": "1"}, "the key 'A'"),
        WrongInput("two sources of code", {"s3Bucket": "code", "s3Key": "code.zip"}, "exactly one"),
        WrongInput("code without a runtime", {"runtime": None}, "requires runtime"),
        WrongInput("a role by its name", {"role": "anchor-dev-api"}, "role"),
        WrongInput("a user instead of a role", {"role": "arn:aws:iam::123456789012:user/admin"}, "role"),
        WrongInput(
            "a layer without its version",
            {"layers.0": "arn:aws:lambda:ap-southeast-1:123456789012:layer:base"},
            "layers",
        ),
        WrongInput("variables of more than 4 KB", {"environment.variables.LIST": "a" * 4096}, "variables"),
        WrongInput("an argument of Terraform", {"memory_size": 128}, "memory_size"),
        WrongInput("a missing argument", {"role": None}, "role is required"),
        WrongInput("a number as a text", {"timeout": "30 s"}, "timeout"),
        WrongInput("a text instead of a list", {"layers": "arn"}, "layers"),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        WrongInput("a metric with two statistics", {"extendedStatistic": "p99"}, "exactly one of statistic"),
        WrongInput("a metric without a period", {"period": None}, "requires period"),
        WrongInput("an alarm without a threshold", {"threshold": None}, "requires threshold"),
        WrongInput(
            "the same query twice", {"metricQueries": lambda queries: [*queries, queries[0]]}, "the same id"
        ),
        WrongInput(
            "queries without a result",
            {"metricQueries": lambda queries: [{**each, "returnData": False} for each in queries]},
            "returnData",
        ),
        WrongInput(
            "a query without a metric",
            {"metricQueries.0.expression": None, "metricQueries.0.metric": None},
            "exactly one of expression and metric",
        ),
        WrongInput("the operator of another tool", {"comparisonOperator": ">="}, "comparisonOperator"),
        WrongInput("an abbreviated statistic", {"statistic": "Avg"}, "statistic"),
        WrongInput("a period that is no multiple of a minute", {"period": 90}, "period"),
        WrongInput(
            "a metric and queries",
            {"metricQueries": [{"id": "a", "expression": "1", "returnData": True}]},
            "excludes",
        ),
        WrongInput("an alarm without a metric", {"metricName": None}, "metricName"),
        WrongInput("a topic by its name", {"alarmActions.0": "alarms"}, "alarmActions"),
        WrongInput("a long description", {"alarmDescription": "a" * 1025}, "alarmDescription"),
    ),
    "aws:sns/topicSubscription:TopicSubscription": (
        WrongInput("a queue by its name", {"protocol": "sqs", "endpoint": "queue"}, "not an ARN"),
        WrongInput("an address without https", {"protocol": "https", "endpoint": "a.example"}, "https://"),
        WrongInput("a protocol in words", {"protocol": "mail"}, "protocol"),
        WrongInput("an address without a host", {"endpoint": "ops"}, "endpoint"),
    ),
    "aws:dynamodb/table:Table": (
        WrongInput(
            "the same index twice", {"globalSecondaryIndexes": lambda indexes: indexes * 2}, "same name"
        ),
        WrongInput(
            "an index with two kinds of keys",
            {"globalSecondaryIndexes.0.hashKey": "path"},
            "exactly one of keySchemas and hashKey",
        ),
        WrongInput(
            "keys in the wrong order",
            {"globalSecondaryIndexes.0.keySchemas": lambda keys: keys[::-1]},
            "begin with a HASH key",
        ),
        WrongInput("provisioned without capacity", {"billingMode": "PROVISIONED"}, "readCapacity"),
        WrongInput("a billing mode of the console", {"billingMode": "ON_DEMAND"}, "billingMode"),
        WrongInput("a key type in words", {"attributes.0.type": "String"}, "type"),
        WrongInput("a table name of two letters", {"name": "ab"}, "name"),
        WrongInput("an index name with a space", {"globalSecondaryIndexes.0.name": "by user"}, "name"),
        WrongInput(
            "an attribute without a key",
            {"attributes": lambda attributes: [*attributes, {"name": "owner", "type": "S"}]},
            "owner",
        ),
        WrongInput("a key without an attribute", {"hashKey": "owner"}, "owner"),
        WrongInput(
            "a projection without its attributes",
            {"globalSecondaryIndexes.0.projectionType": "INCLUDE"},
            "nonKeyAttributes",
        ),
        WrongInput("capacity of an on-demand table", {"readCapacity": 5}, "readCapacity"),
        WrongInput(
            "a stream without a view", {"streamEnabled": True, "streamViewType": None}, "streamViewType"
        ),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        WrongInput(
            "a transition after the expiration",
            {"rules.0.transitions": [{"days": 100, "storageClass": "GLACIER"}]},
            "before the expiration",
        ),
        WrongInput(
            "a transition that is too early",
            {"rules.0.transitions": [{"days": 10, "storageClass": "STANDARD_IA"}]},
            "the minimum is 30",
        ),
        WrongInput(
            "a transition without a time",
            {"rules.0.transitions": [{"storageClass": "GLACIER"}]},
            "exactly one of days, date",
        ),
        WrongInput("the same rule twice", {"rules": lambda rules: rules[:1] * 2}, "the same id"),
        WrongInput(
            "a storage class that does not exist",
            {"rules.0.transitions": [{"days": 1, "storageClass": "GLACIER_INSTANT"}]},
            "storageClass",
        ),
        WrongInput("a status in capitals", {"rules.0.status": "ENABLED"}, "status"),
        WrongInput("a lifecycle rule without an action", {"rules.0.expiration": None}, "action"),
    ),
    "aws:s3/bucketNotification:BucketNotification": (
        WrongInput(
            "an event of S3 that does not exist",
            {"lambdaFunctions.0.events.0": "s3:ObjectCreate:*"},
            "events",
        ),
    ),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": (
        WrongInput(
            "a method that CORS of S3 lacks", {"corsRules.0.allowedMethods.0": "PATCH"}, "allowedMethods"
        ),
    ),
    "aws:cloudfront/distribution:Distribution": (
        WrongInput(
            "a port of another service",
            {
                "origins.0.customOriginConfig": {
                    "httpPort": 80,
                    "httpsPort": 22,
                    "originProtocolPolicy": "https-only",
                    "originSslProtocols": ["TLSv1.2"],
                }
            },
            "httpsPort",
        ),
        WrongInput("the same origin twice", {"origins": lambda origins: origins[:1] * 2}, "the same"),
        WrongInput(
            "two certificates",
            {"viewerCertificate.cloudfrontDefaultCertificate": True},
            "exactly one of acmCertificateArn",
        ),
        WrongInput(
            "a certificate without SNI", {"viewerCertificate.sslSupportMethod": None}, "sslSupportMethod"
        ),
        WrongInput(
            "a path pattern with a space",
            {"orderedCacheBehaviors.0.pathPattern": "/two words/*"},
            "pathPattern",
        ),
        WrongInput(
            "a TLS version without its year",
            {"viewerCertificate.minimumProtocolVersion": "TLSv1.2"},
            "minimumProtocolVersion",
        ),
        WrongInput(
            "a viewer policy in short",
            {"defaultCacheBehavior.viewerProtocolPolicy": "https"},
            "viewerProtocolPolicy",
        ),
        WrongInput(
            "an error code without error pages", {"customErrorResponses.0.errorCode": 418}, "errorCode"
        ),
        WrongInput(
            "a behavior without its origin", {"defaultCacheBehavior.targetOriginId": "other"}, "other"
        ),
        WrongInput(
            "methods that CloudFront does not combine",
            {"defaultCacheBehavior.allowedMethods": ["GET"]},
            "allowedMethods",
        ),
        WrongInput(
            "an alias without a certificate",
            {"viewerCertificate": {"cloudfrontDefaultCertificate": True}},
            "aliases",
        ),
        WrongInput(
            "a certificate by its host",
            {"viewerCertificate.acmCertificateArn": "example.com"},
            "acmCertificateArn",
        ),
        WrongInput("a missing argument in a block", {"origins.0.originId": None}, "originId is required"),
    ),
    "aws:codebuild/project:Project": (
        WrongInput("a cache without its bucket", {"cache": {"type": "S3"}}, "requires location"),
        WrongInput("a compute type without its prefix", {"environment.computeType": "SMALL"}, "computeType"),
        WrongInput("a build timeout below 5 minutes", {"buildTimeout": 4}, "buildTimeout"),
        WrongInput(
            "a build without a source or buildspec",
            {"source.type": "NO_SOURCE", "source.buildspec": None},
            "buildspec",
        ),
        WrongInput("a build without the location of its source", {"source.location": None}, "location"),
        WrongInput("a build with a bucket as its source", {"source.location": "bucket"}, "location"),
    ),
    "aws:cognito/userPool:UserPool": (
        WrongInput(
            "an MFA setting that does not exist", {"mfaConfiguration": "REQUIRED"}, "mfaConfiguration"
        ),
        WrongInput("passwords that are too short", {"passwordPolicy.minimumLength": 4}, "minimumLength"),
    ),
    "aws:route53/record:Record": (
        WrongInput("a record type of another DNS provider", {"type": "ANAME"}, "type"),
        WrongInput("an alias record with a TTL", {"ttl": 300}, "exclude each other"),
    ),
    "aws:apigatewayv2/api:Api": (
        WrongInput("a protocol of REST APIs", {"protocolType": "REST"}, "protocolType"),
    ),
    "aws:apigatewayv2/integration:Integration": (
        WrongInput(
            "a payload format that does not exist", {"payloadFormatVersion": "3.0"}, "payloadFormatVersion"
        ),
    ),
    "aws:apigatewayv2/domainName:DomainName": (
        WrongInput(
            "a TLS version that API Gateway lacks",
            {"domainNameConfiguration.securityPolicy": "TLS_1_3"},
            "securityPolicy",
        ),
    ),
    "aws:sqs/queue:Queue": (
        WrongInput("a redrive policy that is a list", {"redrivePolicy": "[]"}, "not an object"),
        WrongInput(
            "a misspelled redrive policy",
            {"redrivePolicy": _edit_json(lambda policy: {**policy, "maxReceives": 5})},
            "maxReceives",
        ),
        WrongInput(
            "a redrive policy without a target",
            {"redrivePolicy": json.dumps({"maxReceiveCount": 5})},
            "deadLetterTargetArn",
        ),
        WrongInput(
            "a redrive policy without a count",
            {
                "redrivePolicy": _edit_json(
                    lambda policy: {"deadLetterTargetArn": policy["deadLetterTargetArn"]}
                )
            },
            "maxReceiveCount",
        ),
        WrongInput("deduplication without FIFO", {"contentBasedDeduplication": True}, "requires fifoQueue"),
        WrongInput("high throughput without FIFO", {"deduplicationScope": "queue"}, "require fifoQueue"),
        WrongInput(
            "one of the two settings of high throughput",
            {"name": "queue.fifo", "fifoQueue": True, "fifoThroughputLimit": "perMessageGroupId"},
            "deduplicationScope messageGroup",
        ),
        WrongInput(
            "a visibility timeout above 12 hours",
            {"visibilityTimeoutSeconds": 43_201},
            "visibilityTimeoutSeconds",
        ),
        WrongInput(
            "a retention above 14 days", {"messageRetentionSeconds": 1_209_601}, "messageRetentionSeconds"
        ),
        WrongInput(
            "a maximum of zero receives",
            {"redrivePolicy": _edit_json(lambda policy: {**policy, "maxReceiveCount": 0})},
            "maxReceiveCount",
        ),
        WrongInput("a FIFO queue without its suffix", {"name": "queue", "fifoQueue": True}, ".fifo"),
        WrongInput("a queue name with a dot", {"name": "queue.dead"}, "name"),
        WrongInput("two encryptions", {"kmsMasterKeyId": "alias/aws/sqs"}, "exclude each other"),
        WrongInput("a redrive policy without JSON", {"redrivePolicy": "dead"}, "not JSON"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        WrongInput("a retention that CloudWatch lacks", {"retentionInDays": 10}, "retentionInDays"),
    ),
    "aws:kms/key:Key": (
        WrongInput("a deletion window below a week", {"deletionWindowInDays": 5}, "deletionWindowInDays"),
        WrongInput(
            "a key that cannot be rotated",
            {"customerMasterKeySpec": "RSA_2048", "keyUsage": "SIGN_VERIFY"},
            "enableKeyRotation",
        ),
    ),
    "aws:cognito/userPoolClient:UserPoolClient": (
        WrongInput(
            "an access token that lives for 2 days", {"accessTokenValidity": 48}, "accessTokenValidity"
        ),
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": (
        WrongInput("TTLs in the wrong order", {"minTtl": 60, "defaultTtl": 30}, "ascending"),
        WrongInput(
            "a list of cookies without names",
            {"parametersInCacheKeyAndForwardedToOrigin.cookiesConfig": {"cookieBehavior": "whitelist"}},
            "cookies",
        ),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        WrongInput("a large batch without a window", {"batchSize": 100}, "maximumBatchingWindowInSeconds"),
        WrongInput(
            "a large batch of a FIFO queue",
            {
                "batchSize": 100,
                "eventSourceArn": "arn:aws:sqs:ap-southeast-1:123456789012:releases.fifo",
            },
            "the maximum is 10",
        ),
        WrongInput("a retry of a queue", {"maximumRetryAttempts": 2}, "a queue excludes"),
        WrongInput(
            "a stream without a position",
            {"eventSourceArn": "arn:aws:dynamodb:ap-southeast-1:123456789012:table/a/stream/b"},
            "startingPosition",
        ),
        WrongInput(
            "the concurrency of a stream",
            {
                "eventSourceArn": "arn:aws:dynamodb:ap-southeast-1:123456789012:table/a/stream/b",
                "startingPosition": "LATEST",
                "scalingConfig": {"maximumConcurrency": 2},
            },
            "excludes scalingConfig",
        ),
        WrongInput(
            "a concurrency of one", {"scalingConfig": {"maximumConcurrency": 1}}, "maximumConcurrency"
        ),
    ),
    "aws:iam/role:Role": (
        WrongInput(
            "a principal in text", {"assumeRolePolicy": _edit_statement(Principal="lambda")}, "Principal"
        ),
        WrongInput("a role name that is too long with the suffix", {"name": None}, "name", name="a" * 60),
        WrongInput("a role prefix that is too long", {"name": None, "namePrefix": "a" * 40}, "name"),
        WrongInput(
            "a trust policy with a resource", {"assumeRolePolicy": _edit_statement(Resource="*")}, "Resource"
        ),
        WrongInput(
            "a service without its domain",
            {"assumeRolePolicy": _edit_statement(Principal={"Service": "lambda"})},
            "Principal",
        ),
    ),
    "aws:cloudwatch/eventRule:EventRule": (
        WrongInput(
            "an empty event pattern", {"scheduleExpression": None, "eventPattern": "{}"}, "not an object"
        ),
        WrongInput("a rule name that is too long with the suffix", {"name": None}, "name", name="a" * 57),
        WrongInput(
            "a rule without a pattern or schedule", {"scheduleExpression": None}, "scheduleExpression"
        ),
        WrongInput("a rate in the plural", {"scheduleExpression": "rate(1 hours)"}, "scheduleExpression"),
        WrongInput("a schedule of Unix", {"scheduleExpression": "0 * * * *"}, "scheduleExpression"),
        WrongInput(
            "an event pattern with a plain value",
            {"scheduleExpression": None, "eventPattern": '{"source": "aws.codebuild"}'},
            "source",
        ),
    ),
    "aws:s3/bucket:Bucket": (
        WrongInput("a bucket name in capitals", {"bucket": "Anchor-Assets"}, "bucket"),
        WrongInput("a bucket name like an IP address", {"bucket": "192.168.1.1"}, "bucket"),
        WrongInput("a bucket name of 64 characters", {"bucket": "a" * 64}, "bucket"),
        WrongInput("a tag that is too long", {"tags.Project": "a" * 257}, "tags[Project]"),
    ),
    "aws:kms/alias:Alias": (
        WrongInput("a key alias of AWS", {"name": "alias/aws/s3"}, "name"),
        WrongInput("a key alias without its prefix", {"name": "secrets"}, "name"),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (
        WrongInput("a dashboard without widgets", {"dashboardBody": "{}"}, "no list of widgets"),
        WrongInput("a widget in text", {"dashboardBody": '{"widgets": ["a"]}'}, "not an object"),
        WrongInput(
            "a widget without properties", {"dashboardBody": '{"widgets": [{"type": "text"}]}'}, "properties"
        ),
        WrongInput(
            "a widget that is too wide",
            {"dashboardBody": '{"widgets": [{"type": "text", "width": 25, "properties": {}}]}'},
            "width",
        ),
        WrongInput("a dashboard name with a slash", {"dashboardName": "anchor/dev"}, "dashboardName"),
        WrongInput(
            "a dashboard with an unknown widget",
            {"dashboardBody": '{"widgets": [{"type": "graph", "properties": {}}]}'},
            "type",
        ),
    ),
    "aws:acm/certificate:Certificate": (
        WrongInput("a certificate without validation", {"validationMethod": None}, "validationMethod"),
        WrongInput("a domain with a final dot", {"domainName": "example.com."}, "domainName"),
        WrongInput(
            "a host that is too long for a certificate", {"domainName": f"{'a' * 61}.com"}, "domainName"
        ),
    ),
    "aws:dynamodb/tableItem:TableItem": (
        WrongInput("an item that is a list", {"item": "[]"}, "not an object"),
        WrongInput(
            "an item with a number that is no text",
            {"item": _edit_json(lambda item: {**item, "sk": {"N": 1}})},
            "sk is not a text",
        ),
        WrongInput(
            "an item without its key", {"item": _edit_json(lambda item: {"sk": item["sk"]})}, "projectId"
        ),
        WrongInput(
            "an item with a plain value", {"item": _edit_json(lambda item: {**item, "sk": "docs"})}, "sk"
        ),
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        WrongInput("an object without a key", {"key": ""}, "key"),
        WrongInput("content that is not base64", {"contentBase64": "?"}, "not base64"),
        WrongInput("an object with two contents", {"content": "a"}, "content"),
        WrongInput("an object with 11 tags", {"tags": {str(n): "" for n in range(11)}}, "tags"),
    ),
    "aws:apigatewayv2/route:Route": (
        WrongInput(
            "a route with JWT but no authorizer",
            {"authorizationType": "JWT", "authorizerId": None},
            "authorizerId",
        ),
        WrongInput("a route without a slash", {"routeKey": "POST webhook"}, "routeKey"),
        WrongInput("a route with an unknown method", {"routeKey": "FETCH /images"}, "routeKey"),
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        WrongInput("a policy that is a list", {"policy": "[]"}, "does not begin with {"),
        WrongInput(
            "a policy with a leading space", {"policy": lambda text: f" {text}"}, "does not begin with {"
        ),
        WrongInput(
            "an unknown element", {"policy": _edit_json(lambda policy: {**policy, "Name": "a"})}, "Name"
        ),
        WrongInput(
            "no statement", {"policy": _edit_json(lambda policy: {**policy, "Statement": []})}, "no Statement"
        ),
        WrongInput(
            "a statement in text",
            {"policy": _edit_json(lambda policy: {**policy, "Statement": ["Allow"]})},
            "Statement[0] is not an object",
        ),
        WrongInput(
            "two statements with one name",
            {
                "policy": _edit_json(
                    lambda policy: {
                        **policy,
                        "Statement": [{**each, "Sid": "same"} for each in policy["Statement"]],
                    }
                )
            },
            "Sid same is not unique",
        ),
        WrongInput("no action in the list", {"policy": _edit_statement(Action=[])}, "Action is empty"),
        WrongInput("a condition in text", {"policy": _edit_statement(Condition="a")}, "Condition"),
        WrongInput(
            "a condition without a key",
            {"policy": _edit_statement(Condition={"StringEquals": "a"})},
            "StringEquals",
        ),
        WrongInput("an effect in lower case", {"policy": _edit_statement(Effect="allow")}, "Effect"),
        WrongInput("an action with a dot", {"policy": _edit_statement(Action="dynamodb.GetItem")}, "Action"),
        WrongInput("a resource that is a name", {"policy": _edit_statement(Resource="projects")}, "Resource"),
        WrongInput("a policy without resources", {"policy": _edit_statement(Resource=None)}, "Resource"),
        WrongInput(
            "a condition operator that does not exist",
            {"policy": _edit_statement(Condition={"StringEqual": {"a": "b"}})},
            "StringEqual",
        ),
        WrongInput("a role policy with a principal", {"policy": _edit_statement(Principal="*")}, "Principal"),
        WrongInput(
            "a role policy that is too long", {"policy": _edit_statement(Resource=_LONG_LIST)}, "policy"
        ),
        WrongInput(
            "an old version of the policy language",
            {"policy": _edit_json(lambda policy: {**policy, "Version": "2012-10-07"})},
            "Version",
        ),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (
        WrongInput(
            "a bucket policy without a principal", {"policy": _edit_statement(Principal=None)}, "Principal"
        ),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": (
        WrongInput("a target by its name", {"arn": "anchor-dev-collect"}, "arn"),
    ),
    "aws:lambda/permission:Permission": (
        WrongInput("an account with hyphens", {"sourceAccount": "1234-5678-9012"}, "sourceAccount"),
        WrongInput("an action of another service", {"action": "s3:GetObject"}, "action"),
    ),
    "aws:sns/topic:Topic": (
        WrongInput("deduplication without FIFO", {"contentBasedDeduplication": True}, "requires fifoTopic"),
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": (
        WrongInput("a redrive permission in text", {"redriveAllowPolicy": '"allowAll"'}, "not an object"),
        WrongInput(
            "an unknown permission",
            {"redriveAllowPolicy": '{"redrivePermission": "all"}'},
            "redrivePermission",
        ),
        WrongInput(
            "a permission without its queues",
            {"redriveAllowPolicy": '{"redrivePermission": "byQueue"}'},
            "sourceQueueArns",
        ),
        WrongInput(
            "eleven queues",
            {
                "redriveAllowPolicy": _edit_json(
                    lambda policy: {**policy, "sourceQueueArns": policy["sourceQueueArns"] * 11}
                )
            },
            "the maximum is 10",
        ),
    ),
}
"""The mistakes, by the type of the resource."""
