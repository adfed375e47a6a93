"""ZeroDowntimeSite and SiteBuild: resources of a site before its first release, and its permissions."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.components.policies import read_policy_statements
from tests.components.recorder import get_recording, list_dynamodb_tables, record_main_program

TAG_TABLE = "arn:aws:dynamodb:ap-southeast-1:123456789012:table/anchor-dev-site-next-site-tags"
ASSETS = "arn:aws:s3:::anchor-dev-123456789012-assets"
SECRETS_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/secrets"
FUNCTION = "aws:lambda/function:Function"


def list_permissions(role: str) -> dict[str, set[str]]:
    """Return the resources that a role may access, by action. Permissions for logs are left out."""
    found: dict[str, set[str]] = {}
    for statement in read_policy_statements(get_recording("dev")):
        if statement.resource_urn.endswith(f"RolePolicy::{role}"):
            for action in statement.actions:
                if not action.startswith("logs:"):
                    found.setdefault(action, set()).update(statement.resources)
    return found


def test_a_sites_row_names_all_its_resources() -> None:
    """The platform's functions read this row."""
    row = get_recording("dev").find_resource("aws:dynamodb/tableItem:TableItem", "site-next-site")
    assert (row.inputs["tableName"], row.inputs["hashKey"], row.inputs["rangeKey"]) == (
        "anchor-dev-projects",
        "projectId",
        "sk",
    )
    item = {name: value["S"] for name, value in json.loads(row.inputs["item"]).items()}
    assert item == {
        "projectId": "SITE#next-site",
        "sk": "SITE",
        "site": "next-site",
        "host": "d111111abcdef8.cloudfront.net",
        "urlPattern": "https://{host}",
        "serverFunction": "anchor-dev-site-next-site-server",
        "imageFunction": "anchor-dev-site-next-site-image",
        "revalidationFunction": "anchor-dev-site-next-site-revalidate",
        "tagTable": "anchor-dev-site-next-site-tags",
        "revalidationQueueUrl": "https://sqs.ap-southeast-1.amazonaws.com/123456789012/"
        "anchor-dev-site-next-site-revalidate.fifo",
        "revalidationDeadLetterQueueUrl": "https://sqs.ap-southeast-1.amazonaws.com/123456789012/"
        "anchor-dev-site-next-site-revalidate-dead.fifo",
        "buildProject": "anchor-dev-site-next-site-build",
        "secretsPath": "/anchor/dev/sites/next-site",
    }


def test_a_site_has_its_own_host_below_the_domain() -> None:
    recorded = record_main_program("staging", {"sites": [{"name": "docs"}]})
    row = recorded.find_resource("aws:dynamodb/tableItem:TableItem", "site-docs")
    assert json.loads(row.inputs["item"])["host"] == {"S": "docs.sites.staging.example.com"}


def test_the_server_has_access_to_its_cache_its_tag_table_and_its_queue() -> None:
    """Requirements D7 and P6."""
    assert list_permissions("site-next-site-server") == {
        "s3:GetObject": {f"{ASSETS}/{folder}/next-site/*" for folder in ("cache", "assets", "secrets")},
        "s3:PutObject": {f"{ASSETS}/cache/next-site/*"},
        "s3:DeleteObject": {f"{ASSETS}/cache/next-site/*"},
        "s3:ListBucket": {ASSETS},
        "kms:Decrypt": {SECRETS_KEY},
        "dynamodb:BatchGetItem": {TAG_TABLE},
        "dynamodb:BatchWriteItem": {TAG_TABLE},
        "dynamodb:Query": {TAG_TABLE, f"{TAG_TABLE}/index/revalidate"},
        "dynamodb:UpdateItem": {TAG_TABLE},
        "sqs:SendMessage": {
            "arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-site-next-site-revalidate.fifo"
        },
    }


def test_the_server_may_only_decrypt_secrets_of_releases_of_its_site() -> None:
    """X2: it can neither decrypt secrets of other sites nor parameters, which have another context."""
    conditions = [
        statement.document["Condition"]
        for statement in read_policy_statements(get_recording("dev"))
        if statement.resource_urn.endswith("RolePolicy::site-next-site-server")
        and "kms:Decrypt" in statement.actions
    ]
    assert conditions == [{"StringEquals": {"kms:EncryptionContext:site": "next-site"}}]


def test_the_image_function_may_only_read_the_files_of_its_site() -> None:
    """Requirements D7 and P6."""
    assert list_permissions("site-next-site-image") == {"s3:GetObject": {f"{ASSETS}/assets/next-site/*"}}


