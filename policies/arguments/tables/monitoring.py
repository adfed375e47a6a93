"""CloudWatch, CloudWatch Logs and EventBridge."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from policies.arguments.checks import (
    check_arn,
    follows_model,
    has_item_count,
    has_json,
    has_keys,
    has_length,
    has_tags,
    has_values,
    is_at_least,
    is_between,
    is_in_enum,
    is_multiple_of,
    is_one_of,
    matches,
    passes_any,
)
from policies.arguments.documents import check_event_pattern
from policies.arguments.relations import (
    NAME_OR_PREFIX,
    Block,
    allow_at_most_one,
    define_relation,
    exclude_when_set,
    has_unknown,
    list_known_blocks,
    list_set_arguments,
    require_at_least_one,
)
from policies.arguments.resource_type import ResourceType
from policies.graph import UNKNOWN

_EXTENDED_STATISTIC: Final = matches(
    r"^((p|(tm)|(wm)|(tc)|(ts))((\d{1,2}(\.\d{1,2})?)|(100))|(IQM)"
    r"|(((TM)|(WM)|(PR)|(TC)|(TS)))\((\d+(\.\d+)?%?)?:(\d+(\.\d+)?%?)?\))$"
)
_NAMESPACE: Final = (has_length(1, 255), follows_model("cloudwatch.Namespace"))
_DIMENSIONS: Final = (
    has_keys(follows_model("cloudwatch.DimensionName")),
    has_values(follows_model("cloudwatch.DimensionValue")),
)
_LOG_GROUP_NAME: Final = (matches(r"^[0-9A-Za-z_./#-]+$"), has_length(1, 512))
_METRIC_NAME: Final = (matches(r"^[^:*$]*$"), has_length(0, 255))
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
_QUERY_ID: Final = matches(r"^[a-z][a-zA-Z0-9_]*$")
_RETENTION_DAYS: Final = (
    0,
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
_RATE: Final = re.compile(r"rate\((1 (minute|hour|day)|(?!1 )[1-9]\d* (minutes|hours|days))\)")
_CRON: Final = re.compile(r"cron\(\S+ \S+ \S+ \S+ \S+ \S+\)")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
_WIDGETS: Final = ("metric", "text", "log", "alarm", "explorer")
_GRID: Final = {"x": (0, 23), "width": (1, 24), "height": (1, 1000)}


def _check_schedule(value: object, path: str) -> Iterator[str]:
    if isinstance(value, str) and not _RATE.fullmatch(value) and not _CRON.fullmatch(value):
        yield f"{path} {value} is not a rate or cron expression"


def _check_dashboard(value: object, path: str) -> Iterator[str]:
    """Check the type, the position and the size of each widget."""
    widgets = cast("Mapping[str, Any]", value).get("widgets") if isinstance(value, Mapping) else None
    if not isinstance(widgets, list):
        yield f"{path} has no list of widgets"
        return
    for number, widget in enumerate(cast("list[Any]", widgets)):
        place = f"{path}.widgets[{number}]"
        if not isinstance(widget, Mapping):
            yield f"{place} is not an object"
            continue
        fields = cast("Mapping[str, Any]", widget)
        yield from is_one_of(*_WIDGETS)(fields.get("type"), f"{place}.type")
        if not isinstance(fields.get("properties"), Mapping):
            yield f"{place} has no properties"
        for name, (lowest, highest) in _GRID.items():
            yield from is_between(lowest, highest)(fields.get(name), f"{place}.{name}")


@define_relation(
    "metricName", "statistic", "extendedStatistic", "metricQueries", "namespace", "period", "threshold"
)
def _check_alarm(block: Block) -> Iterator[str]:
    """Check an alarm as in the provider's `CustomizeDiff`, and check that it has a metric or queries."""
    statistics = ("statistic", "extendedStatistic")
    if list_set_arguments(block, ("metricName",)) and not has_unknown(block, statistics):
        if len(list_set_arguments(block, statistics)) != 1:
            yield "a metricName requires exactly one of statistic and extendedStatistic"
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        if missing := [name for name in ("namespace", "period") if block.get(name) is None]:
            yield f"a metricName requires {', '.join(missing)}"
    for names in (("metricName", "metricQueries"), ("threshold", "thresholdMetricId")):
        if not list_set_arguments(block, (*names, "evaluationCriteria")) and not has_unknown(block, names):
            yield f"an alarm requires {' or '.join(names)}"


