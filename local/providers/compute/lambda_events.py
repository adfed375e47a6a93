"""Lambda: event source mappings, and the settings for asynchronous invocations and recursive calls."""

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
    find_removed_tags,
    parse_answer,
    pick_properties,
    read_single_block,
    read_tags,
)

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
MAPPING = {
    "BatchSize": "batchSize",
    "MaximumBatchingWindowInSeconds": "maximumBatchingWindowInSeconds",
    "FunctionResponseTypes": "functionResponseTypes",
    "BisectBatchOnFunctionError": "bisectBatchOnFunctionError",
    "MaximumRetryAttempts": "maximumRetryAttempts",
    "MaximumRecordAgeInSeconds": "maximumRecordAgeInSeconds",
    "ParallelizationFactor": "parallelizationFactor",
}
INVOKE_CONFIG = {
    "MaximumRetryAttempts": "maximumRetryAttempts",
    "MaximumEventAgeInSeconds": "maximumEventAgeInSeconds",
}

OUTCOMES = {"OnFailure": "onFailure", "OnSuccess": "onSuccess"}


@register_creator("aws:lambda/eventSourceMapping:EventSourceMapping")
def create_event_source_mapping(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Connect a queue or stream to a function."""
    properties = declared.properties
    made = aws.client("lambda").create_event_source_mapping(
        EventSourceArn=properties["eventSourceArn"],
        FunctionName=properties["functionName"],
        Enabled=properties.get("enabled", True),
        **pick_properties(properties, StartingPosition="startingPosition"),
        **({"Tags": read_tags(properties)} if read_tags(properties) else {}),
        **_build_mapping(properties),
    )
    return CreatedResource(
        id=made["UUID"],
        outputs={
            "uuid": made["UUID"],
            "arn": aws.build_arn("lambda", f"event-source-mapping:{made['UUID']}"),
            "functionArn": made["FunctionArn"],
            "state": made["State"],
        },
    )


@register_updater("aws:lambda/eventSourceMapping:EventSourceMapping")
def update_event_source_mapping(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the mapping's function, settings and tags. The event source cannot change."""
    client, properties = aws.client("lambda"), declared.properties
    client.update_event_source_mapping(
        UUID=made.id,
        FunctionName=properties["functionName"],
        Enabled=properties.get("enabled", True),
        **_build_mapping(properties),
    )
    arn = aws.build_arn("lambda", f"event-source-mapping:{made.id}")
    if removed := find_removed_tags(client.list_tags(Resource=arn).get("Tags", {}), properties):
        client.untag_resource(Resource=arn, TagKeys=removed)
    if wanted := read_tags(properties):
        client.tag_resource(Resource=arn, Tags=wanted)
    return made


@register_reader("aws:lambda/eventSourceMapping:EventSourceMapping")
def read_event_source_mapping(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the event source mapping. Its function is a name or an ARN, as the program declares it."""
    client = aws.client("lambda")
    mapping = client.get_event_source_mapping(UUID=made.id)
    arn = aws.build_arn("lambda", f"event-source-mapping:{made.id}")
    function: str = mapping["FunctionArn"]
    if not str(declared.properties.get("functionName", "")).startswith("arn:"):
        function = function.split(":", 6)[6]
    failures = mapping.get("DestinationConfig", {}).get("OnFailure", {})
    filters = mapping.get("FilterCriteria", {}).get("Filters", [])
    return {
        "functionName": function,
        "enabled": mapping["State"] not in {"Disabled", "Disabling"},
        "destinationConfig": {"onFailure": parse_answer(failures, Destination="destinationArn")},
        "filterCriteria": {"filters": [parse_answer(rule, Pattern="pattern") for rule in filters]},
        "scalingConfig": parse_answer(
            mapping.get("ScalingConfig", {}), MaximumConcurrency="maximumConcurrency"
        ),
        "tags": client.list_tags(Resource=arn).get("Tags", {}),
        **parse_answer(
            mapping, EventSourceArn="eventSourceArn", StartingPosition="startingPosition", **MAPPING
        ),
    }


def _build_mapping(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(properties, **MAPPING)
    failures = read_single_block(read_single_block(properties.get("destinationConfig")).get("onFailure"))
    if failures:
        arguments["DestinationConfig"] = {"OnFailure": {"Destination": failures["destinationArn"]}}
    scaling = read_single_block(properties.get("scalingConfig"))
    if scaling:
        arguments["ScalingConfig"] = pick_properties(scaling, MaximumConcurrency="maximumConcurrency")
    filters = read_single_block(properties.get("filterCriteria")).get("filters")
    if filters:
        arguments["FilterCriteria"] = {
            "Filters": [pick_properties(rule, Pattern="pattern") for rule in filters]
        }
    return arguments


@register_deleter("aws:lambda/eventSourceMapping:EventSourceMapping")
def delete_event_source_mapping(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> None:
    """Delete the event source mapping. The queue keeps its messages."""
    aws.client("lambda").delete_event_source_mapping(UUID=made.id)


@register_creator("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", repeatable=True)
def create_event_invoke_config(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set retries and destinations of asynchronous invocations."""
    properties = declared.properties
    name = properties["functionName"]
    qualifier = pick_properties(properties, Qualifier="qualifier")
    arguments = pick_properties(properties, **INVOKE_CONFIG)
    destinations = read_single_block(properties.get("destinationConfig"))
    if destinations:
        arguments["DestinationConfig"] = {
            outcome: {"Destination": read_single_block(destinations[key])["destination"]}
            for outcome, key in OUTCOMES.items()
            if destinations.get(key)
        }
    aws.client("lambda").put_function_event_invoke_config(FunctionName=name, **qualifier, **arguments)
    return CreatedResource(id=":".join([name, *qualifier.values()]))


@register_reader(
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", unreadable=("functionName", "qualifier")
)
def read_event_invoke_config(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> Properties:
    """Return retries and destinations."""
    properties = declared.properties
    config = aws.client("lambda").get_function_event_invoke_config(
        FunctionName=properties["functionName"], **pick_properties(properties, Qualifier="qualifier")
    )
    destinations = config.get("DestinationConfig", {})
    return {
        "destinationConfig": {
            key: parse_answer(destinations[outcome], Destination="destination")
            for outcome, key in OUTCOMES.items()
            if destinations.get(outcome)
        },
        **parse_answer(config, **INVOKE_CONFIG),
    }


@register_deleter("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
def delete_event_invoke_config(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> None:
    """Delete the settings, so that AWS's default settings apply again."""
    properties = declared.properties
    aws.client("lambda").delete_function_event_invoke_config(
        FunctionName=properties["functionName"], **pick_properties(properties, Qualifier="qualifier")
    )


@register_creator("aws:lambda/functionRecursionConfig:FunctionRecursionConfig", repeatable=True)
def create_recursion_config(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set whether Lambda drops calls in a chain of recursive calls."""
    properties = declared.properties
    aws.client("lambda").put_function_recursion_config(
        FunctionName=properties["functionName"], RecursiveLoop=properties["recursiveLoop"]
    )
    return CreatedResource(id=properties["functionName"])


@register_reader("aws:lambda/functionRecursionConfig:FunctionRecursionConfig", unreadable=("functionName",))
def read_recursion_config(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the setting for recursive calls."""
    return parse_answer(
        aws.client("lambda").get_function_recursion_config(FunctionName=made.id),
        RecursiveLoop="recursiveLoop",
    )


@register_deleter("aws:lambda/functionRecursionConfig:FunctionRecursionConfig")
def delete_recursion_config(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Restore AWS's default for recursive calls: Lambda drops them."""
    aws.client("lambda").put_function_recursion_config(FunctionName=made.id, RecursiveLoop="Terminate")
