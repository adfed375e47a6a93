"""EventBridge: rules and targets. In pulumi-aws, these types belong to the module `cloudwatch`."""

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

# Each key is AWS's name of a setting. The value is the name of the same setting in pulumi-aws.
RULE = {
    "EventPattern": "eventPattern",
    "ScheduleExpression": "scheduleExpression",
    "Description": "description",
    "EventBusName": "eventBusName",
    "RoleArn": "roleArn",
}
TARGET = {"Input": "input", "InputPath": "inputPath", "RoleArn": "roleArn"}
RETRY = {
    "MaximumEventAgeInSeconds": "maximumEventAgeInSeconds",
    "MaximumRetryAttempts": "maximumRetryAttempts",
}


@register_creator("aws:cloudwatch/eventRule:EventRule")
def create_event_rule(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a rule with an event pattern or a schedule."""
    name = declared.get_physical_name()
    arn = _put_rule(aws, name, declared.properties)
    return CreatedResource(id=name, outputs={"arn": arn, "name": name})


@register_updater("aws:cloudwatch/eventRule:EventRule")
def update_event_rule(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the rule and its tags. `PutRule` ignores the tags if the rule already exists."""
    client, properties = aws.client("events"), declared.properties
    arn = _put_rule(aws, made.id, properties)
    tags = parse_tag_list(client.list_tags_for_resource(ResourceARN=arn)["Tags"])
    if removed := find_removed_tags(tags, properties):
        client.untag_resource(ResourceARN=arn, TagKeys=removed)
    if wanted := build_tag_list(properties):
        client.tag_resource(ResourceARN=arn, Tags=wanted)
    return made


def _put_rule(aws: ProviderContext, name: str, properties: Properties) -> str:
    """Create or update a rule, and return its ARN."""
    rule = aws.client("events").put_rule(
        Name=name,
        State=properties.get("state", "ENABLED"),
        Tags=build_tag_list(properties),
        **pick_properties(properties, **RULE),
    )
    return str(rule["RuleArn"])


@register_reader("aws:cloudwatch/eventRule:EventRule")
def read_event_rule(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the rule without its targets."""
    client = aws.client("events")
    rule = client.describe_rule(
        Name=made.id, **pick_properties(declared.properties, EventBusName="eventBusName")
    )
    tags = client.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
    return {"tags": parse_tag_list(tags), **parse_answer(rule, Name="name", State="state", **RULE)}


@register_deleter("aws:cloudwatch/eventRule:EventRule")
def delete_event_rule(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the rule. The engine has already deleted its targets."""
    aws.client("events").delete_rule(
        Name=made.id, **pick_properties(declared.properties, EventBusName="eventBusName")
    )


@register_creator("aws:cloudwatch/eventTarget:EventTarget", repeatable=True)
def create_event_target(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Add a target to a rule."""
    properties = declared.properties
    target_id = declared.get_physical_name("targetId")
    target: dict[str, Any] = {
        "Id": target_id,
        "Arn": properties["arn"],
        **pick_properties(properties, **TARGET),
    }
    retry = read_single_block(properties.get("retryPolicy"))
    if retry:
        target["RetryPolicy"] = pick_properties(retry, **RETRY)
    dead_letters = read_single_block(properties.get("deadLetterConfig"))
    if dead_letters:
        target["DeadLetterConfig"] = pick_properties(dead_letters, Arn="arn")
    answer = aws.client("events").put_targets(
        Rule=properties["rule"], Targets=[target], **pick_properties(properties, EventBusName="eventBusName")
    )
    for entry in answer["FailedEntries"]:
        raise KeyError(f"{entry['ErrorCode']}: {entry['ErrorMessage']}")
    return CreatedResource(id=f"{properties['rule']}-{target_id}", outputs={"targetId": target_id})


@register_reader("aws:cloudwatch/eventTarget:EventTarget")
def read_event_target(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> Properties | None:
    """Return the target."""
    rule = declared.properties["rule"]
    target_id = made.id.removeprefix(f"{rule}-")
    bus = pick_properties(declared.properties, EventBusName="eventBusName")
    for target in aws.client("events").list_targets_by_rule(Rule=rule, **bus)["Targets"]:
        if target["Id"] == target_id:
            return {
                "rule": rule,
                "deadLetterConfig": parse_answer(target.get("DeadLetterConfig", {}), Arn="arn"),
                "retryPolicy": parse_answer(target.get("RetryPolicy", {}), **RETRY),
                **parse_answer(target, Id="targetId", Arn="arn", **TARGET),
            }
    return None


@register_deleter("aws:cloudwatch/eventTarget:EventTarget")
def delete_event_target(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Remove the target. The rule remains."""
    properties = declared.properties
    aws.client("events").remove_targets(
        Rule=properties["rule"],
        Ids=[made.outputs["targetId"]],
        **pick_properties(properties, EventBusName="eventBusName"),
    )