def test_the_revalidation_function_may_only_receive_messages() -> None:
    """Requirements D7 and P6."""
    queue = "arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-site-next-site-revalidate.fifo"
    assert list_permissions("site-next-site-revalidate") == {
        "sqs:ReceiveMessage": {queue},
        "sqs:DeleteMessage": {queue},
        "sqs:GetQueueAttributes": {queue},
    }


def test_the_tag_table_has_the_keys_that_opennext_needs() -> None:
    """Requirement D7."""
    (table,) = [table for table in list_dynamodb_tables("dev") if table["TableName"].endswith("-tags")]
    assert table["KeySchema"] == [
        {"AttributeName": "tag", "KeyType": "HASH"},
        {"AttributeName": "path", "KeyType": "RANGE"},
    ]
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "revalidate"
    assert index["KeySchema"] == [
        {"AttributeName": "path", "KeyType": "HASH"},
        {"AttributeName": "revalidatedAt", "KeyType": "RANGE"},
    ]
    assert {"AttributeName": "revalidatedAt", "AttributeType": "N"} in table["AttributeDefinitions"]


@pytest.mark.parametrize(
    ("function", "handler"),
    [
        ("server", "anchor-origin.handler"),
        ("image", "anchor-origin.handler"),
        ("revalidate", "index.handler"),
    ],
)
def test_pulumi_ignores_what_releases_change_in_the_functions_of_a_site(function: str, handler: str) -> None:
    """G8, D8: the server and image functions use the wrapper that accepts only requests from the edge.

    Pulumi ignores changes of code, environment and layers, because releases set them.
    """
    made = get_recording("dev").find_resource(FUNCTION, f"site-next-site-{function}")
    assert made.inputs["handler"] == handler
    assert made.inputs["runtime"] == "nodejs22.x"
    assert "environment" not in made.inputs
    assert set(made.ignore_changes) == {"code", "environment", "layers"}


def test_the_server_function_has_the_memory_size_of_the_sites_settings() -> None:
    server = get_recording("production").find_resource(FUNCTION, "site-next-site-server")
    assert server.inputs["memorySize"] == 1536


