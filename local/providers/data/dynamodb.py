"""DynamoDB: tables (indexes, TTL, stream, encryption, recovery), and the items that the program declares."""

import json
from typing import Any

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    find_removed_tags,
    parse_answer,
    parse_tag_list,
    pick_properties,
    read_single_block,
)


@register_creator("aws:dynamodb/table:Table")
def create_table(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a table and wait until it is available."""
    properties = declared.properties
    client = aws.client("dynamodb")
    name = declared.get_physical_name()
    arguments: dict[str, Any] = {
        "TableName": name,
        "BillingMode": properties.get("billingMode", "PROVISIONED"),
        "AttributeDefinitions": _build_attribute_definitions(properties),
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
    if encryption := _build_encryption(properties):
        arguments["SSESpecification"] = encryption
    description = client.create_table(**arguments)["TableDescription"]
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    _configure_table(aws, name, properties)
    return CreatedResource(id=name, outputs=build_table_outputs(description))


@register_updater("aws:dynamodb/table:Table")
def update_table(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update everything except the name and the key. Indexes are deleted and created one after another."""
    properties = declared.properties
    client = aws.client("dynamodb")
    present = client.describe_table(TableName=made.id)["Table"]
    if _read_stream(present) != parse_answer(
        properties, streamEnabled="streamEnabled", streamViewType="streamViewType"
    ):
        _update_stream(aws, present, properties)
    _update_indexes(aws, made.id, properties)
    client.update_table(
        TableName=made.id,
        BillingMode=properties.get("billingMode", "PROVISIONED"),
        DeletionProtectionEnabled=bool(properties.get("deletionProtectionEnabled")),
        SSESpecification=_build_encryption(properties) or {"Enabled": False},
        **pick_properties(properties, TableClass="tableClass"),
    )
    _configure_table(aws, made.id, properties)
    arn = present["TableArn"]
    tags = parse_tag_list(client.list_tags_of_resource(ResourceArn=arn)["Tags"])
    if removed := find_removed_tags(tags, properties):
        client.untag_resource(ResourceArn=arn, TagKeys=removed)
    if wanted := build_tag_list(properties):
        client.tag_resource(ResourceArn=arn, Tags=wanted)
    return CreatedResource(
        id=made.id, outputs=build_table_outputs(client.describe_table(TableName=made.id)["Table"])
    )


def _update_stream(aws: ProviderContext, present: Properties, properties: Properties) -> None:
    """Disable the present stream, because DynamoDB cannot change a view type. Then enable the new stream."""
    client, name = aws.client("dynamodb"), present["TableName"]
    if present.get("StreamSpecification", {}).get("StreamEnabled"):
        client.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    if properties.get("streamEnabled"):
        client.update_table(
            TableName=name,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": properties["streamViewType"]},
        )


def _update_indexes(aws: ProviderContext, name: str, properties: Properties) -> None:
    """Delete and create indexes. `UpdateTable` accepts one of these changes at a time."""
    client = aws.client("dynamodb")
    present = client.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", [])
    wanted = {index["name"]: index for index in properties.get("globalSecondaryIndexes") or []}
    kept: set[str] = set()
    for index in present:
        index_name = index["IndexName"]
        if index_name in wanted and _is_same_index(wanted[index_name], index):
            kept.add(index_name)
        else:
            client.update_table(
                TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": index_name}}]
            )
    for index_name in sorted(wanted.keys() - kept):
        client.update_table(
            TableName=name,
            AttributeDefinitions=_build_attribute_definitions(properties),
            GlobalSecondaryIndexUpdates=[{"Create": _build_index(wanted[index_name])}],
        )


def _is_same_index(declared: Properties, present: Properties) -> bool:
    wanted = _build_index(declared)
    return (
        wanted["KeySchema"] == present["KeySchema"]
        and wanted["Projection"]["ProjectionType"] == present["Projection"]["ProjectionType"]
        and sorted(wanted["Projection"].get("NonKeyAttributes", []))
        == sorted(present["Projection"].get("NonKeyAttributes", []))
    )


def build_table_outputs(description: Properties) -> Properties:
    """Return the outputs of a table from an answer of DynamoDB."""
    return {
        "arn": description["TableArn"],
        "name": description["TableName"],
        **parse_answer(description, LatestStreamArn="streamArn", LatestStreamLabel="streamLabel"),
    }


def _build_attribute_definitions(properties: Properties) -> list[dict[str, str]]:
    return [
        {"AttributeName": attribute["name"], "AttributeType": attribute["type"]}
        for attribute in properties["attributes"]
    ]


def _build_encryption(properties: Properties) -> dict[str, Any]:
    """Return the settings for encryption with a KMS key. {} means DynamoDB's own encryption, the default."""
    encryption = read_single_block(properties.get("serverSideEncryption"))
    if not encryption.get("enabled"):
        return {}
    return {"Enabled": True, "SSEType": "KMS", **pick_properties(encryption, KMSMasterKeyId="kmsKeyArn")}


def _configure_table(aws: ProviderContext, name: str, properties: Properties) -> None:
    """Set the time to live and point-in-time recovery, because `CreateTable` cannot set them."""
    client = aws.client("dynamodb")
    ttl = read_single_block(properties.get("ttl"))
    present = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    wanted = ttl["attributeName"] if ttl.get("enabled", bool(ttl)) else None
    current = present.get("AttributeName") if present["TimeToLiveStatus"] == "ENABLED" else None
    if current and current != wanted:
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": False, "AttributeName": current}
        )
    if wanted and current != wanted:
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": wanted}
        )
    recovery = read_single_block(properties.get("pointInTimeRecovery"))
    is_wanted = bool(recovery.get("enabled"))
    if is_wanted or _read_recovery(aws, name)["enabled"]:
        period = pick_properties(recovery, RecoveryPeriodInDays="recoveryPeriodInDays") if is_wanted else {}
        client.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": is_wanted, **period},
        )


