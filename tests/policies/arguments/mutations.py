"""Generates wrong resources: copies of recorded resources, each with one mistake.

The mistakes do not come from the tables under test. They come from AWS's models of the calls that
create the resources, from the SDK's classes and their documentation, and from the form of a value, such as an
ARN or a policy document. The model of an argument is the model of the call's input member with the same name.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from aws_models.constraints import Shape, find_violations
from aws_models.services import load_service
from policies.graph import UNKNOWN, Graph, Resource
from tests.policies.arguments.paths import Steps, list_nodes, replace_value
from tests.policies.arguments.sdk import find_conflicts, find_documented_values, find_required_arguments

OPERATIONS: Final[Mapping[str, str]] = {
    "aws:acm/certificate:Certificate": "acm.RequestCertificate",
    "aws:acm/certificateValidation:CertificateValidation": "acm.DescribeCertificate",
    "aws:apigatewayv2/api:Api": "apigatewayv2.CreateApi",
    "aws:apigatewayv2/apiMapping:ApiMapping": "apigatewayv2.CreateApiMapping",
    "aws:apigatewayv2/authorizer:Authorizer": "apigatewayv2.CreateAuthorizer",
    "aws:apigatewayv2/domainName:DomainName": "apigatewayv2.CreateDomainName",
    "aws:apigatewayv2/integration:Integration": "apigatewayv2.CreateIntegration",
    "aws:apigatewayv2/route:Route": "apigatewayv2.CreateRoute",
    "aws:apigatewayv2/stage:Stage": "apigatewayv2.CreateStage",
    "aws:budgets/budget:Budget": "budgets.CreateBudget",
    "aws:cloudfront/cachePolicy:CachePolicy": "cloudfront.CreateCachePolicy",
    "aws:cloudfront/distribution:Distribution": "cloudfront.CreateDistribution",
    "aws:cloudfront/function:Function": "cloudfront.CreateFunction",
    "aws:cloudfront/keyValueStore:KeyValueStore": "cloudfront.CreateKeyValueStore",
    "aws:cloudfront/originAccessControl:OriginAccessControl": "cloudfront.CreateOriginAccessControl",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": "cloudfront.CreateResponseHeadersPolicy",
    "aws:cloudwatch/dashboard:Dashboard": "cloudwatch.PutDashboard",
    "aws:cloudwatch/eventRule:EventRule": "events.PutRule",
    "aws:cloudwatch/eventTarget:EventTarget": "events.PutTargets",
    "aws:cloudwatch/logGroup:LogGroup": "logs.CreateLogGroup",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": "logs.PutMetricFilter",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch.PutMetricAlarm",
    "aws:codebuild/project:Project": "codebuild.CreateProject",
    "aws:cognito/userGroup:UserGroup": "cognito-idp.CreateGroup",
    "aws:cognito/userPool:UserPool": "cognito-idp.CreateUserPool",
    "aws:cognito/userPoolClient:UserPoolClient": "cognito-idp.CreateUserPoolClient",
    "aws:dynamodb/table:Table": "dynamodb.CreateTable",
    "aws:dynamodb/tableItem:TableItem": "dynamodb.PutItem",
    "aws:iam/policy:Policy": "iam.CreatePolicy",
    "aws:iam/role:Role": "iam.CreateRole",
    "aws:iam/rolePolicy:RolePolicy": "iam.PutRolePolicy",
    "aws:kms/alias:Alias": "kms.CreateAlias",
    "aws:kms/key:Key": "kms.CreateKey",
    "aws:lambda/alias:Alias": "lambda.CreateAlias",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "lambda.CreateEventSourceMapping",
    "aws:lambda/function:Function": "lambda.CreateFunction",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": "lambda.PutFunctionEventInvokeConfig",
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": "lambda.PutFunctionRecursionConfig",
    "aws:lambda/layerVersion:LayerVersion": "lambda.PublishLayerVersion",
    "aws:lambda/permission:Permission": "lambda.AddPermission",
    "aws:route53/record:Record": "route53.ChangeResourceRecordSets",
    "aws:s3/bucket:Bucket": "s3.CreateBucket",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": "s3.PutBucketCors",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "s3.PutBucketLifecycleConfiguration",
    "aws:s3/bucketNotification:BucketNotification": "s3.PutBucketNotificationConfiguration",
    "aws:s3/bucketObjectv2:BucketObjectv2": "s3.PutObject",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "s3.PutBucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy": "s3.PutBucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "s3.PutPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "s3.PutBucketEncryption"
    ),
    "aws:sns/topic:Topic": "sns.CreateTopic",
    "aws:sns/topicSubscription:TopicSubscription": "sns.Subscribe",
    "aws:sqs/queue:Queue": "sqs.CreateQueue",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "sqs.SetQueueAttributes",
}
"""The call that creates a resource of each type."""

_NAMES: Final = ("name", "bucket", "layerName", "dashboardName")
_TEXTS: Final = ("two words", "é", "a/b", "a:b", "", "%", "-", ".", "A", "a\n")
_STATEMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "effect": {"Effect": "allow"},
    "action": {"Action": "GetItem"},
    "no action": {"Action": None},
    "misspelled element": {"Resources": "*"},
    "condition": {"Condition": {"StringsEqual": {"aws:SourceAccount": "1"}}},
    "principal": {"Principal": {"Services": "lambda.amazonaws.com"}},
}


@frozen
class Mutation:
    """A resource with one mistake.

    Attributes:
        kind: What is wrong, such as `above the range`.
        argument: Path of the wrong argument, such as `origins[].originId`.
        resource: The resource with the mistake.
    """

    kind: str
    argument: str
    resource: Resource

    def __str__(self) -> str:
        """Return the mistake in one line."""
        return f"{self.resource.type} {self.argument}: {self.kind}"


@frozen
class _Place:
    """One argument of a recorded resource."""

    resource: Resource
    steps: Steps
    argument: str
    value: Any

    def mutate(self, kind: str, value: Any) -> Mutation:  # noqa: ANN401 - any argument
        return Mutation(
            kind,
            self.argument,
            evolve(self.resource, props=replace_value(self.resource.props, self.steps, value)),
        )


def generate_mutations(graph: Graph) -> Iterator[Mutation]:
    """Yield each kind of mistake once for each argument of each type in the graph."""
    seen: set[tuple[str, str, str]] = set()
    for place in _list_places(graph):
        for source in _SOURCES:
            for mutation in source(place):
                key = (mutation.resource.type, mutation.argument, mutation.kind)
                if key not in seen:
                    seen.add(key)
                    yield mutation


def _list_places(graph: Graph) -> Iterator[_Place]:
    for resource in graph.resources:
        if resource.type in OPERATIONS:
            for steps, argument, value in list_nodes(resource.props):
                if value is not UNKNOWN and value is not None:
                    yield _Place(resource, steps, argument, value)


def _break_constraints(place: _Place) -> Iterator[Mutation]:
    """Yield values that violate AWS's model of the argument."""
    shapes = _find_shapes(OPERATIONS[place.resource.type], place.argument)
    limits = [shape.metadata for shape in shapes]
    lowest = min((limit["min"] for limit in limits if "min" in limit), default=0)
    highest = max((limit["max"] for limit in limits if "max" in limit), default=0)
    for kind, value in _list_wrong_values(place.value, lowest, highest):
        # Several input members can have this name. Only a value that all their models refuse is surely wrong.
        if shapes and all(any(find_violations(shape, value)) for shape in shapes):
            yield place.mutate(kind, value)


