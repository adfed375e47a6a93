"""CloudWatch: log groups with their metric filters, alarms and dashboards."""

from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_tag_list,
    pick_properties,
    read_single_block,
    read_tags,
)


@creates("aws:cloudwatch/logGroup:LogGroup")
def create_log_group(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a log group and set its retention."""
    properties = declared.properties
    name = declared.physical_name()
    aws.client("logs").create_log_group(
        logGroupName=name,
        **pick_properties(properties, kmsKeyId="kmsKeyId", logGroupClass="logGroupClass"),
        **({"tags": read_tags(properties)} if read_tags(properties) else {}),
    )
    _set_retention(aws, declared, name)
    return CreatedResource(id=name, outputs={"arn": aws.build_arn("logs", f"log-group:{name}"), "name": name})


@updates("aws:cloudwatch/logGroup:LogGroup")
def update_log_group(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the retention."""
    _set_retention(aws, declared, made.id)
    return made


def _set_retention(aws: ProviderContext, declared: DeclaredResource, name: str) -> None:
    days = declared.properties.get("retentionInDays")
    if days:
        aws.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)


@deletes("aws:cloudwatch/logGroup:LogGroup")
def delete_log_group(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the log group with its streams."""
    aws.client("logs").delete_log_group(logGroupName=made.id)


@creates("aws:cloudwatch/logMetricFilter:LogMetricFilter", repeatable=True)
def create_log_metric_filter(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a metric filter of a log group."""
    properties = declared.properties
    name = declared.physical_name()
    aws.client("logs").put_metric_filter(
        logGroupName=properties["logGroupName"],
        filterName=name,
        filterPattern=properties["pattern"],
        metricTransformations=[_build_transformation(read_single_block(properties["metricTransformation"]))],
    )
    return CreatedResource(id=name, outputs={"name": name})


def _build_transformation(transformation: Properties) -> dict[str, Any]:
    described = pick_properties(
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
def delete_log_metric_filter(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the filter. The log group remains."""
    aws.client("logs").delete_metric_filter(
        logGroupName=declared.properties["logGroupName"], filterName=made.id
    )


@creates("aws:cloudwatch/metricAlarm:MetricAlarm", repeatable=True)
def create_metric_alarm(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an alarm on a metric or an expression."""
    properties = declared.properties
    name = declared.physical_name()
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Tags=build_tag_list(properties),
        **pick_properties(
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
        **_build_metrics(properties),
    )
    return CreatedResource(
        id=name, outputs={"arn": aws.build_arn("cloudwatch", f"alarm:{name}"), "name": name}
    )


def _build_metrics(properties: Properties) -> dict[str, Any]:
    """Return the metric queries of an alarm on an expression, or the dimensions of an alarm on one metric."""
    queries: list[dict[str, Any]] = []
    for query in properties.get("metricQueries") or []:
        described = pick_properties(query, Id="id", Expression="expression", Label="label", Period="period")
        described["ReturnData"] = bool(query.get("returnData"))
        metric = read_single_block(query.get("metric"))
        if metric:
            described["MetricStat"] = {
                "Metric": {
                    **pick_properties(metric, Namespace="namespace", MetricName="metricName"),
                    "Dimensions": _build_dimensions(metric),
                },
                **pick_properties(metric, Period="period", Stat="stat", Unit="unit"),
            }
        queries.append(described)
    return {"Metrics": queries} if queries else {"Dimensions": _build_dimensions(properties)}


def _build_dimensions(properties: Properties) -> list[dict[str, str]]:
    return [{"Name": key, "Value": value} for key, value in (properties.get("dimensions") or {}).items()]


@creates("aws:cloudwatch/dashboard:Dashboard", repeatable=True)
def create_dashboard(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a dashboard.

    Raises:
        KeyError: CloudWatch has found an error in the dashboard's body.
    """
    name = declared.physical_name("dashboardName")
    answer = aws.client("cloudwatch").put_dashboard(
        DashboardName=name, DashboardBody=declared.properties["dashboardBody"]
    )
    for message in answer.get("DashboardValidationMessages") or []:
        raise KeyError(f"{message.get('DataPath')}: {message.get('Message')}")
    arn = f"arn:aws:cloudwatch::{aws.account_id}:dashboard/{name}"
    return CreatedResource(id=name, outputs={"dashboardArn": arn, "dashboardName": name})


@deletes("aws:cloudwatch/dashboard:Dashboard")
def delete_dashboard(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the dashboard. The metrics remain."""
    aws.client("cloudwatch").delete_dashboards(DashboardNames=[made.id])


@deletes("aws:cloudwatch/metricAlarm:MetricAlarm")
def delete_metric_alarm(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the alarm. The metric remains."""
    aws.client("cloudwatch").delete_alarms(AlarmNames=[made.id])