@register_reader("aws:dynamodb/table:Table")
def read_table(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the table's key, indexes and settings."""
    client = aws.client("dynamodb")
    table = client.describe_table(TableName=made.id)["Table"]
    ttl = client.describe_time_to_live(TableName=made.id)["TimeToLiveDescription"]
    encryption = table.get("SSEDescription", {})
    return {
        "attributes": [
            {"name": attribute["AttributeName"], "type": attribute["AttributeType"]}
            for attribute in table["AttributeDefinitions"]
        ],
        "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "globalSecondaryIndexes": [_parse_index(index) for index in table.get("GlobalSecondaryIndexes", [])],
        "pointInTimeRecovery": _read_recovery(aws, made.id),
        "serverSideEncryption": {
            "enabled": encryption.get("Status") == "ENABLED",
            **parse_answer(encryption, KMSMasterKeyArn="kmsKeyArn"),
        },
        "tableClass": table.get("TableClassSummary", {}).get("TableClass", "STANDARD"),
        "tags": parse_tag_list(client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]),
        "ttl": {
            "enabled": ttl["TimeToLiveStatus"] == "ENABLED",
            **parse_answer(ttl, AttributeName="attributeName"),
        },
        **_parse_keys(table["KeySchema"]),
        **_read_stream(table),
        **parse_answer(table, TableName="name", DeletionProtectionEnabled="deletionProtectionEnabled"),
    }


def _read_recovery(aws: ProviderContext, name: str) -> Properties:
    answer = aws.client("dynamodb").describe_continuous_backups(TableName=name)
    recovery = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return {
        "enabled": recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        **parse_answer(recovery, RecoveryPeriodInDays="recoveryPeriodInDays"),
    }


def _read_stream(table: Properties) -> Properties:
    stream = table.get("StreamSpecification", {})
    return parse_answer(stream, StreamEnabled="streamEnabled", StreamViewType="streamViewType")


def _parse_keys(schema: list[dict[str, str]]) -> Properties:
    names = {"HASH": "hashKey", "RANGE": "rangeKey"}
    return {names[key["KeyType"]]: key["AttributeName"] for key in schema}


def _parse_index(index: Properties) -> Properties:
    return {
        "name": index["IndexName"],
        "keySchemas": [
            parse_answer(key, AttributeName="attributeName", KeyType="keyType") for key in index["KeySchema"]
        ],
        **_parse_keys(index["KeySchema"]),
        **parse_answer(
            index["Projection"], ProjectionType="projectionType", NonKeyAttributes="nonKeyAttributes"
        ),
    }


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


@register_deleter("aws:dynamodb/table:Table")
def delete_table(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the table with its items."""
    aws.client("dynamodb").delete_table(TableName=made.id)


@register_creator("aws:dynamodb/tableItem:TableItem")
def create_table_item(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Write an item that the program manages. The call fails if the table has an item with this key."""
    properties = declared.properties
    item: dict[str, Any] = json.loads(properties["item"])
    aws.client("dynamodb").put_item(
        TableName=properties["tableName"],
        Item=item,
        ConditionExpression="attribute_not_exists(#key)",
        ExpressionAttributeNames={"#key": properties["hashKey"]},
    )
    parts = [properties["tableName"]]
    for name, value in _build_key(properties, item).items():
        parts += [name, *map(str, value.values())]
    return CreatedResource(id="|".join(parts))


@register_updater("aws:dynamodb/tableItem:TableItem")
def update_table_item(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Replace the item."""
    properties = declared.properties
    aws.client("dynamodb").put_item(TableName=properties["tableName"], Item=json.loads(properties["item"]))
    return made


@register_reader("aws:dynamodb/tableItem:TableItem", unreadable=("hashKey", "rangeKey", "tableName"))
def read_table_item(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> Properties | None:
    """Return the item."""
    properties = declared.properties
    key = _build_key(properties, json.loads(properties["item"]))
    answer = aws.client("dynamodb").get_item(TableName=properties["tableName"], Key=key, ConsistentRead=True)
    return {"item": json.dumps(answer["Item"])} if "Item" in answer else None


@register_deleter("aws:dynamodb/tableItem:TableItem")
def delete_table_item(aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource) -> None:
    """Delete the item."""
    properties = declared.properties
    key = _build_key(properties, json.loads(properties["item"]))
    aws.client("dynamodb").delete_item(TableName=properties["tableName"], Key=key)


def _build_key(properties: Properties, item: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        properties[name]: item[properties[name]] for name in ("hashKey", "rangeKey") if properties.get(name)
    }
