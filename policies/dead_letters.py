"""Dead letters: what fails for good is kept for somebody to look at (P4)."""

from collections.abc import Iterator
from typing import Final

from policies.encryption import QUEUE
from policies.graph import Graph, Resource, ResourceRule, StackRule

_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
# Who else puts dead letters into a queue, and in which property it names the queue.
_SENDING: Final = {
    QUEUE: "redrivePolicy",
    _MAPPING: "destinationConfig",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": "destinationConfig",
    "aws:lambda/function:Function": "deadLetterConfig",
    "aws:cloudwatch/eventTarget:EventTarget": "deadLetterConfig",
}


def dead_letter_queues(graph: Graph) -> set[str]:
    """The URNs of what dead letters are sent to."""
    return {
        urn for sender in graph.of(*_SENDING) for urn in sender.refers.get(_SENDING[sender.type], frozenset())
    }


def _without_dead_letters(graph: Graph) -> Iterator[tuple[Resource, str]]:
    dead = dead_letter_queues(graph)
    for queue in graph.of(QUEUE):
        if queue.urn not in dead and not queue.refers.get("redrivePolicy"):
            yield queue, "loses what fails for good: give it a redrivePolicy with a dead-letter queue"


def _stream(resource: Resource) -> Iterator[str]:
    """A stream waits behind a record that fails; a queue does not."""
    if resource.get("startingPosition") is None:
        return
    if not resource.get("destinationConfig.onFailure.destinationArn"):
        yield "loses records that fail for good: set destinationConfig.onFailure"
    if resource.get("maximumRetryAttempts") in (None, -1) and not _ends_by_age(resource):
        yield "tries a record that fails until the stream forgets it: set maximumRetryAttempts"


def _ends_by_age(resource: Resource) -> bool:
    return resource.get("maximumRecordAgeInSeconds") not in (None, -1)


RULES: Final = (
    StackRule(
        name="queues-have-dead-letters",
        description="Every queue has a dead-letter queue, or is one.",
        check=_without_dead_letters,
    ),
    ResourceRule(
        name="streams-have-dead-letters",
        description="A record of a stream that fails for good ends in a queue, and blocks no others.",
        types=(_MAPPING,),
        check=_stream,
    ),
)
