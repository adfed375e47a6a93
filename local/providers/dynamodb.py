"""DynamoDB: tables with their indexes, TTL, stream, encryption and recovery; rows of the program's own."""

import json
from typing import Any

from local.providers.core.registry import creates, deletes
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one, tag_list


@creates("aws:dynamodb/table:Table")
def table(aws: Aws, declared: Declared) -> Made:
    """A table; it is there at once."""
    properties = declared.properties
    client = aws.client("dynamodb")
    name = declared.named()
    arguments: dict[str, Any] = {
        "TableName": name,
        "BillingMode": properties.get("billingMode", "PROVISIONED"),
        "AttributeDefinitions": [
            {"AttributeName": attribute["name"], "AttributeType": attribute["type"]}
            for attribute in properties["attributes"]
        ],
        "KeySchema": _key_schema(properties),
        "Tags": tag_list(properties),
        **given(properties, DeletionProtectionEnabled="deletionProtectionEnabled", TableClass="tableClass"),
    }
    if arguments["BillingMode"] == "PROVISIONED":
        arguments["ProvisionedThroughput"] = _throughput(properties)
    indexes: list[Properties] = properties.get("globalSecondaryIndexes") or []
    if indexes:
        arguments["GlobalSecondaryIndexes"] = [_index(index) for index in indexes]
    if properties.get("streamEnabled"):
        arguments["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": properties["streamViewType"],
        }
    encryption = one(properties.get("serverSideEncryption"))
    if encryption.get("enabled"):
        arguments["SSESpecification"] = {
            "Enabled": True,
            "SSEType": "KMS",
            **given(encryption, KMSMasterKeyId="kmsKeyArn"),
        }
    description = client.create_table(**arguments)["TableDescription"]
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    _configure(aws, name, properties)
    outputs = {"arn": description["TableArn"], "name": name}
    if "LatestStreamArn" in description:
        outputs.update(streamArn=description["LatestStreamArn"], streamLabel=description["LatestStreamLabel"])
    return Made(id=name, outputs=outputs)


def _configure(aws: Aws, name: str, properties: Properties) -> None:
    """What is a call of its own: TTL and recovery."""
    client = aws.client("dynamodb")
    ttl = one(properties.get("ttl"))
    if ttl.get("enabled", bool(ttl)):
        client.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": ttl["attributeName"]},
        )
    recovery = one(properties.get("pointInTimeRecovery"))
    if recovery.get("enabled"):
        client.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={
                "PointInTimeRecoveryEnabled": True,
                **given(recovery, RecoveryPeriodInDays="recoveryPeriodInDays"),
            },
        )


def _key_schema(keys: Properties) -> list[dict[str, str]]:
    """From `keySchemas` as the provider now has it, or from `hashKey` and `rangeKey`."""
    if keys.get("keySchemas"):
        return [
            {"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in keys["keySchemas"]
        ]
    pairs = ((keys["hashKey"], "HASH"), (keys.get("rangeKey"), "RANGE"))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in pairs if name]


def _index(index: Properties) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index["projectionType"]}
    if index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = index["nonKeyAttributes"]
    described = {"IndexName": index["name"], "KeySchema": _key_schema(index), "Projection": projection}
    if index.get("readCapacity"):
        described["ProvisionedThroughput"] = _throughput(index)
    return described


def _throughput(capacity: Properties) -> dict[str, int]:
    return {
        "ReadCapacityUnits": capacity.get("readCapacity", 1),
        "WriteCapacityUnits": capacity.get("writeCapacity", 1),
    }


@deletes("aws:dynamodb/table:Table")
def delete_table(aws: Aws, _declared: Declared, made: Made) -> None:
    """With its rows."""
    aws.client("dynamodb").delete_table(TableName=made.id)


@creates("aws:dynamodb/tableItem:TableItem", repeatable=True)
def table_item(aws: Aws, declared: Declared) -> Made:
    """A row that belongs to the program."""
    properties = declared.properties
    item: dict[str, Any] = json.loads(properties["item"])
    aws.client("dynamodb").put_item(TableName=properties["tableName"], Item=item)
    parts = [properties["tableName"]]
    for name, value in _key(properties, item).items():
        parts += [name, *map(str, value.values())]
    return Made(id="|".join(parts))


@deletes("aws:dynamodb/tableItem:TableItem")
def delete_table_item(aws: Aws, declared: Declared, _made: Made) -> None:
    """The row alone."""
    properties = declared.properties
    key = _key(properties, json.loads(properties["item"]))
    aws.client("dynamodb").delete_item(TableName=properties["tableName"], Key=key)


def _key(properties: Properties, item: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        properties[name]: item[properties[name]] for name in ("hashKey", "rangeKey") if properties.get(name)
    }
