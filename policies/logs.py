"""Logs: everything that runs writes logs, and all logs expire."""

from collections.abc import Iterator
from typing import Final

from policies.graph import Graph, Resource, ResourceRule, StackRule

_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
# Types of resources that write logs, each with the property that names the log group.
_LOG_PROPERTIES: Final = {
    "aws:lambda/function:Function": "loggingConfig",
    "aws:codebuild/project:Project": "logsConfig",
    "aws:apigatewayv2/stage:Stage": "accessLogSettings",
}


def _check_retention(resource: Resource) -> Iterator[str]:
    if resource.get("retentionInDays") in (None, 0):
        yield "keeps logs forever: set retentionInDays"


def _check_log_destination(graph: Graph) -> Iterator[tuple[Resource, str]]:
    groups = {group.urn for group in graph.find_by_type(_GROUP)}
    for resource in graph.find_by_type(*_LOG_PROPERTIES):
        prop = _LOG_PROPERTIES[resource.type]
        if not groups.intersection(resource.references.get(prop, ())):
            yield resource, f"does not log to a log group of this stack: set {prop}"


def _check_build_log(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("logsConfig.cloudwatchLogs.status", None, "ENABLED"):
        yield "writes no logs: set logsConfig.cloudwatchLogs.status to ENABLED"


RULES: Final = (
    ResourceRule(
        name="log-groups-have-retention",
        description="Log groups have a retention period.",
        types=(_GROUP,),
        check=_check_retention,
        severity="medium",
    ),
    ResourceRule(
        name="builds-write-logs",
        description="CodeBuild projects write logs to CloudWatch.",
        types=("aws:codebuild/project:Project",),
        check=_check_build_log,
        severity="medium",
    ),
    StackRule(
        name="log-groups-are-declared",
        description="Functions, builds and APIs write to a log group that the program declares.",
        check=_check_log_destination,
        severity="medium",
    ),
)