def test_failed_revalidations_are_kept_but_raise_no_alarm() -> None:
    """A revalidation runs code of the tenant, and errors in this code raise no alarm."""
    recorded = get_recording("dev")
    assert recorded.find_resource("aws:sqs/queue:Queue", "site-next-site-revalidate-dead")
    alarms = {alarm.name for alarm in recorded.find_by_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert {name for name in alarms if name.endswith("-dead")} == {
        "builds-dead",
        "images-uploads-dead",
        "releases-dead",
    }


def read_build_project(stage: str = "dev") -> dict[str, Any]:
    (made,) = get_recording(stage).find_by_type("aws:codebuild/project:Project")
    return dict(made.inputs)


def read_variables(project: Mapping[str, Any]) -> dict[str, str]:
    variables = project["environment"]["environmentVariables"]
    return {variable["name"]: variable["value"] for variable in variables}


def test_the_repository_can_replace_neither_the_buildspec_nor_the_build_tools() -> None:
    """Requirement P6: the name of the zip contains the hash of its content."""
    (zipped,) = get_recording("dev").find_by_type("aws:s3/bucketObjectv2:BucketObjectv2")
    content = base64.b64decode(zipped.inputs["contentBase64"])
    source = read_build_project()["source"]
    assert source["type"] == "S3"
    assert source["location"] == (
        f"anchor-dev-123456789012-artifacts/build-tools/{hashlib.sha256(content).hexdigest()}.zip"
    )
    assert yaml.safe_load(source["buildspec"])["phases"]


def test_a_build_has_four_gigabytes_and_thirty_minutes() -> None:
    """Requirement P5."""
    made = read_build_project()
    assert made["environment"]["computeType"] == "BUILD_GENERAL1_SMALL"
    assert read_variables(made)["ANCHOR_BUILD_MEMORY"] == "4096"
    assert made["buildTimeout"] == 30
    assert made["environment"]["privilegedMode"] is False


def test_the_settings_of_a_site_decide_its_compute_type_and_which_next_versions_it_may_release() -> None:
    """P5 and F3."""
    settings = {"name": "docs", "buildComputeType": "BUILD_GENERAL1_LARGE", "allowVulnerableNext": True}
    recorded = record_main_program("dev", {"sites": [settings]})
    (made,) = recorded.find_by_type("aws:codebuild/project:Project")
    row = recorded.find_resource("aws:dynamodb/tableItem:TableItem", "site-docs")

    assert made.inputs["environment"]["computeType"] == "BUILD_GENERAL1_LARGE"
    assert read_variables(made.inputs)["ANCHOR_BUILD_MEMORY"] == "16384"
    assert json.loads(row.inputs["item"])["allowsVulnerableNext"] == {"BOOL": True}


def test_the_settings_of_a_site_decide_the_timeout_of_its_server() -> None:
    """The other functions of the site keep their timeout."""
    recorded = record_main_program("dev", {"sites": [{"name": "docs", "timeout": 300}]})
    timeouts = {
        name: recorded.find_resource("aws:lambda/function:Function", f"site-docs-{name}").inputs["timeout"]
        for name in ("server", "image", "revalidate")
    }
    assert timeouts == {"server": 300, "image": 30, "revalidate": 30}


@pytest.mark.parametrize(("stage", "cpu"), [("dev", "arm64"), ("local", "x64")])
def test_a_build_knows_the_cpu_architecture_of_the_functions(stage: str, cpu: str) -> None:
    """Requirement D7."""
    assert read_variables(read_build_project(stage)) == {
        "ANCHOR_BUILD_MEMORY": "4096",
        "ANCHOR_LAMBDA_ARCH": cpu,
        "NEXT_TELEMETRY_DISABLED": "1",
    }


def test_a_build_is_logged_in_cloudwatch_and_in_the_logs_bucket() -> None:
    """Requirement P5."""
    logs = read_build_project()["logsConfig"]
    assert logs["cloudwatchLogs"]["groupName"] == "/aws/codebuild/anchor-dev-site-next-site-build"
    assert logs["s3Logs"]["location"] == "anchor-dev-123456789012-logs/logs/builds/next-site"


def test_a_build_has_access_to_its_own_artifacts_logs_and_secrets() -> None:
    """Requirement P6."""
    artifacts, logs = (f"arn:aws:s3:::anchor-dev-123456789012-{name}" for name in ("artifacts", "logs"))
    secrets = "arn:aws:ssm:ap-southeast-1:123456789012:parameter/anchor/dev/sites/next-site/*"
    build_tools = {f"{artifacts}/build-tools/*"}
    assert list_permissions("site-next-site-build") == {
        "s3:GetObject": build_tools,
        "s3:GetObjectVersion": build_tools,
        "s3:PutObject": {f"{artifacts}/artifacts/next-site/*", f"{logs}/logs/builds/next-site/*"},
        "s3:GetBucketAcl": {artifacts, logs},
        "s3:GetBucketLocation": {artifacts, logs},
        "ssm:GetParameters": {secrets},
        "kms:Decrypt": {"arn:aws:kms:ap-southeast-1:123456789012:key/secrets"},
    }


def test_a_build_may_decrypt_only_its_own_parameters() -> None:
    """Requirements P6 and A4."""
    (decrypt,) = [
        statement.document["Condition"]
        for statement in read_policy_statements(get_recording("dev"))
        if statement.resource_urn.endswith("RolePolicy::site-next-site-build")
        and statement.actions == ["kms:Decrypt"]
    ]
    assert decrypt == {
        "StringEquals": {"kms:ViaService": "ssm.ap-southeast-1.amazonaws.com"},
        "StringLike": {
            "kms:EncryptionContext:PARAMETER_ARN": (
                "arn:aws:ssm:ap-southeast-1:123456789012:parameter/anchor/dev/sites/next-site/*"
            )
        },
    }


def test_only_codebuild_assumes_the_build_role_and_only_for_its_project() -> None:
    """Requirement P6."""
    role = get_recording("dev").find_resource("aws:iam/role:Role", "site-next-site-build")
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "codebuild.amazonaws.com"}
    arn = "arn:aws:codebuild:ap-southeast-1:123456789012:project/anchor-dev-site-next-site-build"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arn}}


def test_the_longest_site_name_fits_all_limits() -> None:
    recorded = record_main_program("production", {"sites": [{"name": "a" * 28}]})
    limits = {
        "aws:iam/role:Role": 64,
        FUNCTION: 64,
        "aws:sqs/queue:Queue": 80,
        "aws:dynamodb/table:Table": 255,
        "aws:codebuild/project:Project": 150,
    }
    for kind, limit in limits.items():
        assert all(len(resource.inputs["name"]) <= limit for resource in recorded.find_by_type(kind)), kind


def test_the_live_alias_processes_revalidations() -> None:
    """D3, D4: the queue calls the alias `live`, so the live release's version processes the messages."""
    recorded = get_recording("dev")
    (alias,) = recorded.find_by_type("aws:lambda/alias:Alias")
    assert (alias.inputs["name"], alias.inputs["functionName"]) == (
        "live",
        "anchor-dev-site-next-site-revalidate",
    )
    assert set(alias.ignore_changes) == {"functionVersion"}
    mapping = recorded.find_resource(
        "aws:lambda/eventSourceMapping:EventSourceMapping", "site-next-site-revalidate"
    )
    assert mapping.inputs["functionName"].endswith(":function:anchor-dev-site-next-site-revalidate:live")
