"""CloudWatch: log groups and alarms; EventBridge: rules and targets (the provider has them in one module)."""

from typing import Any

from local.providers.registry import Aws, Declared, Made, creates, deletes, given, tag_list, tags, updates


@creates("aws:cloudwatch/logGroup:LogGroup")
def log_group(aws: Aws, declared: Declared) -> Made:
    """A log group with its retention."""
    properties = declared.properties
    name = declared.named()
    aws.client("logs").create_log_group(
        logGroupName=name,
        **given(properties, kmsKeyId="kmsKeyId", logGroupClass="logGroupClass"),
        **({"tags": tags(properties)} if tags(properties) else {}),
    )
    _retain(aws, declared, name)
    return Made(id=name, outputs={"arn": aws.arn("logs", f"log-group:{name}"), "name": name})


@updates("aws:cloudwatch/logGroup:LogGroup")
def update_log_group(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its retention."""
    _retain(aws, declared, made.id)
    return made


def _retain(aws: Aws, declared: Declared, name: str) -> None:
    days = declared.properties.get("retentionInDays")
    if days:
        aws.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)


@deletes("aws:cloudwatch/logGroup:LogGroup")
def delete_log_group(aws: Aws, _declared: Declared, made: Made) -> None:
    """With its streams."""
    aws.client("logs").delete_log_group(logGroupName=made.id)


@creates("aws:cloudwatch/metricAlarm:MetricAlarm", repeatable=True)
def metric_alarm(aws: Aws, declared: Declared) -> Made:
    """An alarm on one metric."""
    properties = declared.properties
    name = declared.named()
    dimensions = [
        {"Name": key, "Value": value} for key, value in (properties.get("dimensions") or {}).items()
    ]
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Dimensions=dimensions,
        Tags=tag_list(properties),
        **given(
            properties,
            AlarmDescription="alarmDescription",
            ActionsEnabled="actionsEnabled",
            OKActions="okActions",
            AlarmActions="alarmActions",
            InsufficientDataActions="insufficientDataActions",
            MetricName="metricName",
            Namespace="namespace",
            Statistic="statistic",
            ExtendedStatistic="extendedStatistic",
            Period="period",
            Unit="unit",
            EvaluationPeriods="evaluationPeriods",
            DatapointsToAlarm="datapointsToAlarm",
            Threshold="threshold",
            ComparisonOperator="comparisonOperator",
            TreatMissingData="treatMissingData",
        ),
    )
    return Made(id=name, outputs={"arn": aws.arn("cloudwatch", f"alarm:{name}"), "name": name})


@deletes("aws:cloudwatch/metricAlarm:MetricAlarm")
def delete_metric_alarm(aws: Aws, _declared: Declared, made: Made) -> None:
    """The metric stays."""
    aws.client("cloudwatch").delete_alarms(AlarmNames=[made.id])


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
