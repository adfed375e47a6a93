"""DynamoDB: tables (indexes, TTL, stream, encryption, recovery), and the items that the program declares."""

import json
from typing import Any

from local.providers.core.registry import creates, deletes
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    pick_properties,
    read_single_block,
)


@creates("aws:dynamodb/table:Table")
def create_table(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a table and wait until it is available."""
    properties = declared.properties
    client = aws.client("dynamodb")
    name = declared.physical_name()
    arguments: dict[str, Any] = {
        "TableName": name,
        "BillingMode": properties.get("billingMode", "PROVISIONED"),
        "AttributeDefinitions": [
            {"AttributeName": attribute["name"], "AttributeType": attribute["type"]}
            for attribute in properties["attributes"]
        ],
        "KeySchema": _build_key_schema(properties),
        "Tags": build_tag_list(properties),
        **pick_properties(
            properties, DeletionProtectionEnabled="deletionProtectionEnabled", TableClass="tableClass"
        ),
    }
    if arguments["BillingMode"] == "PROVISIONED":
        arguments["ProvisionedThroughput"] = _build_throughput(properties)
    indexes: list[Properties] = properties.get("globalSecondaryIndexes") or []
    if indexes:
        arguments["GlobalSecondaryIndexes"] = [_build_index(index) for index in indexes]
    if properties.get("streamEnabled"):
        arguments["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": properties["streamViewType"],
        }
    encryption = read_single_block(properties.get("serverSideEncryption"))
    if encryption.get("enabled"):
        arguments["SSESpecification"] = {
            "Enabled": True,
            "SSEType": "KMS",
            **pick_properties(encryption, KMSMasterKeyId="kmsKeyArn"),
        }
    description = client.create_table(**arguments)["TableDescription"]
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    _configure_table(aws, name, properties)
    outputs = {"arn": description["TableArn"], "name": name}
    if "LatestStreamArn" in description:
        outputs.update(streamArn=description["LatestStreamArn"], streamLabel=description["LatestStreamLabel"])
    return CreatedResource(id=name, outputs=outputs)


def _configure_table(aws: ProviderContext, name: str, properties: Properties) -> None:
    """Set the time to live and point-in-time recovery, because `CreateTable` cannot set them."""
    client = aws.client("dynamodb")
    ttl = read_single_block(properties.get("ttl"))
    if ttl.get("enabled", bool(ttl)):
        client.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": ttl["attributeName"]},
        )
    recovery = read_single_block(properties.get("pointInTimeRecovery"))
    if recovery.get("enabled"):
        client.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={
                "PointInTimeRecoveryEnabled": True,
                **pick_properties(recovery, RecoveryPeriodInDays="recoveryPeriodInDays"),
            },
        )


def _build_key_schema(keys: Properties) -> list[dict[str, str]]:
    """Return the key schema from `keySchemas`, or from `hashKey` and `rangeKey`."""
    if keys.get("keySchemas"):
        return [
            {"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in keys["keySchemas"]
        ]
    pairs = ((keys["hashKey"], "HASH"), (keys.get("rangeKey"), "RANGE"))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in pairs if name]


def _build_index(index: Properties) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index["projectionType"]}
    if index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = index["nonKeyAttributes"]
    described = {"IndexName": index["name"], "KeySchema": _build_key_schema(index), "Projection": projection}
    if index.get("readCapacity"):
        described["ProvisionedThroughput"] = _build_throughput(index)
    return described


def _build_throughput(capacity: Properties) -> dict[str, int]:
    return {
        "ReadCapacityUnits": capacity.get("readCapacity", 1),
        "WriteCapacityUnits": capacity.get("writeCapacity", 1),
    }


@deletes("aws:dynamodb/table:Table")
def delete_table(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the table with its items."""
    aws.client("dynamodb").delete_table(TableName=made.id)


@creates("aws:dynamodb/tableItem:TableItem", repeatable=True)
def create_table_item(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Write an item that the program declares."""
    properties = declared.properties
    item: dict[str, Any] = json.loads(properties["item"])
    aws.client("dynamodb").put_item(TableName=properties["tableName"], Item=item)
    parts = [properties["tableName"]]
    for name, value in _build_key(properties, item).items():
        parts += [name, *map(str, value.values())]
    return CreatedResource(id="|".join(parts))


@deletes("aws:dynamodb/tableItem:TableItem")
def delete_table_item(aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource) -> None:
    """Delete the item."""
    properties = declared.properties
    key = _build_key(properties, json.loads(properties["item"]))
    aws.client("dynamodb").delete_item(TableName=properties["tableName"], Key=key)


def _build_key(properties: Properties, item: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        properties[name]: item[properties[name]] for name in ("hashKey", "rangeKey") if properties.get(name)
    }
