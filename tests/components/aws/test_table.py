"""TenantTable: keys, indexes, options and grants."""

import json
from typing import Any

import pulumi
import pytest

from components.aws.table import TenantTable, TenantTableArgs
from components.aws.table_design import Index, Key, TableDesign
from components.core.errors import DeclarationError
from components.core.grants import Grant, build_policy_document
from components.deploy.tables import DEPLOYMENTS, PROJECTS
from tests.components.recorder import Recording, list_dynamodb_tables, record_program
from tests.components.stages import make_scope

TABLE = "aws:dynamodb/table:Table"
IMAGES = TableDesign(
    partition_key=Key("PK"),
    sort_key=Key("SK"),
    indexes=(
        Index(
            name="UserIndex",
            partition_key=Key("GSI1PK"),
            sort_key=Key("GSI1SK"),
            projection=("title", "size"),
            purpose="a user's images",
        ),
        Index(name="Taken", partition_key=Key("day", "N"), projection="KEYS_ONLY", purpose="images of a day"),
    ),
    tenant="userId",
    tenant_key="GSI1PK",
    ttl_attribute="ttl",
    stream=True,
)


def record_table(design: TableDesign = IMAGES, *, stage: str = "dev", **arguments: Any) -> Recording:  # noqa: ANN401
    return record_program(
        lambda: TenantTable("images", TenantTableArgs(scope=make_scope(stage), design=design, **arguments)),
        stage=stage,
    )


def make_index(number: int) -> Index:
    return Index(name=f"Index{number}", partition_key=Key("userId"), purpose="a test")


def test_a_design_becomes_an_on_demand_encrypted_table() -> None:
    """Requirement T1."""
    inputs = record_table().find_resource(TABLE, "images").inputs
    assert inputs["name"] == "anchor-dev-images"
    assert inputs["billingMode"] == "PAY_PER_REQUEST"
    assert (inputs["hashKey"], inputs["rangeKey"]) == ("PK", "SK")
    assert inputs["ttl"] == {"attributeName": "ttl", "enabled": True}
    assert (inputs["streamEnabled"], inputs["streamViewType"]) == (True, "NEW_AND_OLD_IMAGES")
    assert inputs["serverSideEncryption"] == {"enabled": True}


def test_indexes_have_their_keys_and_projection() -> None:
    """Requirement T1."""
    assert record_table().find_resource(TABLE, "images").inputs["globalSecondaryIndexes"] == [
        {
            "name": "UserIndex",
            "keySchemas": [
                {"attributeName": "GSI1PK", "keyType": "HASH"},
                {"attributeName": "GSI1SK", "keyType": "RANGE"},
            ],
            "projectionType": "INCLUDE",
            "nonKeyAttributes": ["title", "size"],
        },
        {
            "name": "Taken",
            "keySchemas": [{"attributeName": "day", "keyType": "HASH"}],
            "projectionType": "KEYS_ONLY",
        },
    ]


def test_each_key_attribute_and_no_other_is_declared_once() -> None:
    """Requirement T4."""
    assert record_table().find_resource(TABLE, "images").inputs["attributes"] == [
        {"name": "GSI1PK", "type": "S"},
        {"name": "GSI1SK", "type": "S"},
        {"name": "PK", "type": "S"},
        {"name": "SK", "type": "S"},
        {"name": "day", "type": "N"},
    ]


def test_sort_key_ttl_and_stream_are_optional() -> None:
    """Requirement T1."""
    inputs = (
        record_table(TableDesign(partition_key=Key("userId"), tenant="userId"))
        .find_resource(TABLE, "images")
        .inputs
    )
    assert not {"rangeKey", "ttl", "streamViewType"} & inputs.keys()
    assert inputs["streamEnabled"] is False


@pytest.mark.parametrize(
    ("stage", "recovery", "enabled"),
    [("production", None, True), ("staging", None, False), ("dev", True, True), ("production", False, False)],
)
def test_point_in_time_recovery_follows_the_retention_or_the_argument(
    stage: str, *, recovery: bool | None, enabled: bool
) -> None:
    """Requirement T1."""
    table = record_table(stage=stage, point_in_time_recovery=recovery).find_resource(TABLE, "images")
    assert table.inputs["pointInTimeRecovery"] == {"enabled": enabled}


def test_a_customer_key_can_encrypt_a_table() -> None:
    """Requirement T1."""
    table = record_table(key_arn="arn:aws:kms:::key/1").find_resource(TABLE, "images")
    assert table.inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": "arn:aws:kms:::key/1"}


def test_a_table_without_a_query_by_tenant_is_refused() -> None:
    """Requirement T2."""
    with pytest.raises(
        DeclarationError,
        match="no query finds the rows of a tenant by 'userId': the partition keys are id, day",
    ):
        TableDesign(
            partition_key=Key("id"),
            indexes=(Index(name="Days", partition_key=Key("day"), purpose="days"),),
            tenant="userId",
        )


@pytest.mark.parametrize(
    "design",
    [
        {"partition_key": Key("userId")},
        {"partition_key": Key("id"), "indexes": (make_index(1),)},
        {"partition_key": Key("PK"), "tenant_key": "PK"},
    ],
)
def test_the_tenant_can_be_a_table_key_an_index_key_or_a_part_of_a_key(design: dict[str, Any]) -> None:
    """Requirement T2."""
    assert TableDesign(tenant="userId", **design).tenant == "userId"


def test_a_table_has_at_most_twenty_indexes() -> None:
    """Requirement T4."""
    assert TableDesign(partition_key=Key("id"), indexes=tuple(map(make_index, range(20))), tenant="userId")
    with pytest.raises(DeclarationError, match="21 indexes; DynamoDB allows 20"):
        TableDesign(partition_key=Key("id"), indexes=tuple(map(make_index, range(21))), tenant="userId")


