"""Lambda: what calls functions by itself (queues, streams), and what becomes of calls that fail."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one, tags


@creates("aws:lambda/eventSourceMapping:EventSourceMapping")
def event_source_mapping(aws: Aws, declared: Declared) -> Made:
    """A queue or stream whose messages a function is called with."""
    properties = declared.properties
    made = aws.client("lambda").create_event_source_mapping(
        EventSourceArn=properties["eventSourceArn"],
        FunctionName=properties["functionName"],
        Enabled=properties.get("enabled", True),
        **given(properties, StartingPosition="startingPosition"),
        **({"Tags": tags(properties)} if tags(properties) else {}),
        **_mapping(properties),
    )
    return Made(
        id=made["UUID"],
        outputs={
            "uuid": made["UUID"],
            "arn": aws.arn("lambda", f"event-source-mapping:{made['UUID']}"),
            "functionArn": made["FunctionArn"],
            "state": made["State"],
        },
    )


@updates("aws:lambda/eventSourceMapping:EventSourceMapping")
def update_event_source_mapping(aws: Aws, declared: Declared, made: Made) -> Made:
    """Everything but its two ends."""
    properties = declared.properties
    aws.client("lambda").update_event_source_mapping(
        UUID=made.id, Enabled=properties.get("enabled", True), **_mapping(properties)
    )
    return made


def _mapping(properties: Properties) -> dict[str, Any]:
    arguments = given(
        properties,
        BatchSize="batchSize",
        MaximumBatchingWindowInSeconds="maximumBatchingWindowInSeconds",
        FunctionResponseTypes="functionResponseTypes",
        BisectBatchOnFunctionError="bisectBatchOnFunctionError",
        MaximumRetryAttempts="maximumRetryAttempts",
        MaximumRecordAgeInSeconds="maximumRecordAgeInSeconds",
        ParallelizationFactor="parallelizationFactor",
    )
    failures = one(one(properties.get("destinationConfig")).get("onFailure"))
    if failures:
        arguments["DestinationConfig"] = {"OnFailure": {"Destination": failures["destinationArn"]}}
    scaling = one(properties.get("scalingConfig"))
    if scaling:
        arguments["ScalingConfig"] = given(scaling, MaximumConcurrency="maximumConcurrency")
    filters = one(properties.get("filterCriteria")).get("filters")
    if filters:
        arguments["FilterCriteria"] = {"Filters": [given(rule, Pattern="pattern") for rule in filters]}
    return arguments


@deletes("aws:lambda/eventSourceMapping:EventSourceMapping")
def delete_event_source_mapping(aws: Aws, _declared: Declared, made: Made) -> None:
    """The queue keeps its messages."""
    aws.client("lambda").delete_event_source_mapping(UUID=made.id)


@creates("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", repeatable=True)
def event_invoke_config(aws: Aws, declared: Declared) -> Made:
    """How often an asynchronous call is tried again, and who is told of one that fails for good."""
    properties = declared.properties
    name = properties["functionName"]
    qualifier = given(properties, Qualifier="qualifier")
    arguments = given(
        properties,
        MaximumRetryAttempts="maximumRetryAttempts",
        MaximumEventAgeInSeconds="maximumEventAgeInSeconds",
    )
    destinations = one(properties.get("destinationConfig"))
    if destinations:
        arguments["DestinationConfig"] = {
            outcome: {"Destination": one(destinations[key])["destination"]}
            for outcome, key in (("OnFailure", "onFailure"), ("OnSuccess", "onSuccess"))
            if destinations.get(key)
        }
    aws.client("lambda").put_function_event_invoke_config(FunctionName=name, **qualifier, **arguments)
    return Made(id=":".join([name, *qualifier.values()]))


@deletes("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
def delete_event_invoke_config(aws: Aws, declared: Declared, _made: Made) -> None:
    """Back to what AWS has by default."""
    properties = declared.properties
    aws.client("lambda").delete_function_event_invoke_config(
        FunctionName=properties["functionName"], **given(properties, Qualifier="qualifier")
    )
