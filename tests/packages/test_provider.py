"""The provider `anchor` offers the components to programs in other languages (W1)."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from attrs import fields
from pulumi.provider.experimental.util import camel_case
from pulumi.runtime.proto import provider_pb2

from components.aws.bucket import RetainedBucketArgs
from components.aws.table import TenantTableArgs
from components.aws.table_design import TableDesign
from components.core.scope import ResourceScope
from tests.components.recorder import ACCOUNT, create_layers
from tests.docs.pages import read_page
from tests.packages.provider_process import Provider, read_reasons, run_provider

GUIDE = "docs/guides/use-the-components.md"
STACK_TYPE = "pulumi:pulumi:Stack"
SCOPE = {"prefix": "notes-dev", "retain": True, "tags": {"Project": "notes"}}
NOTES: dict[str, Any] = {
    "scope": SCOPE,
    "tenant": "userId",
    "partitionKey": {"name": "userId"},
    "sortKey": {"name": "createdAt", "type": "N"},
    "indexes": [
        {"name": "TopicIndex", "partitionKey": {"name": "topic"}, "projectedAttributes": ["title"]},
        {"name": "DayIndex", "partitionKey": {"name": "day"}, "projectedAttributes": []},
    ],
    "ttlAttribute": "expiresAt",
    "stream": True,
}
FILES: dict[str, Any] = {
    "scope": SCOPE,
    "versioned": True,
    "lifecycle": [
        {
            "name": "archive",
            "prefix": "old/",
            "transitions": [{"to": "GLACIER", "days": 30}],
            "noncurrentExpireDays": 7,
        }
    ],
    "cors": [{"origins": ["https://app.example.com"], "methods": ["GET", "PUT"]}],
}


@pytest.fixture(scope="module")
def running(installed_components: Path) -> Generator[Provider]:
    with run_provider(installed_components) as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.recorded.clear()
    return running


def find_inputs(provider: Provider, kind: str) -> dict[str, Any]:
    (found,) = [each for each in provider.recorded if each.type == kind]
    return dict(found.inputs)


def test_the_plugin_file_selects_the_python_runtime(installed_components: Path) -> None:
    folder = installed_components / "anchor_deploy" / "provider"
    assert yaml.safe_load((folder / "PulumiPlugin.yaml").read_text()) == {"runtime": "python"}


def test_the_schema_describes_each_component_and_each_argument(provider: Provider) -> None:
    schema = json.loads(provider.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert schema["name"] == "anchor"
    components = schema["resources"]
    assert set(components) == {
        f"anchor:index:{name}" for name in ("RetainedBucket", "SiteHosting", "TenantTable")
    }
    described = {
        f"{owner}.{name}": argument.get("description")
        for owner, each in {**components, **schema["types"]}.items()
        for name, argument in {**each.get("inputProperties", {}), **each.get("properties", {})}.items()
    }
    assert [name for name, description in described.items() if not description] == []
    table = components["anchor:index:TenantTable"]
    assert table["requiredInputs"] == ["partitionKey", "scope", "tenant"]
    assert set(table["properties"]) == {"arn", "streamArn", "tableName"}


def _list_inputs(schema: dict[str, Any], component: str) -> set[str]:
    return set(schema["resources"][f"anchor:index:{component}"]["inputProperties"])


def test_the_provider_has_every_argument_of_the_components(provider: Provider) -> None:
    """The schema has no argument for documentation, and none for a distribution in the same program."""
    schema = json.loads(provider.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    documentation = {"attributes", "purpose", "query"}
    table = _list_fields(TenantTableArgs, TableDesign) - {"design", *documentation}
    assert _list_inputs(schema, "TenantTable") == table
    assert _list_inputs(schema, "RetainedBucket") == _list_fields(RetainedBucketArgs) - {"readByDistribution"}
    scope = set(schema["types"]["anchor:index:ScopeArgs"]["properties"])
    assert scope == _list_fields(ResourceScope) - {"account", "region"}


def _list_fields(*classes: type[Any]) -> set[str]:
    return {camel_case(field.alias or field.name) for each in classes for field in fields(each)}


def test_a_table_is_created_with_its_keys_and_indexes(provider: Provider) -> None:
    outputs = provider.construct("TenantTable", "notes", NOTES)
    assert outputs["tableName"] == "notes-dev-notes"
    table = find_inputs(provider, "aws:dynamodb/table:Table")
    assert (table["hashKey"], table["rangeKey"], table["streamEnabled"]) == ("userId", "createdAt", True)
    assert {each["name"]: each["projectionType"] for each in table["globalSecondaryIndexes"]} == {
        "TopicIndex": "INCLUDE",
        "DayIndex": "KEYS_ONLY",
    }
    assert table["deletionProtectionEnabled"] is True
    assert table["tags"] == {"Component": "TenantTable", "Project": "notes"}


def test_a_bucket_is_created_with_its_rules(provider: Provider) -> None:
    outputs = provider.construct("RetainedBucket", "files", FILES)
    assert outputs["bucketName"] == f"notes-dev-{ACCOUNT}-files"
    (rule,) = find_inputs(provider, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")[
        "rules"
    ]
    assert rule["transitions"] == [{"days": 30, "storageClass": "GLACIER"}]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 7}
    (cors,) = find_inputs(provider, "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")["corsRules"]
    assert cors["allowedMethods"] == ["GET", "PUT"]


def test_the_resources_of_a_component_are_below_it(provider: Provider) -> None:
    provider.construct("TenantTable", "notes", NOTES)
    parents = {
        each.type: each.parent.split("::")[2].removeprefix(f"{STACK_TYPE}$")
        for each in provider.recorded
        if each.parent
    }
    assert parents == {
        "anchor:table:TenantTable": "anchor:index:TenantTable",
        "aws:dynamodb/table:Table": "anchor:index:TenantTable$anchor:table:TenantTable",
    }


def test_sites_are_created_with_their_pipeline(provider: Provider) -> None:
    with create_layers() as layers:
        outputs = provider.construct(
            "SiteHosting", "web", {"scope": SCOPE, "layers": str(layers), "sites": ["shop"]}
        )
    assert outputs["urls"] == {"shop": "https://d111111abcdef8.cloudfront.net"}
    names = {each.inputs["name"] for each in provider.recorded if each.type == "aws:lambda/function:Function"}
    assert {"notes-dev-webhook", "notes-dev-release", "notes-dev-site-shop-server"} <= names


def test_the_program_in_yaml_of_the_guide_is_accepted(provider: Provider) -> None:
    blocks = [block.text for block in read_page(GUIDE).blocks if block.language == "yaml"]
    (program,) = (each for each in map(yaml.safe_load, blocks) if each["runtime"] == "yaml")
    outputs = {
        f"${{{name}.{output}}}"
        for name, declared in program["resources"].items()
        for output in provider.construct(
            declared["type"].removeprefix("anchor:"), name, declared["properties"]
        )
    }
    assert set(program["outputs"].values()) <= outputs


@pytest.mark.parametrize(
    ("kind", "inputs", "message"),
    [
        ("TenantTable", {**NOTES, "tenant": "ownerId"}, "no query finds the rows of a tenant by 'ownerId'"),
        ("TenantTable", {**NOTES, "scope": {**SCOPE, "prefix": "Notes"}}, "prefix 'Notes': allowed are"),
        ("TenantTable", {**NOTES, "sortKey": {"name": "at", "type": "L"}}, "Invalid value L"),
        (
            "RetainedBucket",
            {**FILES, "cors": [{"origins": ["*"], "methods": ["GET"]}]},
            "invalid CORS origins",
        ),
        (
            "RetainedBucket",
            {**FILES, "cors": [{"origins": ["https://a.example.com"], "methods": ["PATCH"]}]},
            "CORS method 'PATCH'; allowed: DELETE, GET",
        ),
        ("RetainedBucket", {}, "Missing required input 'scope'"),
    ],
)
def test_a_wrong_argument_is_refused_before_the_first_resource(
    kind: str, inputs: dict[str, Any], message: str, provider: Provider
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        provider.construct(kind, "wrong", inputs)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert read_reasons(refused.value).strip().startswith(message)
    assert [each.type for each in provider.recorded if each.custom] == []
