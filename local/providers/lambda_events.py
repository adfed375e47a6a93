"""Lambda: event source mappings, recursive calls, and asynchronous invocations."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    pick_properties,
    read_single_block,
    read_tags,
)


@creates("aws:lambda/eventSourceMapping:EventSourceMapping")
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


@updates("aws:lambda/eventSourceMapping:EventSourceMapping")
def update_event_source_mapping(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the mapping's settings. The event source and the function do not change."""
    properties = declared.properties
    aws.client("lambda").update_event_source_mapping(
        UUID=made.id, Enabled=properties.get("enabled", True), **_build_mapping(properties)
    )
    return made


def _build_mapping(properties: Properties) -> dict[str, Any]:
    arguments = pick_properties(
        properties,
        BatchSize="batchSize",
        MaximumBatchingWindowInSeconds="maximumBatchingWindowInSeconds",
        FunctionResponseTypes="functionResponseTypes",
        BisectBatchOnFunctionError="bisectBatchOnFunctionError",
        MaximumRetryAttempts="maximumRetryAttempts",
        MaximumRecordAgeInSeconds="maximumRecordAgeInSeconds",
        ParallelizationFactor="parallelizationFactor",
    )
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


@deletes("aws:lambda/eventSourceMapping:EventSourceMapping")
def delete_event_source_mapping(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> None:
    """Delete the mapping. The queue keeps its messages."""
    aws.client("lambda").delete_event_source_mapping(UUID=made.id)


@creates("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", repeatable=True)
def create_event_invoke_config(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set retries and destinations of asynchronous invocations."""
    properties = declared.properties
    name = properties["functionName"]
    qualifier = pick_properties(properties, Qualifier="qualifier")
    arguments = pick_properties(
        properties,
        MaximumRetryAttempts="maximumRetryAttempts",
        MaximumEventAgeInSeconds="maximumEventAgeInSeconds",
    )
    destinations = read_single_block(properties.get("destinationConfig"))
    if destinations:
        arguments["DestinationConfig"] = {
            outcome: {"Destination": read_single_block(destinations[key])["destination"]}
            for outcome, key in (("OnFailure", "onFailure"), ("OnSuccess", "onSuccess"))
            if destinations.get(key)
        }
    aws.client("lambda").put_function_event_invoke_config(FunctionName=name, **qualifier, **arguments)
    return CreatedResource(id=":".join([name, *qualifier.values()]))


@deletes("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
def delete_event_invoke_config(
    aws: ProviderContext, declared: DeclaredResource, _made: CreatedResource
) -> None:
    """Delete the settings, so that AWS's default settings apply again."""
    properties = declared.properties
    aws.client("lambda").delete_function_event_invoke_config(
        FunctionName=properties["functionName"], **pick_properties(properties, Qualifier="qualifier")
    )


@creates("aws:lambda/functionRecursionConfig:FunctionRecursionConfig", repeatable=True)
def create_recursion_config(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set whether Lambda drops calls in a chain of recursive calls."""
    properties = declared.properties
    aws.client("lambda").put_function_recursion_config(
        FunctionName=properties["functionName"], RecursiveLoop=properties["recursiveLoop"]
    )
    return CreatedResource(id=properties["functionName"])


@deletes("aws:lambda/functionRecursionConfig:FunctionRecursionConfig")
def delete_recursion_config(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Restore AWS's default."""
    aws.client("lambda").put_function_recursion_config(FunctionName=made.id, RecursiveLoop="Terminate")