def _list_wrong_values(value: Any, lowest: int, highest: int) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any argument
    if isinstance(value, str):
        yield "misspelled value", f"{value}X"
        yield "one character too long", value.ljust(highest + 1, "x")
        for text in _TEXTS:
            yield f"text {text!r}", text
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield "below the range", lowest - 1
        yield "above the range", highest + 1
    elif isinstance(value, list) and value:
        yield "too many items", value * (highest + 1)


def _find_shapes(operation: str, argument: str) -> list[Shape]:
    service, _, name = operation.partition(".")
    root = load_service(service).operation_model(name).input_shape
    members = _collect_members(root, {}, set())
    *_, last = argument.split(".")
    # For example, the member for the argument `name` of a user pool is `PoolName`.
    own = _find_name_member(name, members) if argument == "name" else None
    shapes = members.get(own or _normalize_name(last.removesuffix("[]")), [])
    if last.endswith("[]"):
        shapes = [shape.member for shape in shapes if shape.type_name == "list"]
    return shapes


def _find_name_member(operation: str, members: Mapping[str, object]) -> str | None:
    kind = re.sub(r"^(Create|Put|Publish|Add)", "", operation).lower()
    names = (f"{kind[start:]}name" for start in range(len(kind)))
    return next((name for name in names if name in members), None)


