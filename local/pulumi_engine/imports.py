"""Finds existing resources for `pulumi import`, with the outputs that no reader returns.

The form of each ID is described in the AWS provider's documentation of the type (section "Import").
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import field, frozen

from local.providers.compute.lambda_functions import build_function_outputs, build_invoke_arn
from local.providers.core.resource import Properties, ProviderContext
from local.providers.data.dynamodb import build_table_outputs
from local.providers.data.s3 import build_bucket_outputs
from local.providers.network.apigateway import build_stage_outputs


class ImportUnsupportedError(Exception):
    """The embedded cloud cannot import resources of the type."""


@frozen(kw_only=True)
class ImportedResource:
    """An existing resource, with the values that the function which creates its type would return.

    Attributes:
        id: ID in the state.
        inputs: Inputs that the ID contains, such as the API of a route.
        outputs: Outputs that the function which reads the type does not return.
    """

    id: str
    inputs: Properties = field(factory=dict)
    outputs: Properties = field(factory=dict)


_Import = Callable[[ProviderContext, str], ImportedResource]


def find_imported_resource(aws: ProviderContext, kind: str, import_id: str) -> ImportedResource:
    """Return the resource for the ID that a user passes to `pulumi import`.

    Raises:
        ImportUnsupportedError: The type cannot be imported.
        ClientError: AWS has no such resource.
    """
    find = _IMPORTS.get(kind)
    if find is None:
        raise ImportUnsupportedError(f"the embedded cloud cannot import a {kind}")
    return find(aws, import_id)


def _import_role(aws: ProviderContext, name: str) -> ImportedResource:
    role = aws.client("iam").get_role(RoleName=name)["Role"]
    return ImportedResource(id=name, outputs={"arn": role["Arn"], "name": name, "uniqueId": role["RoleId"]})


def _import_policy(aws: ProviderContext, arn: str) -> ImportedResource:
    policy = aws.client("iam").get_policy(PolicyArn=arn)["Policy"]
    outputs = {"arn": arn, "name": policy["PolicyName"], "policyId": policy["PolicyId"]}
    return ImportedResource(id=arn, outputs=outputs)


def _import_log_group(aws: ProviderContext, name: str) -> ImportedResource:
    outputs = {"arn": aws.build_arn("logs", f"log-group:{name}"), "name": name}
    return ImportedResource(id=name, outputs=outputs)


def _import_table(aws: ProviderContext, name: str) -> ImportedResource:
    table = aws.client("dynamodb").describe_table(TableName=name)["Table"]
    return ImportedResource(id=name, outputs=build_table_outputs(table))


def _import_bucket(aws: ProviderContext, name: str) -> ImportedResource:
    return ImportedResource(id=name, outputs=build_bucket_outputs(aws, name))


def _import_key(aws: ProviderContext, key_id: str) -> ImportedResource:
    return ImportedResource(
        id=key_id, outputs={"arn": aws.build_arn("kms", f"key/{key_id}"), "keyId": key_id}
    )


def _import_key_alias(aws: ProviderContext, name: str) -> ImportedResource:
    for page in aws.client("kms").get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == name:
                key = aws.build_arn("kms", f"key/{alias['TargetKeyId']}")
                outputs = {"arn": aws.build_arn("kms", name), "name": name, "targetKeyArn": key}
                return ImportedResource(id=name, outputs=outputs)
    return ImportedResource(id=name)


def _import_function(aws: ProviderContext, name: str) -> ImportedResource:
    found = aws.client("lambda").get_function_configuration(FunctionName=name)
    return ImportedResource(id=name, outputs=build_function_outputs(aws, found))


def _import_function_alias(aws: ProviderContext, path: str) -> ImportedResource:
    function, _, name = path.partition("/")
    arn = aws.build_arn("lambda", f"function:{function}:{name}")
    return ImportedResource(
        id=arn,
        inputs={"functionName": function},
        outputs={"arn": arn, "invokeArn": build_invoke_arn(aws, arn), "name": name},
    )


def _import_permission(_aws: ProviderContext, path: str) -> ImportedResource:
    function, _, statement = path.rpartition("/")
    name, _, qualifier = function.partition(":")
    inputs = {"function": name, **({"qualifier": qualifier} if qualifier else {})}
    return ImportedResource(id=statement, inputs=inputs, outputs={"statementId": statement})


def _import_event_source(aws: ProviderContext, uuid: str) -> ImportedResource:
    found = aws.client("lambda").get_event_source_mapping(UUID=uuid)
    return ImportedResource(
        id=uuid,
        outputs={
            "uuid": uuid,
            "arn": aws.build_arn("lambda", f"event-source-mapping:{uuid}"),
            "functionArn": found["FunctionArn"],
            "state": found["State"],
        },
    )


def _import_api_part(_aws: ProviderContext, path: str) -> ImportedResource:
    """Return a route, an authorizer or an integration. The import ID is `<API ID>/<resource ID>`."""
    api, _, part = path.partition("/")
    return ImportedResource(id=part, inputs={"apiId": api})


def _import_api_stage(aws: ProviderContext, path: str) -> ImportedResource:
    api, _, name = path.partition("/")
    return ImportedResource(id=name, inputs={"apiId": api}, outputs=build_stage_outputs(aws, api, name))


def _import_project(aws: ProviderContext, name: str) -> ImportedResource:
    arn = aws.build_arn("codebuild", f"project/{name}")
    return ImportedResource(id=arn, outputs={"arn": arn, "name": name})


def _import_edge_function(aws: ProviderContext, name: str) -> ImportedResource:
    found = aws.client("cloudfront").describe_function(Name=name, Stage="LIVE")
    summary = found["FunctionSummary"]
    return ImportedResource(
        id=name,
        outputs={
            "arn": summary["FunctionMetadata"]["FunctionARN"],
            "etag": found["ETag"],
            "name": name,
            "status": summary.get("Status", "UNASSOCIATED"),
        },
    )


def _import_edge_store(aws: ProviderContext, name: str) -> ImportedResource:
    found = aws.client("cloudfront").describe_key_value_store(Name=name)
    outputs = {"arn": found["KeyValueStore"]["ARN"], "etag": found["ETag"], "name": name}
    return ImportedResource(id=name, outputs=outputs)


def _build_edge_policy_import(operation: str, kind: str) -> _Import:
    """Return the function that imports a policy or an origin access control of CloudFront."""

    def find(aws: ProviderContext, policy_id: str) -> ImportedResource:
        found: Any = getattr(aws.client("cloudfront"), operation)(Id=policy_id)
        arn = f"arn:aws:cloudfront::{aws.account_id}:{kind}/{policy_id}"
        return ImportedResource(id=policy_id, outputs={"arn": arn, "etag": found["ETag"]})

    return find


_IMPORTS: Final[Mapping[str, _Import]] = {
    "aws:apigatewayv2/authorizer:Authorizer": _import_api_part,
    "aws:apigatewayv2/integration:Integration": _import_api_part,
    "aws:apigatewayv2/route:Route": _import_api_part,
    "aws:apigatewayv2/stage:Stage": _import_api_stage,
    "aws:cloudfront/cachePolicy:CachePolicy": _build_edge_policy_import("get_cache_policy", "cache-policy"),
    "aws:cloudfront/function:Function": _import_edge_function,
    "aws:cloudfront/keyValueStore:KeyValueStore": _import_edge_store,
    "aws:cloudfront/originAccessControl:OriginAccessControl": _build_edge_policy_import(
        "get_origin_access_control", "origin-access-control"
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _build_edge_policy_import(
        "get_response_headers_policy", "response-headers-policy"
    ),
    "aws:cloudwatch/logGroup:LogGroup": _import_log_group,
    "aws:codebuild/project:Project": _import_project,
    "aws:dynamodb/table:Table": _import_table,
    "aws:iam/policy:Policy": _import_policy,
    "aws:iam/role:Role": _import_role,
    "aws:kms/alias:Alias": _import_key_alias,
    "aws:kms/key:Key": _import_key,
    "aws:lambda/alias:Alias": _import_function_alias,
    "aws:lambda/eventSourceMapping:EventSourceMapping": _import_event_source,
    "aws:lambda/function:Function": _import_function,
    "aws:lambda/permission:Permission": _import_permission,
    "aws:s3/bucket:Bucket": _import_bucket,
}
