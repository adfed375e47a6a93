"""Dead letters: failed messages and records are kept in a queue, and an alarm reports them."""

import json
from collections.abc import Iterator
from typing import Final

from policies.encryption import QUEUE
from policies.graph import UNKNOWN, Graph, Resource, ResourceRule, StackRule

_MAPPING: Final = "aws:lambda/eventSourceMapping:EventSourceMapping"
# Types of resources that send dead letters, each with the property that names the dead-letter queue.
_SENDERS: Final = {
    QUEUE: "redrivePolicy",
    _MAPPING: "destinationConfig",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": "destinationConfig",
    "aws:lambda/function:Function": "deadLetterConfig",
    "aws:cloudwatch/eventTarget:EventTarget": "deadLetterConfig",
}


_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
# AWS recommends at least five receives, because a receive counts even if Lambda throttles the function. See
# "Using Lambda with Amazon SQS" in the Lambda Developer Guide.
_MIN_RECEIVES: Final = 5


def find_dead_letter_queues(graph: Graph) -> set[str]:
    """Return the URNs of the queues that receive dead letters."""
    return {
        urn
        for sender in graph.find_by_type(*_SENDERS)
        for urn in sender.references.get(_SENDERS[sender.type], frozenset())
    }


def _check_queues(graph: Graph) -> Iterator[tuple[Resource, str]]:
    dead = find_dead_letter_queues(graph)
    for queue in graph.find_by_type(QUEUE):
        if queue.urn not in dead and not queue.references.get("redrivePolicy"):
            yield queue, "deletes messages that failed: set a redrivePolicy with a dead-letter queue"


def _check_throttling(graph: Graph) -> Iterator[tuple[Resource, str]]:
    queues = {queue.urn: queue for queue in graph.find_by_type(QUEUE)}
    for mapping in graph.find_by_type(_MAPPING):
        consumed = [queues[urn] for urn in mapping.references.get("eventSourceArn", ()) if urn in queues]
        if consumed and mapping.get("scalingConfig.maximumConcurrency") is None:
            yield (
                mapping,
                (
                    "receives messages for which Lambda may have no concurrency left: set "
                    "scalingConfig.maximumConcurrency"
                ),
            )
        for queue in consumed:
            receives = _read_max_receive_count(queue)
            if receives is not None and receives < _MIN_RECEIVES:
                yield (
                    queue,
                    (
                        f"gives messages up after {receives} receives, and a message that Lambda throttled "
                        f"counts as received: set maxReceiveCount to at least {_MIN_RECEIVES}"
                    ),
                )


def _read_max_receive_count(queue: Resource) -> int | None:
    """Return the queue's `maxReceiveCount`, or None if it is missing or not known yet."""
    policy = queue.get("redrivePolicy")
    return None if policy is None or policy is UNKNOWN else int(json.loads(policy)["maxReceiveCount"])


def _check_alarms(graph: Graph) -> Iterator[tuple[Resource, str]]:
    """Check that an alarm stays in the state ALARM as long as its dead-letter queue contains messages.

    SQS stops reporting the metrics of a queue six hours after its last use, and nothing uses a dead-letter
    queue. So the alarm must ignore missing data.
    """
    dead = find_dead_letter_queues(graph)
    for alarm in graph.find_by_type(_ALARM):
        measured = {
            urn for prop in ("dimensions", "metricQueries") for urn in alarm.references.get(prop, frozenset())
        }
        if measured & dead and not alarm.is_one_of("treatMissingData", "ignore"):
            yield (
                alarm,
                (
                    "ends although the dead-letter queue contains messages, because SQS stops reporting "
                    "metrics of a queue that nothing uses: set treatMissingData to ignore"
                ),
            )


def _check_stream(resource: Resource) -> Iterator[str]:
    """Check that a failing record of a stream cannot block the records after it.

    Queues are not checked, because a failing message does not block the other messages.
    """
    if resource.get("startingPosition") is None:
        return
    if not resource.get("destinationConfig.onFailure.destinationArn"):
        yield "deletes records that failed: set destinationConfig.onFailure"
    if resource.get("maximumRetryAttempts") in (None, -1) and not _has_maximum_record_age(resource):
        yield "retries a failing record until the stream deletes it: set maximumRetryAttempts"


def _has_maximum_record_age(resource: Resource) -> bool:
    return resource.get("maximumRecordAgeInSeconds") not in (None, -1)


RULES: Final = (
    StackRule(
        name="queues-have-dead-letters",
        description="Every queue has a dead-letter queue, or is a dead-letter queue.",
        check=_check_queues,
    ),
    StackRule(
        name="queues-tolerate-throttling",
        description="Messages of a queue that a function consumes do not become dead letters by throttling.",
        check=_check_throttling,
    ),
    StackRule(
        name="dead-letter-alarms-stay-active",
        description="The alarm of a dead-letter queue stays active while the queue contains messages.",
        check=_check_alarms,
    ),
    ResourceRule(
        name="streams-have-dead-letters",
        description="A failing record of a stream is sent to a queue and does not block other records.",
        types=(_MAPPING,),
        check=_check_stream,
    ),
)
