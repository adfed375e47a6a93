"""CloudWatch hook for the emulator: store the argument `Metrics` of alarms.

The emulator (ministack 1.5.33) drops the argument `Metrics` of `PutMetricAlarm`, so `DescribeAlarms` cannot
return it. The emulator also gives an alarm with `Metrics` a period and a statistic, which only an alarm on
one metric has.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

from collections.abc import Callable
from typing import Any, cast

from ministack.services import cloudwatch

Json = dict[str, Any]
Response = tuple[Any, ...]
# The members that an alarm on one metric has instead of `Metrics`.
SINGLE_METRIC = ("Dimensions", "ExtendedStatistic", "MetricName", "Namespace", "Period", "Statistic", "Unit")


def install_alarm_hooks() -> None:
    """Install the hook."""
    cloudwatch._put_metric_alarm = _put_metric_alarm


_ORIGINAL_PUT = cast("Callable[..., Response]", cloudwatch._put_metric_alarm)


def _put_metric_alarm(params: Json, data: Json, *protocols: bool) -> Response:
    response = _ORIGINAL_PUT(params, data, *protocols)
    metrics = (data or {}).get("Metrics")
    alarm: Json | None = cloudwatch._alarms.get((data or {}).get("AlarmName", ""))
    if metrics and alarm is not None:
        alarm["Metrics"] = metrics
        for name in SINGLE_METRIC:
            alarm.pop(name, None)
    return response
