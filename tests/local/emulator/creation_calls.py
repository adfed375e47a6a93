"""Calls that create one resource of each type. Each call first creates the other resources that it needs."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field

from local.emulator.emulator import Emulator

Json = dict[str, Any]

TRUST: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
POLICY: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
    }
)
REGION: Final = "ap-southeast-1"
ZONE: Final = "Z0EXAMPLE"


def make_code() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return event")
    return buffer.getvalue()


@define
class Creation:
    """Calls that create resources in one emulator.

    Each method, such as `queue`, creates a resource of one type, and returns the emulator's answer. The
    keyword arguments of a method replace arguments of its call to the emulator.
    """

    emulator: Emulator
    _made: dict[str, Any] = field(factory=dict, init=False)

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's clients have no types
        return self.emulator.client(service, region)

    def get_or_create(self, name: str, create: Callable[[], Any]) -> Any:  # noqa: ANN401 - an answer of AWS
        """Return what `create` returned for this name. Only the first call with a name calls `create`."""
        if name not in self._made:
            self._made[name] = create()
        return self._made[name]

    @property
    def role_arn(self) -> str:
        def create_role_with_policy() -> str:
            made = self.client("iam").create_role(RoleName="needed", AssumeRolePolicyDocument=TRUST)
            self.client("iam").put_role_policy(RoleName="needed", PolicyName="p", PolicyDocument=POLICY)
            return str(made["Role"]["Arn"])

        return str(self.get_or_create("role", create_role_with_policy))

    @property
    def api_id(self) -> str:
        return str(self.get_or_create("api", lambda: self.api()["ApiId"]))

    @property
    def function_name(self) -> str:
        return str(
            self.get_or_create("function", lambda: self.function(FunctionName="needed")["FunctionName"])
        )

    @property
    def version(self) -> str:
        client = self.client("lambda")
        return str(
            self.get_or_create(
                "version", lambda: client.publish_version(FunctionName=self.function_name)["Version"]
            )
        )

    @property
    def queue_arn(self) -> str:
        self.get_or_create("queue", lambda: self.queue(QueueName="needed"))
        return f"arn:aws:sqs:{REGION}:{self.emulator.account_id}:needed"

    @property
    def topic_arn(self) -> str:
        return str(self.get_or_create("topic", lambda: self.topic(Name="needed")["TopicArn"]))

    @property
    def key_id(self) -> str:
        return str(self.get_or_create("key", lambda: self.key()["KeyMetadata"]["KeyId"]))

    @property
    def pool_id(self) -> str:
        return str(self.get_or_create("pool", lambda: self.user_pool()["UserPool"]["Id"]))

    def certificate(self, **changes: Any) -> Any:  # noqa: ANN401 - see the class
        arguments = {"DomainName": "www.example.com", "ValidationMethod": "DNS", **changes}
        return self.client("acm").request_certificate(**arguments)

    def api(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("apigatewayv2").create_api(**{"Name": "api", "ProtocolType": "HTTP", **changes})

    def authorizer(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "ApiId": self.api_id,
            "Name": "users",
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Issuer": "https://users.example.com", "Audience": ["app"]},
            **changes,
        }
        return self.client("apigatewayv2").create_authorizer(**arguments)

    def integration(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "ApiId": self.api_id,
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": f"arn:aws:lambda:{REGION}:{self.emulator.account_id}:function:f",
            "PayloadFormatVersion": "2.0",
            **changes,
        }
        return self.client("apigatewayv2").create_integration(**arguments)

    def route(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("apigatewayv2").create_route(
            **{"ApiId": self.api_id, "RouteKey": "GET /x", **changes}
        )

    def stage(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("apigatewayv2").create_stage(
            **{"ApiId": self.api_id, "StageName": "$default", **changes}
        )

    def domain_name(self, **changes: Any) -> Any:  # noqa: ANN401
        def create_validated_certificate() -> str:
            self.emulator.create_hosted_zone(ZONE, "example.com")
            client = self.client("acm")
            arn = str(self.certificate(DomainName="api.example.com")["CertificateArn"])
            (option,) = client.describe_certificate(CertificateArn=arn)["Certificate"][
                "DomainValidationOptions"
            ]
            self.record(option["ResourceRecord"])
            return arn

        configuration = {
            "CertificateArn": self.get_or_create("domain", create_validated_certificate),
            "EndpointType": "REGIONAL",
        }
        return self.client("apigatewayv2").create_domain_name(
            **{
                "DomainName": "api.example.com",
                "DomainNameConfigurations": [configuration],
                **changes,
            }
        )

    def api_mapping(self, **changes: Any) -> Any:  # noqa: ANN401
        self.get_or_create("mapped name", self.domain_name)
        self.get_or_create("mapped stage", self.stage)
        return self.client("apigatewayv2").create_api_mapping(
            **{"DomainName": "api.example.com", "ApiId": self.api_id, "Stage": "$default", **changes}
        )

    def record(self, value: Mapping[str, str] | None = None, **changes: Any) -> Any:  # noqa: ANN401
        record = value or {"Name": "www.example.com", "Type": "CNAME", "Value": "a.example.org"}
        if value is None:
            self.get_or_create("zone", lambda: self.emulator.create_hosted_zone(ZONE, "example.com"))
        change = {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": record["Name"],
                "Type": record["Type"],
                "TTL": 60,
                "ResourceRecords": [{"Value": record["Value"]}],
                **changes,
            },
        }
        return self.client("route53").change_resource_record_sets(
            HostedZoneId=ZONE, ChangeBatch={"Changes": [change]}
        )

    def key_value_store(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("cloudfront").create_key_value_store(**{"Name": "store", **changes})

    def cloudfront_function(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "Name": "viewer-request",
            "FunctionConfig": {"Comment": "", "Runtime": "cloudfront-js-2.0"},
            "FunctionCode": b"function handler(event) { return event.request; }",
            **changes,
        }
        return self.client("cloudfront").create_function(**arguments)

    def origin_access_control(self, **changes: Any) -> Any:  # noqa: ANN401
        config = {
            "Name": "access",
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
            **changes,
        }
        return self.client("cloudfront").create_origin_access_control(OriginAccessControlConfig=config)

    def cache_policy(self, **changes: Any) -> Any:  # noqa: ANN401
        config = {"Name": "pages", "MinTTL": 0, **changes}
        return self.client("cloudfront").create_cache_policy(CachePolicyConfig=config)

    def response_headers_policy(self, **changes: Any) -> Any:  # noqa: ANN401
        config = {"Name": "security", **changes}
        return self.client("cloudfront").create_response_headers_policy(ResponseHeadersPolicyConfig=config)

    def distribution(self, **changes: Any) -> Any:  # noqa: ANN401
        origin = {
            "Id": "o",
            "DomainName": "b.s3.amazonaws.com",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        config = {
            "CallerReference": "1",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "o",
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
            **changes,
        }
        return self.client("cloudfront").create_distribution(DistributionConfig=config)

    def log_group(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("logs").create_log_group(**{"logGroupName": "/a/log", **changes})

    def metric_filter(self, **changes: Any) -> Any:  # noqa: ANN401
        self.get_or_create("log group", lambda: self.log_group(logGroupName="needed"))
        arguments = {
            "logGroupName": "needed",
            "filterName": "errors",
            "filterPattern": "ERROR",
            "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
            **changes,
        }
        return self.client("logs").put_metric_filter(**arguments)

    def alarm(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "AlarmName": "errors",
            "MetricName": "Errors",
            "Namespace": "AWS/Lambda",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            **changes,
        }
        return self.client("cloudwatch").put_metric_alarm(**arguments)

    def dashboard(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {"DashboardName": "stage", "DashboardBody": '{"widgets": []}', **changes}
        return self.client("cloudwatch").put_dashboard(**arguments)

    def rule(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("events").put_rule(
            **{"Name": "every-minute", "ScheduleExpression": "rate(1 minute)", **changes}
        )

    def target(self, **changes: Any) -> Any:  # noqa: ANN401
        self.get_or_create("rule", lambda: self.rule(Name="needed"))
        target = {"Id": "queue", "Arn": self.queue_arn, **changes}
        return self.client("events").put_targets(Rule="needed", Targets=[target])

    def build_project(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "name": "build",
            "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2"},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            "serviceRole": self.role_arn,
            **changes,
        }
        return self.client("codebuild").create_project(**arguments)

    def user_pool(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("cognito-idp").create_user_pool(**{"PoolName": "users", **changes})

    def budget(self, **changes: Any) -> Any:  # noqa: ANN401
        budget = {
            "BudgetName": "monthly",
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": "10", "Unit": "USD"},
            **changes,
        }
        return self.client("budgets").create_budget(AccountId="123456789012", Budget=budget)

    def user_group(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("cognito-idp").create_group(
            **{"UserPoolId": self.pool_id, "GroupName": "deploy", **changes}
        )

    def user_pool_client(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("cognito-idp").create_user_pool_client(
            **{"UserPoolId": self.pool_id, "ClientName": "app", **changes}
        )

    def table(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "TableName": "table",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            **changes,
        }
        return self.client("dynamodb").create_table(**arguments)

    def table_item(self, **changes: Any) -> Any:  # noqa: ANN401
        self.get_or_create("table", lambda: self.table(TableName="needed"))
        arguments = {
            "TableName": "needed",
            "Item": {"id": {"S": "1"}},
            "ConditionExpression": "attribute_not_exists(id)",
            **changes,
        }
        return self.client("dynamodb").put_item(**arguments)

    def role(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("iam").create_role(
            **{"RoleName": "role", "AssumeRolePolicyDocument": TRUST, **changes}
        )

    def role_policy(self, **changes: Any) -> Any:  # noqa: ANN401
        _ = self.role_arn
        return self.client("iam").put_role_policy(
            **{"RoleName": "needed", "PolicyName": "own", "PolicyDocument": POLICY, **changes}
        )

    def policy(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("iam").create_policy(
            **{"PolicyName": "policy", "PolicyDocument": POLICY, **changes}
        )

    def key(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("kms").create_key(**changes)

    def key_alias(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("kms").create_alias(
            **{"AliasName": "alias/key", "TargetKeyId": self.key_id, **changes}
        )

    def function(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "FunctionName": "function",
            "Role": self.role_arn,
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": make_code()},
            **changes,
        }
        return self.client("lambda").create_function(**arguments)

    def function_alias(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "FunctionName": self.function_name,
            "Name": "live",
            "FunctionVersion": self.version,
            **changes,
        }
        return self.client("lambda").create_alias(**arguments)

    def layer_version(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("lambda").publish_layer_version(
            **{"LayerName": "layer", "Content": {"ZipFile": make_code()}, **changes}
        )

    def permission(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "FunctionName": self.function_name,
            "StatementId": "events",
            "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com",
            **changes,
        }
        return self.client("lambda").add_permission(**arguments)

    def event_source_mapping(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {"EventSourceArn": self.queue_arn, "FunctionName": self.function_name, **changes}
        return self.client("lambda").create_event_source_mapping(**arguments)

    def event_invoke_config(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("lambda").put_function_event_invoke_config(
            **{"FunctionName": self.function_name, "MaximumRetryAttempts": 0, **changes}
        )

    def bucket(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "Bucket": "some-bucket",
            "CreateBucketConfiguration": {"LocationConstraint": REGION},
            **changes,
        }
        return self.client("s3").create_bucket(**arguments)

    def bucket_object(self, **changes: Any) -> Any:  # noqa: ANN401
        self.get_or_create("bucket", self.bucket)
        return self.client("s3").put_object(**{"Bucket": "some-bucket", "Key": "a", "Body": b"", **changes})

    def topic(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("sns").create_topic(**{"Name": "alarms", **changes})

    def subscription(self, **changes: Any) -> Any:  # noqa: ANN401
        arguments = {
            "TopicArn": self.topic_arn,
            "Protocol": "sqs",
            "Endpoint": self.queue_arn,
            "ReturnSubscriptionArn": True,
            **changes,
        }
        return self.client("sns").subscribe(**arguments)

    def queue(self, **changes: Any) -> Any:  # noqa: ANN401
        return self.client("sqs").create_queue(
            **{"QueueName": "builds", "Attributes": {"VisibilityTimeout": "60"}, **changes}
        )
