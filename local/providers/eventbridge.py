"""EventBridge: rules and targets, which the provider has in CloudWatch's module."""

from typing import Any

from local.providers.core.registry import creates, deletes
from local.providers.core.resource import Aws, Declared, Made, given, tag_list


@creates("aws:cloudwatch/eventRule:EventRule", repeatable=True)
def event_rule(aws: Aws, declared: Declared) -> Made:
    """Which events, or which times."""
    properties = declared.properties
    name = declared.named()
    rule = aws.client("events").put_rule(
        Name=name,
        State=properties.get("state", "ENABLED"),
        Tags=tag_list(properties),
        **given(
            properties,
            EventPattern="eventPattern",
            ScheduleExpression="scheduleExpression",
            Description="description",
            EventBusName="eventBusName",
            RoleArn="roleArn",
        ),
    )
    return Made(id=name, outputs={"arn": rule["RuleArn"], "name": name})


@deletes("aws:cloudwatch/eventRule:EventRule")
def delete_event_rule(aws: Aws, declared: Declared, made: Made) -> None:
    """Its targets are gone by then."""
    aws.client("events").delete_rule(Name=made.id, **given(declared.properties, EventBusName="eventBusName"))


@creates("aws:cloudwatch/eventTarget:EventTarget", repeatable=True)
def event_target(aws: Aws, declared: Declared) -> Made:
    """Whom a rule tells."""
    properties = declared.properties
    target_id = declared.named("targetId")
    target: dict[str, Any] = {
        "Id": target_id,
        "Arn": properties["arn"],
        **given(properties, Input="input", InputPath="inputPath", RoleArn="roleArn"),
    }
    retry = properties.get("retryPolicy")
    if retry:
        target["RetryPolicy"] = given(
            retry,
            MaximumEventAgeInSeconds="maximumEventAgeInSeconds",
            MaximumRetryAttempts="maximumRetryAttempts",
        )
    dead_letters = properties.get("deadLetterConfig")
    if dead_letters:
        target["DeadLetterConfig"] = given(dead_letters, Arn="arn")
    answer = aws.client("events").put_targets(
        Rule=properties["rule"], Targets=[target], **given(properties, EventBusName="eventBusName")
    )
    for entry in answer["FailedEntries"]:
        raise KeyError(f"{entry['ErrorCode']}: {entry['ErrorMessage']}")
    return Made(id=f"{properties['rule']}-{target_id}", outputs={"targetId": target_id})


@deletes("aws:cloudwatch/eventTarget:EventTarget")
def delete_event_target(aws: Aws, declared: Declared, made: Made) -> None:
    """The rule stays."""
    properties = declared.properties
    aws.client("events").remove_targets(
        Rule=properties["rule"],
        Ids=[made.outputs["targetId"]],
        **given(properties, EventBusName="eventBusName"),
    )
