"""Resources in the form that rules check: created for one test, or recorded from a stage."""

import json
from collections.abc import Mapping
from typing import Any

from policies.graph import Graph, Resource
from tests.components.recorder import Recording

_TOKENS = {
    "acl": "aws:s3/bucketAcl:BucketAcl",
    "alarm": "aws:cloudwatch/metricAlarm:MetricAlarm",
    "alarms-topic": "aws:sns/topic:Topic",
    "api": "aws:apigatewayv2/api:Api",
    "attachment": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "authorizer": "aws:apigatewayv2/authorizer:Authorizer",
    "bucket": "aws:s3/bucket:Bucket",
    "bucket-policy": "aws:s3/bucketPolicy:BucketPolicy",
    "build": "aws:codebuild/project:Project",
    "cache-policy": "aws:cloudfront/cachePolicy:CachePolicy",
    "cors": "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    "distribution": "aws:cloudfront/distribution:Distribution",
    "domain-name": "aws:apigatewayv2/domainName:DomainName",
    "function": "aws:lambda/function:Function",
    "key": "aws:kms/key:Key",
    "log-group": "aws:cloudwatch/logGroup:LogGroup",
    "mapping": "aws:lambda/eventSourceMapping:EventSourceMapping",
    "ownership": "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "parameter": "aws:ssm/parameter:Parameter",
    "permission": "aws:lambda/permission:Permission",
    "policy": "aws:iam/policy:Policy",
    "public-access-block": "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "queue": "aws:sqs/queue:Queue",
    "role": "aws:iam/role:Role",
    "role-policy": "aws:iam/rolePolicy:RolePolicy",
    "route": "aws:apigatewayv2/route:Route",
    "sse": "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "stage": "aws:apigatewayv2/stage:Stage",
    "subscription": "aws:sns/topicSubscription:TopicSubscription",
    "table": "aws:dynamodb/table:Table",
    "topic": "aws:sns/topic:Topic",
    "user-pool": "aws:cognito/userPool:UserPool",
}


def make_urn(kind: str, name: str = "it", stage: str = "dev") -> str:
    return f"urn:pulumi:{stage}::anchor-deploy::{_TOKENS[kind]}::{name}"


def make_resource(  # noqa: PLR0913 - the fields of a resource
    kind: str,
    props: Mapping[str, Any] | None = None,
    *,
    name: str = "it",
    stage: str = "dev",
    protect: bool = False,
    references: Mapping[str, str] | None = None,
) -> Resource:
    """Return a resource. `references` names the URN that each property's value depends on."""
    return Resource(
        type=_TOKENS[kind],
        name=name,
        urn=make_urn(kind, name, stage),
        props=props or {},
        protect=protect,
        references={key: frozenset({value}) for key, value in (references or {}).items()},
    )


def make_document(**statement: Any) -> str:  # noqa: ANN401 - any field of a statement
    """Return a policy document with one Allow statement. Arguments replace or add fields of the statement."""
    allowing = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/k"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**allowing, **statement}]})


def build_graph(recorded: Recording, stage_kind: str = "") -> Graph:
    """Return the graph that the rules check, with all resources of a recorded program."""
    return Graph(
        tuple(
            Resource(
                type=resource.type,
                name=resource.name,
                urn=resource.urn,
                props=resource.inputs,
                protect=resource.protect,
                references=resource.references,
                stage_kind=stage_kind,
            )
            for resource in recorded.resources
        )
    )
