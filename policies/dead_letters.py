"""Dead letters: failed messages and records are kept in a queue."""

from collections.abc import Iterator
from typing import Final

from policies.encryption import QUEUE
from policies.graph import Graph, Resource, ResourceRule, StackRule

_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
# The resources that send dead letters, and the property that names the dead-letter queue.
_SENDERS: Final = {
    QUEUE: "redrivePolicy",
    _MAPPING: "destinationConfig",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": "destinationConfig",
    "aws:lambda/function:Function": "deadLetterConfig",
    "aws:cloudwatch/eventTarget:EventTarget": "deadLetterConfig",
}


def find_dead_letter_queues(graph: Graph) -> set[str]:
    """Return the URNs of the queues that receive dead letters."""
    return {
        urn
        for sender in graph.of_type(*_SENDERS)
        for urn in sender.references.get(_SENDERS[sender.type], frozenset())
    }


def _check_queues(graph: Graph) -> Iterator[tuple[Resource, str]]:
    dead = find_dead_letter_queues(graph)
    for queue in graph.of_type(QUEUE):
        if queue.urn not in dead and not queue.references.get("redrivePolicy"):
            yield queue, "deletes messages that failed: set a redrivePolicy with a dead-letter queue"


def _check_stream(resource: Resource) -> Iterator[str]:
    """Check that a failing record of a stream cannot block the records after it.

    Queues are not checked, because a failing message does not block the other messages.
    """
    if resource.get("startingPosition") is None:
        return
    if not resource.get("destinationConfig.onFailure.destinationArn"):
        yield "deletes records that failed: set destinationConfig.onFailure"
    if resource.get("maximumRetryAttempts") in (None, -1) and not _has_maximum_age(resource):
        yield "retries a failing record until the stream deletes it: set maximumRetryAttempts"


def _has_maximum_age(resource: Resource) -> bool:
    return resource.get("maximumRecordAgeInSeconds") not in (None, -1)


RULES: Final = (
    StackRule(
        name="queues-have-dead-letters",
        description="Every queue has a dead-letter queue, or is a dead-letter queue.",
        check=_check_queues,
    ),
    ResourceRule(
        name="streams-have-dead-letters",
        description="A failing record of a stream is sent to a queue and does not block other records.",
        types=(_MAPPING,),
        check=_check_stream,
    ),
)
