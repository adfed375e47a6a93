"""How many there are of what is paid for or has a quota: counted in what production declares."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from attrs import frozen

from components.core.stage_settings import SiteSettings
from reference.tables import PREFIX, STAGE
from tests.components.recorder import Recorded, recording

_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
_BUILD_PROJECT: Final = "aws:codebuild/project:Project"
_FUNCTION: Final = "aws:lambda/function:Function"
_KEY: Final = "aws:kms/key:Key"
_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
_METRIC: Final = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
_ROLE: Final = "aws:iam/role:Role"
_TABLE: Final = "aws:dynamodb/table:Table"
_OF_SITES: Final = f"{PREFIX}site-"


@frozen(kw_only=True)
class Counts:
    """What a stage has whatever its sites, and what each site adds.

    Attributes:
        keys: KMS keys of the stage.
        alarm_metrics: Metrics that the stage's alarms look at.
        custom_metrics: Metrics that are made of logs.
        queues: Queues of the stage that functions consume.
        site_queues: Queues of a site that functions consume.
        site_roles: Roles of a site.
        site_tables: Tables of a site.
        site_build_projects: Build projects of a site.
        server_memory: MB of a site's function that renders pages, unless its settings say otherwise.
        image_memory: MB of a site's function that optimises images.
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
def counts() -> Counts:
    """Count them."""
    recorded = recording(STAGE)
    site = f"{_OF_SITES}{_a_site()}-"

    def of_site(kind: str) -> int:
        return _number(recorded.of_type(kind), lambda inputs: str(inputs["name"]).startswith(site))

    def consumed(beginning: str) -> int:
        return _number(
            recorded.of_type(_MAPPING), lambda inputs: f":{beginning}" in str(inputs["eventSourceArn"])
        )

    (image,) = [each for each in recorded.of_type(_FUNCTION) if each.inputs["name"] == f"{site}image"]
    return Counts(
        keys=len(recorded.of_type(_KEY)),
        alarm_metrics=sum(_metrics(alarm) for alarm in recorded.of_type(_ALARM)),
        custom_metrics=len(
            {each.inputs["metricTransformation"]["name"] for each in recorded.of_type(_METRIC)}
        ),
        queues=consumed(PREFIX) - consumed(_OF_SITES),
        site_queues=consumed(site),
        site_roles=of_site(_ROLE),
        site_tables=of_site(_TABLE),
        site_build_projects=of_site(_BUILD_PROJECT),
        server_memory=SiteSettings(name="any").memory,
        image_memory=int(image.inputs["memorySize"]),
    )


def _a_site() -> str:
    functions = [str(each.inputs["name"]) for each in recording(STAGE).of_type(_FUNCTION)]
    servers = [name for name in functions if name.startswith(_OF_SITES) and name.endswith("-server")]
    return servers[0].removeprefix(_OF_SITES).removesuffix("-server")


def _number(resources: list[Recorded], chosen: Callable[[Any], bool]) -> int:
    return sum(1 for each in resources if chosen(each.inputs))


def _metrics(alarm: Recorded) -> int:
    """An alarm on several metrics is paid for by the metric."""
    queries = alarm.inputs.get("metricQueries") or [{"metric": {}}]
    return sum(1 for query in queries if "metric" in query)