def test_a_repeated_index_name_is_refused() -> None:
    """Requirement T4."""
    with pytest.raises(DeclarationError, match="index 'Index1' is declared 2 times"):
        TableDesign(partition_key=Key("id"), indexes=(make_index(1), make_index(1)), tenant="userId")


@pytest.mark.parametrize("name", ["ab", "x" * 256, "with space", "ümlaut"])
def test_invalid_names_are_refused(name: str) -> None:
    """Requirement T4."""
    with pytest.raises(DeclarationError, match="3 to 255 of"):
        TableDesign(
            partition_key=Key("a"),
            indexes=(Index(name=name, partition_key=Key("b"), purpose="x"),),
            tenant="a",
        )
    with pytest.raises(DeclarationError, match="3 to 255 of"):
        record_program(
            lambda: TenantTable(f"{name}/{'x' * 250}", TenantTableArgs(scope=make_scope(), design=PROJECTS))
        )


def test_an_attribute_with_two_types_is_refused() -> None:
    """Requirement T4."""
    with pytest.raises(DeclarationError, match="attribute 'at' is N in one key and S in another"):
        TableDesign(
            partition_key=Key("userId"),
            sort_key=Key("at", "N"),
            indexes=(Index(name="Times", partition_key=Key("at", "S"), purpose="times"),),
            tenant="userId",
        )


@pytest.mark.parametrize(
    ("projection", "problem"), [((), "projects nothing"), (("title", "SK"), "projects SK")]
)
def test_a_projection_without_additional_attributes_is_refused(
    projection: tuple[str, ...], problem: str
) -> None:
    """Requirement T1."""
    with pytest.raises(DeclarationError, match=problem):
        TableDesign(
            partition_key=Key("PK"),
            sort_key=Key("SK"),
            indexes=(
                Index(name="Users", partition_key=Key("userId"), projection=projection, purpose="users"),
            ),
            tenant="userId",
        )


def test_a_grant_allows_listed_actions_on_the_table_or_one_index() -> None:
    """Requirement T3."""
    policy: list[Any] = []

    def define_resources() -> None:
        table = TenantTable("images", TenantTableArgs(scope=make_scope(), design=IMAGES))
        grants: tuple[Grant, ...] = (
            table.grant("GetItem", "PutItem"),
            table.grant("DeleteItem", partition_key="IMAGE#1"),
            table.grant("UpdateItem", partition_prefix="IMAGE#"),
            table.grant_in_transactions("DeleteItem", partition_key="IMAGE#1"),
            table.grant_query("UserIndex"),
        )
        pulumi.Output.from_input(build_policy_document(grants)).apply(
            lambda document: policy.append(json.loads(document))
        )

    record_program(define_resources)
    arn = "arn:aws:dynamodb:ap-southeast-1:123456789012:table/anchor-dev-images"
    assert policy[0]["Statement"] == [
        {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:PutItem"], "Resource": [arn]},
        {
            "Effect": "Allow",
            "Action": ["dynamodb:DeleteItem"],
            "Resource": [arn],
            "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "IMAGE#1"}},
        },
        {
            "Effect": "Allow",
            "Action": ["dynamodb:UpdateItem"],
            "Resource": [arn],
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "IMAGE#*"}},
        },
        {
            "Effect": "Allow",
            "Action": ["dynamodb:DeleteItem"],
            "Resource": [arn],
            "Condition": {
                "ForAnyValue:StringEquals": {
                    "dynamodb:LeadingKeys": "IMAGE#1",
                    "dynamodb:EnclosingOperation": "TransactWriteItems",
                }
            },
        },
        {"Effect": "Allow", "Action": ["dynamodb:Query"], "Resource": [f"{arn}/index/UserIndex"]},
    ]


def test_a_grant_on_an_unknown_index_is_refused() -> None:
    """Requirement T3."""
    with pytest.raises(DeclarationError, match="unknown index 'Nope'; the table has UserIndex, Taken"):
        record_program(
            lambda: TenantTable("images", TenantTableArgs(scope=make_scope(), design=IMAGES)).grant_query(
                "Nope"
            )
        )


def test_the_tables_of_projects_and_deployments_have_their_keys() -> None:
    """Requirements T5 and T6."""
    tables = {table["TableName"]: table for table in list_dynamodb_tables("dev")}
    assert read_keys(tables["anchor-dev-projects"]) == {
        "": ("projectId", "sk"),
        "UserIdIndex": ("userId", "createdAt"),
    }
    assert read_keys(tables["anchor-dev-deployments"]) == {
        "": ("projectId", "deploymentId"),
        "DeploymentIdIndex": ("deploymentId",),
        "UserIdIndex": ("userId", "deploymentId"),
        "LeaseIndex": ("lease", "leaseUntil"),
        "HeldIndex": ("held", "deploymentId"),
    }


def test_rows_of_projects_and_deployments_expire() -> None:
    """T5: rows of webhook deliveries expire when GitHub can no longer redeliver these webhooks (P3).

    T6: rows of deployments expire after their project is deleted.
    """
    assert PROJECTS.ttl_attribute == "expiresAt"
    assert DEPLOYMENTS.ttl_attribute == "expiresAt"


def read_keys(table: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    keyed = {"": table["KeySchema"]}
    keyed |= {index["IndexName"]: index["KeySchema"] for index in table["GlobalSecondaryIndexes"]}
    return {name: tuple(key["AttributeName"] for key in keys) for name, keys in keyed.items()}
