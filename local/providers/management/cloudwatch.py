"""CloudWatch: alarms and dashboards."""

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
ALARM = {
    "AlarmDescription": "alarmDescription",
    "ActionsEnabled": "actionsEnabled",
    "OKActions": "okActions",
    "AlarmActions": "alarmActions",
    "InsufficientDataActions": "insufficientDataActions",
    "MetricName": "metricName",
    "Namespace": "namespace",
    "Statistic": "statistic",
    "ExtendedStatistic": "extendedStatistic",
    "Period": "period",
    "Unit": "unit",
    "EvaluationPeriods": "evaluationPeriods",
    "DatapointsToAlarm": "datapointsToAlarm",
    "Threshold": "threshold",
    "ComparisonOperator": "comparisonOperator",
    "TreatMissingData": "treatMissingData",
    "EvaluateLowSampleCountPercentile": "evaluateLowSampleCountPercentiles",
}
QUERY = {"Id": "id", "Expression": "expression", "Label": "label", "Period": "period"}
METRIC = {"Namespace": "namespace", "MetricName": "metricName"}
METRIC_STAT = {"Period": "period", "Stat": "stat", "Unit": "unit"}


@register_creator("aws:cloudwatch/metricAlarm:MetricAlarm")
def create_metric_alarm(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create an alarm on a metric or an expression."""
    name = declared.get_physical_name()
    _put_alarm(aws, name, declared.properties)
    return CreatedResource(
        id=name, outputs={"arn": aws.build_arn("cloudwatch", f"alarm:{name}"), "name": name}
    )


@register_updater("aws:cloudwatch/metricAlarm:MetricAlarm")
def update_metric_alarm(
    aws: ProviderContext, declared: DeclaredResource, made: CreatedResource
) -> CreatedResource:
    """Update the alarm and its tags. `PutMetricAlarm` ignores the tags if the alarm already exists."""
    client, properties = aws.client("cloudwatch"), declared.properties
    _put_alarm(aws, made.id, properties)
    arn = aws.build_arn("cloudwatch", f"alarm:{made.id}")
    tags = parse_tag_list(client.list_tags_for_resource(ResourceARN=arn)["Tags"])
    if removed := find_removed_tags(tags, properties):
        client.untag_resource(ResourceARN=arn, TagKeys=removed)
    if wanted := build_tag_list(properties):
        client.tag_resource(ResourceARN=arn, Tags=wanted)
    return made


def _put_alarm(aws: ProviderContext, name: str, properties: Properties) -> None:
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Tags=build_tag_list(properties),
        **pick_properties(properties, **ALARM),
        **_build_metrics(properties),
    )


def _build_metrics(properties: Properties) -> dict[str, Any]:
    """Return the metrics of an alarm on an expression, or the dimensions of an alarm on one metric."""
    queries: list[dict[str, Any]] = []
    for query in properties.get("metricQueries") or []:
        described = pick_properties(query, **QUERY)
        described["ReturnData"] = bool(query.get("returnData"))
        metric = read_single_block(query.get("metric"))
        if metric:
            described["MetricStat"] = {
                "Metric": {**pick_properties(metric, **METRIC), "Dimensions": _build_dimensions(metric)},
                **pick_properties(metric, **METRIC_STAT),
            }
        queries.append(described)
    return {"Metrics": queries} if queries else {"Dimensions": _build_dimensions(properties)}


def _build_dimensions(properties: Properties) -> list[dict[str, str]]:
    return [{"Name": key, "Value": value} for key, value in (properties.get("dimensions") or {}).items()]


@register_reader("aws:cloudwatch/metricAlarm:MetricAlarm")
def read_metric_alarm(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties | None:
    """Return the alarm without its state."""
    client = aws.client("cloudwatch")
    alarms = client.describe_alarms(AlarmNames=[made.id])["MetricAlarms"]
    if not alarms:
        return None
    (alarm,) = alarms
    tags = client.list_tags_for_resource(ResourceARN=aws.build_arn("cloudwatch", f"alarm:{made.id}"))["Tags"]
    return {
        "dimensions": _parse_dimensions(alarm),
        "metricQueries": [_parse_query(query) for query in alarm.get("Metrics", [])],
        "tags": parse_tag_list(tags),
        **parse_answer(alarm, AlarmName="name", **ALARM),
    }


def _parse_query(query: Properties) -> Properties:
    parsed = {"returnData": query.get("ReturnData", True), **parse_answer(query, **QUERY)}
    if stat := query.get("MetricStat"):
        parsed["metric"] = {
            "dimensions": _parse_dimensions(stat["Metric"]),
            **parse_answer(stat["Metric"], **METRIC),
            **parse_answer(stat, **METRIC_STAT),
        }
    return parsed


def _parse_dimensions(answer: Properties) -> dict[str, str]:
    return parse_tag_list(answer.get("Dimensions", []), key="Name")


@register_deleter("aws:cloudwatch/metricAlarm:MetricAlarm")
def delete_metric_alarm(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the alarm. The metric remains."""
    aws.client("cloudwatch").delete_alarms(AlarmNames=[made.id])


@register_creator("aws:cloudwatch/dashboard:Dashboard", repeatable=True)
def create_dashboard(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a dashboard.

    Raises:
        KeyError: CloudWatch has found an error in the dashboard's body.
    """
    name = declared.get_physical_name("dashboardName")
    answer = aws.client("cloudwatch").put_dashboard(
        DashboardName=name, DashboardBody=declared.properties["dashboardBody"]
    )
    for message in answer.get("DashboardValidationMessages") or []:
        raise KeyError(f"{message.get('DataPath')}: {message.get('Message')}")
    arn = f"arn:aws:cloudwatch::{aws.account_id}:dashboard/{name}"
    return CreatedResource(id=name, outputs={"dashboardArn": arn, "dashboardName": name})


@register_reader("aws:cloudwatch/dashboard:Dashboard")
def read_dashboard(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the dashboard's body."""
    found = aws.client("cloudwatch").get_dashboard(DashboardName=made.id)
    return {"dashboardName": made.id, "dashboardBody": found["DashboardBody"]}


@register_deleter("aws:cloudwatch/dashboard:Dashboard")
def delete_dashboard(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the dashboard. The metrics remain."""
    aws.client("cloudwatch").delete_dashboards(DashboardNames=[made.id])