@define_relation("metricQueries")
def _check_queries(block: Block) -> Iterator[str]:
    """Check that the ids are unique, and that the alarm watches the result of one query.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    queries = list_known_blocks(block, "metricQueries")
    if not queries:
        return
    identifiers = [query.get("id") for query in queries]
    if UNKNOWN not in identifiers and len(set(identifiers)) != len(identifiers):
        yield "two metricQueries have the same id"
    returned = [query.get("returnData") for query in queries]
    if UNKNOWN not in returned and returned.count(True) != 1:
        yield f"exactly one of the metricQueries must set returnData, but {returned.count(True)} do"


@define_relation("expression", "metric", scope="metricQueries[]")
def _check_query(block: Block) -> Iterator[str]:
    """Check that a query is either an expression or a metric, as in the provider's `CustomizeDiff`."""
    if len(list_set_arguments(block, ("expression", "metric"))) != 1 and not has_unknown(
        block, ("expression", "metric")
    ):
        yield "a query must have exactly one of expression and metric"


_QUERIES: Final = "metricQueries[]"

TYPES: Final = (
    ResourceType(
        type="aws:budgets/budget:Budget",
        source="budgets/budget.go",
        arguments={
            "budgetType": (is_in_enum("budgets.BudgetType"),),
            "costFilters[].name": (),
            "costFilters[].values[]": (has_length(1, 1024),),
            "limitAmount": (follows_model("budgets.NumericValue"),),
            "limitUnit": (follows_model("budgets.UnitValue"),),
            "name": (has_length(1, 100), follows_model("budgets.BudgetName")),
            "notifications[].comparisonOperator": (is_in_enum("budgets.ComparisonOperator"),),
            "notifications[].notificationType": (is_in_enum("budgets.NotificationType"),),
            "notifications[].subscriberEmailAddresses": (has_item_count(1, 10),),
            "notifications[].subscriberEmailAddresses[]": (matches(r"^[^@\s]+@[^@\s]+$"),),
            "notifications[].threshold": (is_between(0, 15_000_000_000_000),),
            "notifications[].thresholdType": (is_in_enum("budgets.ThresholdType"),),
            "tags": has_tags("budgets.ResourceTagKey", "budgets.ResourceTagValue"),
            "timeUnit": (is_in_enum("budgets.TimeUnit"),),
        },
    ),
    ResourceType(
        type="aws:cloudwatch/metricAlarm:MetricAlarm",
        source="cloudwatch/metric_alarm.go",
        arguments={
            "alarmActions": (has_item_count(0, 5),),
            "alarmActions[]": (check_arn, follows_model("cloudwatch.ResourceName")),
            "alarmDescription": (has_length(0, 1024), follows_model("cloudwatch.AlarmDescription")),
            "comparisonOperator": (is_in_enum("cloudwatch.ComparisonOperator"),),
            "datapointsToAlarm": (is_at_least(1),),
            "dimensions": _DIMENSIONS,
            "evaluationPeriods": (is_at_least(1),),
            "metricName": (has_length(1, 255),),
            f"{_QUERIES}.expression": (has_length(1, 1024),),
            f"{_QUERIES}.id": (has_length(1, 255), _QUERY_ID),
            f"{_QUERIES}.label": (),
            f"{_QUERIES}.metric.dimensions": _DIMENSIONS,
            f"{_QUERIES}.metric.metricName": (has_length(1, 255),),
            f"{_QUERIES}.metric.namespace": _NAMESPACE,
            f"{_QUERIES}.metric.period": (
                passes_any(is_one_of(1, 5, 10, 20, 30), is_multiple_of(60)),
                is_at_least(1),
            ),
            f"{_QUERIES}.metric.stat": (passes_any(is_in_enum("cloudwatch.Statistic"), _EXTENDED_STATISTIC),),
            f"{_QUERIES}.returnData": (),
            "name": (has_length(1, 255),),
            "namespace": _NAMESPACE,
            "okActions": (has_item_count(0, 5),),
            "okActions[]": (check_arn, follows_model("cloudwatch.ResourceName")),
            "period": (passes_any(is_one_of(10, 20, 30), is_multiple_of(60)), is_at_least(1)),
            "region": (),
            "statistic": (is_in_enum("cloudwatch.Statistic"),),
            "tags": has_tags("cloudwatch.TagKey", "cloudwatch.TagValue"),
            "threshold": (),
            "treatMissingData": (
                is_one_of("breaching", "notBreaching", "ignore", "missing", ignore_case=True),
            ),
        },
        relations=(
            exclude_when_set(
                "metricQueries",
                "metricName",
                "dimensions",
                "namespace",
                "period",
                "statistic",
                "extendedStatistic",
            ),
            allow_at_most_one("threshold", "thresholdMetricId"),
            _check_alarm,
            _check_queries,
            _check_query,
        ),
    ),
    ResourceType(
        type="aws:cloudwatch/dashboard:Dashboard",
        source="cloudwatch/dashboard.go",
        arguments={
            "dashboardBody": (has_json(_check_dashboard),),
            "dashboardName": (has_length(1, 255), matches(r"^[0-9A-Za-z_-]+$")),
        },
        name="dashboardName",
    ),
    ResourceType(
        type="aws:cloudwatch/eventRule:EventRule",
        source="events/rule.go",
        arguments={
            "description": (has_length(0, 512),),
            "eventPattern": (has_json(check_event_pattern), has_length(0, 4096)),
            "name": (follows_model("events.RuleName"),),
            "scheduleExpression": (has_length(0, 256), _check_schedule),
            "state": (is_in_enum("events.RuleState"),),
            "tags": has_tags("events.TagKey", "events.TagValue"),
        },
        relations=(
            NAME_OR_PREFIX,
            require_at_least_one("scheduleExpression", "eventPattern"),
            allow_at_most_one("isEnabled", "state"),
        ),
    ),
    ResourceType(
        type="aws:cloudwatch/eventTarget:EventTarget",
        source="events/target.go",
        arguments={
            "arn": (check_arn, follows_model("events.TargetArn")),
            "deadLetterConfig.arn": (check_arn,),
            "rule": (follows_model("events.RuleName"),),
            "targetId": (follows_model("events.TargetId"),),
        },
        relations=(allow_at_most_one("input", "inputPath", "inputTransformer"),),
        name=None,
    ),
    ResourceType(
        type="aws:cloudwatch/logGroup:LogGroup",
        source="logs/group.go",
        arguments={
            "name": _LOG_GROUP_NAME,
            "retentionInDays": (is_one_of(*_RETENTION_DAYS),),
            "tags": has_tags("logs.TagKey", "logs.TagValue"),
        },
        relations=(NAME_OR_PREFIX,),
    ),
    ResourceType(
        type="aws:cloudwatch/logMetricFilter:LogMetricFilter",
        source="logs/metric_filter.go",
        arguments={
            "logGroupName": _LOG_GROUP_NAME,
            "metricTransformation.name": _METRIC_NAME,
            "metricTransformation.namespace": _METRIC_NAME,
            "metricTransformation.unit": (is_in_enum("logs.StandardUnit"),),
            "metricTransformation.value": (has_length(0, 100),),
            "metricTransformation.defaultValue": (),
            "name": (matches(r"^[^:*]+$"), has_length(1, 512)),
            "pattern": (has_length(0, 1024),),
        },
    ),
)
