"""Route 53: records. The program creates no zone: its settings contain the ID of an existing zone."""

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
    parse_answer,
    pick_properties,
    read_single_block,
)

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
ALIAS = {"HostedZoneId": "zoneId", "DNSName": "name", "EvaluateTargetHealth": "evaluateTargetHealth"}


@register_creator("aws:route53/record:Record")
def create_record(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a record. If it already exists, Route 53 refuses the call, except with `allowOverwrite`."""
    properties = declared.properties
    action = "UPSERT" if properties.get("allowOverwrite") else "CREATE"
    _send_changes(aws, properties["zoneId"], (action, _build_record(properties)))
    return _create_resource(properties)


@register_updater("aws:route53/record:Record")
def update_record(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Replace the values of the record. If its type changes, the same batch deletes the old record."""
    properties = declared.properties
    changes = [("UPSERT", _build_record(properties))]
    present = _find_record(aws, properties, _read_type(made))
    if present and present["Type"] != properties["type"]:
        changes.insert(0, ("DELETE", present))
    _send_changes(aws, properties["zoneId"], *changes)
    return _create_resource(properties)


def _create_resource(properties: Properties) -> CreatedResource:
    name = _normalize_name(properties["name"])
    return CreatedResource(
        id=f"{properties['zoneId']}_{name}_{properties['type']}", outputs={"fqdn": name, "name": name}
    )


def _read_type(made: CreatedResource) -> str:
    return made.id.rpartition("_")[2]


@register_reader("aws:route53/record:Record", unreadable=("allowOverwrite", "zoneId"))
def read_record(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> Properties | None:
    """Return the record. Names are returned in the declared form, with or without the last dot."""
    properties = declared.properties
    record = _find_record(aws, properties, _read_type(made))
    if record is None:
        return None
    found: Properties = {
        "name": properties["name"],
        "type": record["Type"],
        "records": [entry["Value"] for entry in record.get("ResourceRecords", [])],
        **parse_answer(record, TTL="ttl"),
    }
    if alias := record.get("AliasTarget"):
        parsed = parse_answer(alias, **ALIAS)
        found["aliases"] = [{**parsed, "name": _normalize_name(parsed["name"])}]
    return found


@register_deleter("aws:route53/record:Record")
def delete_record(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the record. The call to Route 53 must contain the present values of the record."""
    record = _find_record(aws, declared.properties, _read_type(made))
    if record is not None:
        _send_changes(aws, declared.properties["zoneId"], ("DELETE", record))


def _build_record(properties: Properties) -> dict[str, Any]:
    record: dict[str, Any] = {
        "Name": _normalize_name(properties["name"]),
        "Type": properties["type"],
        **pick_properties(properties, TTL="ttl"),
    }
    if values := properties.get("records"):
        record["ResourceRecords"] = [{"Value": value} for value in values]
    if alias := read_single_block(properties.get("aliases")):
        record["AliasTarget"] = pick_properties(alias, **ALIAS)
    return record


def _send_changes(aws: ProviderContext, zone_id: str, *changes: tuple[str, dict[str, Any]]) -> None:
    """Send a batch of changes. Each one is an action and a record."""
    client = aws.client("route53")
    change = client.change_resource_record_sets(
        HostedZoneId=zone_id,
        ChangeBatch={
            "Comment": "Managed by Pulumi",
            "Changes": [{"Action": action, "ResourceRecordSet": record} for action, record in changes],
        },
    )["ChangeInfo"]
    # Like the AWS provider, ask for the status of the change. The first answer is always PENDING. Do not ask
    # again, because the emulator applies each change at once.
    client.get_change(Id=change["Id"])


def _find_record(aws: ProviderContext, properties: Properties, kind: str) -> dict[str, Any] | None:
    name = _normalize_name(properties["name"])
    pages = aws.client("route53").get_paginator("list_resource_record_sets")
    for page in pages.paginate(HostedZoneId=properties["zoneId"]):
        for record in page["ResourceRecordSets"]:
            if (_normalize_name(record["Name"]), record["Type"]) == (name, kind):
                return record
    return None


def _normalize_name(name: str) -> str:
    r"""Return a name in the provider's form: lower case, no last dot, and `*` instead of `\052`."""
    return name.lower().rstrip(".").replace("\\052", "*")
