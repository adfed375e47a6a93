"""CloudWatch: log groups and the metrics counted from them, alarms and dashboards."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, Properties, given, one, tag_list, tags


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


@creates("aws:cloudwatch/logMetricFilter:LogMetricFilter", repeatable=True)
def log_metric_filter(aws: Aws, declared: Declared) -> Made:
    """A metric that is counted from a log."""
    properties = declared.properties
    name = declared.named()
    aws.client("logs").put_metric_filter(
        logGroupName=properties["logGroupName"],
        filterName=name,
        filterPattern=properties["pattern"],
        metricTransformations=[_transformation(one(properties["metricTransformation"]))],
    )
    return Made(id=name, outputs={"name": name})


def _transformation(transformation: Properties) -> dict[str, Any]:
    described = given(
        transformation,
        metricName="name",
        metricNamespace="namespace",
        metricValue="value",
        dimensions="dimensions",
        unit="unit",
    )
    if transformation.get("defaultValue") is not None:
        described["defaultValue"] = float(transformation["defaultValue"])
    return described


@deletes("aws:cloudwatch/logMetricFilter:LogMetricFilter")
def delete_log_metric_filter(aws: Aws, declared: Declared, made: Made) -> None:
    """The log stays."""
    aws.client("logs").delete_metric_filter(
        logGroupName=declared.properties["logGroupName"], filterName=made.id
    )


@creates("aws:cloudwatch/metricAlarm:MetricAlarm", repeatable=True)
def metric_alarm(aws: Aws, declared: Declared) -> Made:
    """An alarm on one metric."""
    properties = declared.properties
    name = declared.named()
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
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
            EvaluateLowSampleCountPercentile="evaluateLowSampleCountPercentiles",
        ),
        **_metrics(properties),
    )
    return Made(id=name, outputs={"arn": aws.arn("cloudwatch", f"alarm:{name}"), "name": name})


def _metrics(properties: Properties) -> dict[str, Any]:
    """What an alarm on an expression is given instead of one metric."""
    queries: list[dict[str, Any]] = []
    for query in properties.get("metricQueries") or []:
        described = given(query, Id="id", Expression="expression", Label="label", Period="period")
        described["ReturnData"] = bool(query.get("returnData"))
        metric = one(query.get("metric"))
        if metric:
            described["MetricStat"] = {
                "Metric": {
                    **given(metric, Namespace="namespace", MetricName="metricName"),
                    "Dimensions": _dimensions(metric),
                },
                **given(metric, Period="period", Stat="stat", Unit="unit"),
            }
        queries.append(described)
    return {"Metrics": queries} if queries else {"Dimensions": _dimensions(properties)}


def _dimensions(properties: Properties) -> list[dict[str, str]]:
    return [{"Name": key, "Value": value} for key, value in (properties.get("dimensions") or {}).items()]


@creates("aws:cloudwatch/dashboard:Dashboard", repeatable=True)
def dashboard(aws: Aws, declared: Declared) -> Made:
    """What an operator looks at. CloudWatch says of a body what is wrong with it."""
    name = declared.named("dashboardName")
    answer = aws.client("cloudwatch").put_dashboard(
        DashboardName=name, DashboardBody=declared.properties["dashboardBody"]
    )
    for message in answer.get("DashboardValidationMessages") or []:
        raise KeyError(f"{message.get('DataPath')}: {message.get('Message')}")
    arn = f"arn:aws:cloudwatch::{aws.account_id}:dashboard/{name}"
    return Made(id=name, outputs={"dashboardArn": arn, "dashboardName": name})


@deletes("aws:cloudwatch/dashboard:Dashboard")
def delete_dashboard(aws: Aws, _declared: Declared, made: Made) -> None:
    """The metrics stay."""
    aws.client("cloudwatch").delete_dashboards(DashboardNames=[made.id])


@deletes("aws:cloudwatch/metricAlarm:MetricAlarm")
def delete_metric_alarm(aws: Aws, _declared: Declared, made: Made) -> None:
    """The metric stays."""
    aws.client("cloudwatch").delete_alarms(AlarmNames=[made.id])