def _collect_members(shape: Any, found: dict[str, list[Shape]], seen: set[str]) -> dict[str, list[Shape]]:  # noqa: ANN401 - a shape of botocore
    if shape.name in seen:
        return found
    seen.add(shape.name)
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            found.setdefault(_normalize_name(name), []).append(member)
            _collect_members(member, found, seen)
    elif shape.type_name == "list":
        _collect_members(shape.member, found, seen)
    elif shape.type_name == "map":
        _collect_members(shape.value, found, seen)
    return found


def _normalize_name(name: str) -> str:
    return re.sub(r"s$", "", name.lower())


def _break_types(place: _Place) -> Iterator[Mutation]:
    """Yield a value of another type, and a misspelled name of the argument."""
    yield place.mutate("wrong type", [{"a": "b"}] if not isinstance(place.value, list) else "a")
    *parents, name = place.steps
    if isinstance(name, str) and not _is_mapping_entry(place.argument):
        steps = (*parents, f"{name}{name[-1]}")
        props = replace_value(replace_value(place.resource.props, place.steps, None), steps, place.value)
        yield Mutation("misspelled name", place.argument, evolve(place.resource, props=props))


def _remove_required(place: _Place) -> Iterator[Mutation]:
    """Yield the resource without an argument that the SDK requires."""
    if place.argument in find_required_arguments(place.resource.type):
        yield place.mutate("missing", None)


def _break_forms(place: _Place) -> Iterator[Mutation]:
    """Yield an ARN with a wrong part, broken JSON, and policy documents with a mistake."""
    if not isinstance(place.value, str):
        return
    if place.value.startswith("arn:") and place.value.count(":") >= 5:
        _, partition, service, region, account, rest = place.value.split(":", 5)
        yield place.mutate("ARN without a service", f"arn:{partition}:{region}:{account}:{rest}")
        if region:
            yield place.mutate("ARN with a wrong region", f"arn:{partition}:{service}:asia:{account}:{rest}")
        if account:
            yield place.mutate("ARN with a wrong account", f"arn:{partition}:{service}:{region}:1234:{rest}")
    document = _read_document(place.value)
    if document is not None:
        yield place.mutate("broken JSON", place.value[:-1])
        if "Statement" in document:
            for kind, change in _STATEMENTS.items():
                first, *others = document["Statement"]
                changed = {key: value for key, value in {**first, **change}.items() if value is not None}
                yield place.mutate(
                    f"policy: {kind}", json.dumps({**document, "Statement": [changed, *others]})
                )
            yield place.mutate("policy: version", json.dumps({**document, "Version": "2012-10-18"}))


def _read_document(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _add_conflicts(place: _Place) -> Iterator[Mutation]:
    """Yield the resource with a second argument that, according to the documentation, excludes this one."""
    for other, value in find_conflicts(place.resource.type).get(place.argument, {}).items():
        if other not in place.resource.props:
            yield Mutation(
                f"conflict with {other}",
                place.argument,
                evolve(place.resource, props={**place.resource.props, other: value}),
            )


def _break_documented_values(place: _Place) -> Iterator[Mutation]:
    """Yield a value that is not one of the values in the documentation."""
    values = find_documented_values(place.resource.type).get(place.argument, ())
    if isinstance(place.value, str) and place.value in values:
        yield place.mutate("undocumented value", f"{place.value}-2")


def _lengthen_names(place: _Place) -> Iterator[Mutation]:
    """Yield a physical name that is too long, and a logical name that leads to such a physical name."""
    if place.argument in _NAMES:
        yield place.mutate("long name", f"{place.value}{'x' * 1100}")
        without = {key: value for key, value in place.resource.props.items() if key != place.argument}
        yield Mutation(
            "long logical name",
            place.argument,
            evolve(place.resource, name=f"{place.resource.name}{'x' * 1100}", props=without),
        )


def _is_mapping_entry(argument: str) -> bool:
    """Return whether the argument is an entry of a mapping with free keys, such as tags."""
    return any(part in argument for part in ("tags.", "variables.", "dimensions.", "*"))


_Source = Callable[[_Place], Iterator[Mutation]]
_SOURCES: Final[tuple[_Source, ...]] = (
    _break_constraints,
    _break_types,
    _remove_required,
    _break_forms,
    _add_conflicts,
    _break_documented_values,
    _lengthen_names,
)
