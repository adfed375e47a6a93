"""Logs: everything that runs writes one, and none is kept for ever."""

from collections.abc import Iterator
from typing import Final

from policies.graph import Graph, Resource, ResourceRule, StackRule

_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
# Who logs, and in which property it names the group.
_LOGGING: Final = {
    "aws:lambda/function:Function": "loggingConfig",
    "aws:codebuild/project:Project": "logsConfig",
    "aws:apigatewayv2/stage:Stage": "accessLogSettings",
}


def _retention(resource: Resource) -> Iterator[str]:
    if resource.get("retentionInDays") in (None, 0):
        yield "keeps its logs for ever: set retentionInDays"


def _without_group(graph: Graph) -> Iterator[tuple[Resource, str]]:
    groups = {group.urn for group in graph.of(_GROUP)}
    for resource in graph.of(*_LOGGING):
        by = _LOGGING[resource.type]
        if not groups.intersection(resource.refers.get(by, ())):
            yield resource, f"logs to no group that this stack declares: name one in {by}"


def _build_log(resource: Resource) -> Iterator[str]:
    if not resource.is_one_of("logsConfig.cloudwatchLogs.status", None, "ENABLED"):
        yield "does not log: set logsConfig.cloudwatchLogs.status to ENABLED"


RULES: Final = (
    ResourceRule(
        name="logs-end",
        description="Log groups say how long they keep what is logged.",
        types=(_GROUP,),
        check=_retention,
        severity="medium",
    ),
    ResourceRule(
        name="builds-log",
        description="Builds log.",
        types=("aws:codebuild/project:Project",),
        check=_build_log,
        severity="medium",
    ),
    StackRule(
        name="logs-have-a-group",
        description="Functions, builds and APIs log to a group that the program declares.",
        check=_without_group,
        severity="medium",
    ),
)
