"""Counts of the resources of production that cost money or have a quota."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from attrs import frozen

from components.core.stage_settings import SiteSettings
from reference.tables import PREFIX, STAGE
from tests.components.recorder import Recorded, get_recording

_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
_BUILD_PROJECT: Final = "aws:codebuild/project:Project"
_FUNCTION: Final = "aws:lambda/function:Function"
_KEY: Final = "aws:kms/key:Key"
_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
_METRIC: Final = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
_ROLE: Final = "aws:iam/role:Role"
_TABLE: Final = "aws:dynamodb/table:Table"
_SITE_PREFIX: Final = f"{PREFIX}site-"


@frozen(kw_only=True)
class Counts:
    """Counts of the resources of a stage, without the sites, and of the resources of one site.

    Attributes:
        keys: KMS keys of the stage.
        alarm_metrics: Metrics in alarms of the stage.
        custom_metrics: Metrics of log metric filters.
        queues: Queues of the stage that trigger a function.
        site_queues: Queues of a site that trigger a function.
        site_roles: Roles of a site.
        site_tables: Tables of a site.
        site_build_projects: CodeBuild projects of a site.
        server_memory: Default memory of a site's server function, in MB.
        image_memory: Memory of a site's image optimization function, in MB.
    """

    keys: int
    alarm_metrics: int
    custom_metrics: int
    queues: int
    site_queues: int
    site_roles: int
    site_tables: int
    site_build_projects: int
    server_memory: int
    image_memory: int


@lru_cache
def count_resources() -> Counts:
    """Return the counts of the production stage."""
    recorded = get_recording(STAGE)
    site = f"{_SITE_PREFIX}{_find_first_site_name()}-"

    def count_site_resources(type_token: str) -> int:
        return _count_matching(
            recorded.find_by_type(type_token), lambda inputs: str(inputs["name"]).startswith(site)
        )

    def count_triggering_queues(prefix: str) -> int:
        return _count_matching(
            recorded.find_by_type(_MAPPING), lambda inputs: f":{prefix}" in str(inputs["eventSourceArn"])
        )

    (image,) = [each for each in recorded.find_by_type(_FUNCTION) if each.inputs["name"] == f"{site}image"]
    return Counts(
        keys=len(recorded.find_by_type(_KEY)),
        alarm_metrics=sum(_count_metrics(alarm) for alarm in recorded.find_by_type(_ALARM)),
        custom_metrics=len(
            {each.inputs["metricTransformation"]["name"] for each in recorded.find_by_type(_METRIC)}
        ),
        queues=count_triggering_queues(PREFIX) - count_triggering_queues(_SITE_PREFIX),
        site_queues=count_triggering_queues(site),
        site_roles=count_site_resources(_ROLE),
        site_tables=count_site_resources(_TABLE),
        site_build_projects=count_site_resources(_BUILD_PROJECT),
        server_memory=SiteSettings(name="any").memory,
        image_memory=int(image.inputs["memorySize"]),
    )


def _find_first_site_name() -> str:
    functions = [str(each.inputs["name"]) for each in get_recording(STAGE).find_by_type(_FUNCTION)]
    servers = [name for name in functions if name.startswith(_SITE_PREFIX) and name.endswith("-server")]
    return servers[0].removeprefix(_SITE_PREFIX).removesuffix("-server")


def _count_matching(resources: list[Recorded], is_included: Callable[[Any], bool]) -> int:
    return sum(1 for each in resources if is_included(each.inputs))


def _count_metrics(alarm: Recorded) -> int:
    """Return the number of metrics of an alarm. AWS bills each metric."""
    queries = alarm.inputs.get("metricQueries") or [{"metric": {}}]
    return sum(1 for query in queries if "metric" in query)
