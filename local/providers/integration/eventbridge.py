"""EventBridge: rules and targets. In pulumi-aws, these types belong to the module `cloudwatch`."""

from typing import Any

from local.providers.core.registry import creates, deletes
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    ProviderContext,
    build_tag_list,
    pick_properties,
)


@creates("aws:cloudwatch/eventRule:EventRule", repeatable=True)
def create_event_rule(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a rule with an event pattern or a schedule."""
    properties = declared.properties
    name = declared.physical_name()
    rule = aws.client("events").put_rule(
        Name=name,
        State=properties.get("state", "ENABLED"),
        Tags=build_tag_list(properties),
        **pick_properties(
            properties,
            EventPattern="eventPattern",
            ScheduleExpression="scheduleExpression",
            Description="description",
            EventBusName="eventBusName",
            RoleArn="roleArn",
        ),
    )
    return CreatedResource(id=name, outputs={"arn": rule["RuleArn"], "name": name})


@deletes("aws:cloudwatch/eventRule:EventRule")
def delete_event_rule(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the rule. The engine has already deleted its targets."""
    aws.client("events").delete_rule(
        Name=made.id, **pick_properties(declared.properties, EventBusName="eventBusName")
    )


@creates("aws:cloudwatch/eventTarget:EventTarget", repeatable=True)
def create_event_target(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Add a target to a rule."""
    properties = declared.properties
    target_id = declared.physical_name("targetId")
    target: dict[str, Any] = {
        "Id": target_id,
        "Arn": properties["arn"],
        **pick_properties(properties, Input="input", InputPath="inputPath", RoleArn="roleArn"),
    }
    retry = properties.get("retryPolicy")
    if retry:
        target["RetryPolicy"] = pick_properties(
            retry,
            MaximumEventAgeInSeconds="maximumEventAgeInSeconds",
            MaximumRetryAttempts="maximumRetryAttempts",
        )
    dead_letters = properties.get("deadLetterConfig")
    if dead_letters:
        target["DeadLetterConfig"] = pick_properties(dead_letters, Arn="arn")
    answer = aws.client("events").put_targets(
        Rule=properties["rule"], Targets=[target], **pick_properties(properties, EventBusName="eventBusName")
    )
    for entry in answer["FailedEntries"]:
        raise KeyError(f"{entry['ErrorCode']}: {entry['ErrorMessage']}")
    return CreatedResource(id=f"{properties['rule']}-{target_id}", outputs={"targetId": target_id})


@deletes("aws:cloudwatch/eventTarget:EventTarget")
def delete_event_target(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Remove the target. The rule remains."""
    properties = declared.properties
    aws.client("events").remove_targets(
        Rule=properties["rule"],
        Ids=[made.outputs["targetId"]],
        **pick_properties(properties, EventBusName="eventBusName"),
    )
