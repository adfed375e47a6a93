"""CloudFront: KeyValueStores and functions."""

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
)
from local.providers.network.cloudfront_values import (
    build_tags,
    make_counted_list,
    read_cloudfront_tags,
    update_cloudfront_tags,
)


@register_creator("aws:cloudfront/keyValueStore:KeyValueStore")
def create_key_value_store(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an empty KeyValueStore."""
    name = declared.get_physical_name()
    made = aws.client("cloudfront").create_key_value_store(
        Name=name, **pick_properties(declared.properties, Comment="comment"), **build_tags(declared)
    )
    store = made["KeyValueStore"]
    return CreatedResource(id=name, outputs={"arn": store["ARN"], "etag": made["ETag"], "name": name})


@register_updater("aws:cloudfront/keyValueStore:KeyValueStore")
def update_key_value_store(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the store's comment and tags. The keys stay."""
    client = aws.client("cloudfront")
    current = client.describe_key_value_store(Name=made.id)
    comment = declared.properties.get("comment", "")
    client.update_key_value_store(Name=made.id, IfMatch=current["ETag"], Comment=comment)
    update_cloudfront_tags(aws, current["KeyValueStore"]["ARN"], declared.properties)
    return made


@register_reader("aws:cloudfront/keyValueStore:KeyValueStore")
def read_key_value_store(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the store without its keys."""
    store = aws.client("cloudfront").describe_key_value_store(Name=made.id)["KeyValueStore"]
    return {
        "tags": read_cloudfront_tags(aws, store["ARN"]),
        **parse_answer(store, Name="name", Comment="comment"),
    }


@register_deleter("aws:cloudfront/keyValueStore:KeyValueStore")
def delete_key_value_store(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the store with its keys."""
    client = aws.client("cloudfront")
    etag = client.describe_key_value_store(Name=made.id)["ETag"]
    client.delete_key_value_store(Name=made.id, IfMatch=etag)


@register_creator("aws:cloudfront/function:Function")
def create_function(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a function. The local edge runs its code (local/edge/edge.py)."""
    name = declared.get_physical_name()
    client = aws.client("cloudfront")
    made = client.create_function(
        Name=name, **_build_function_config(declared.properties), **build_tags(declared)
    )
    return _publish_function(aws, declared, name, made["ETag"], made["FunctionSummary"])


@register_updater("aws:cloudfront/function:Function")
def update_function(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the function's code, its KeyValueStore association and its tags."""
    client = aws.client("cloudfront")

    def describe_development_stage() -> Any:  # noqa: ANN401 - boto3's answer
        return client.describe_function(Name=made.id, Stage="DEVELOPMENT")

    client.update_function(
        Name=made.id,
        IfMatch=describe_development_stage()["ETag"],
        **_build_function_config(declared.properties),
    )
    # Read the new ETag with another call. botocore expects the ETag of `UpdateFunction` in a header with the
    # misspelled name "ETtag", which the emulator does not send.
    changed = describe_development_stage()
    update_cloudfront_tags(
        aws, changed["FunctionSummary"]["FunctionMetadata"]["FunctionARN"], declared.properties
    )
    return _publish_function(aws, declared, made.id, changed["ETag"], changed["FunctionSummary"])


@register_reader("aws:cloudfront/function:Function", unreadable=("publish",))
def read_function(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the published version (stage `LIVE`) of the function, with its code."""
    client = aws.client("cloudfront")
    summary = client.describe_function(Name=made.id, Stage="LIVE")["FunctionSummary"]
    config = summary["FunctionConfig"]
    stores = config.get("KeyValueStoreAssociations", {}).get("Items", [])
    return {
        "code": client.get_function(Name=made.id, Stage="LIVE")["FunctionCode"].read().decode(),
        "keyValueStoreAssociations": [store["KeyValueStoreARN"] for store in stores],
        "name": made.id,
        "tags": read_cloudfront_tags(aws, summary["FunctionMetadata"]["FunctionARN"]),
        **parse_answer(config, Comment="comment", Runtime="runtime"),
    }


def _build_function_config(properties: Properties) -> dict[str, Any]:
    stores = [{"KeyValueStoreARN": arn} for arn in properties.get("keyValueStoreAssociations") or []]
    config: dict[str, Any] = {"Comment": properties.get("comment", ""), "Runtime": properties["runtime"]}
    if stores:
        config["KeyValueStoreAssociations"] = make_counted_list(stores)
    return {"FunctionConfig": config, "FunctionCode": str(properties["code"]).encode()}


def _publish_function(
    aws: ProviderContext, declared: DeclaredResource, name: str, etag: str, summary: dict[str, Any]
) -> CreatedResource:
    if declared.properties.get("publish", True):
        client = aws.client("cloudfront")
        summary = client.publish_function(Name=name, IfMatch=etag)["FunctionSummary"]
    outputs = {
        "arn": summary["FunctionMetadata"]["FunctionARN"],
        "etag": etag,
        "name": name,
        "status": summary.get("Status", "UNASSOCIATED"),
    }
    return CreatedResource(id=name, outputs=outputs)


@register_deleter("aws:cloudfront/function:Function")
def delete_function(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the function. The engine has already deleted the distributions that use the function."""
    client = aws.client("cloudfront")
    client.delete_function(
        Name=made.id, IfMatch=client.describe_function(Name=made.id, Stage="DEVELOPMENT")["ETag"]
    )
