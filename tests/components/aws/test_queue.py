"""Queue: dead letters, FIFO and limits."""

import json
from typing import Any

import attrs
import pulumi
import pytest

from components.aws.queue import DeadLetterQueue, DeadLetterQueueArgs, Queue, QueueArgs
from components.core.errors import DeclarationError
from tests.components.recorder import Recording, get_recording, record_program
from tests.components.stages import make_scope

QUEUE = "aws:sqs/queue:Queue"


def record_queue(name: str = "work", **arguments: Any) -> Recording:  # noqa: ANN401
    return record_program(
        lambda: Queue(name, QueueArgs(**{"scope": make_scope(), "visibility_timeout": 60, **arguments}))
    )


def test_a_message_moves_to_the_dead_letter_queue_after_five_receives() -> None:
    """Requirement P4."""
    recorded = record_queue()
    assert json.loads(recorded.find_resource(QUEUE, "work").inputs["redrivePolicy"]) == {
        "deadLetterTargetArn": "arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-work-dead",
        "maxReceiveCount": 5,
    }
    assert recorded.find_resource(QUEUE, "work-dead").inputs["messageRetentionSeconds"] == 14 * 24 * 3600


def test_only_the_source_queue_may_use_a_dead_letter_queue() -> None:
    """P4: no other queue of the account can send its dead letters to this queue."""
    (allowed,) = record_queue().find_by_type("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
    assert json.loads(allowed.inputs["redriveAllowPolicy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": ["arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-work"],
    }


def test_grant_send_allows_sending_messages_to_a_dead_letter_queue() -> None:
    def define_resources() -> None:
        queue = DeadLetterQueue("lost", DeadLetterQueueArgs(scope=make_scope()))
        pulumi.export("grant", attrs.asdict(queue.grant_send()))

    assert record_program(define_resources).outputs["grant"] == {
        "actions": ("sqs:SendMessage",),
        "resources": ("arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-lost",),
        "conditions": None,
    }


def test_a_fifo_queue_has_a_fifo_dead_letter_queue_and_a_limit_per_message_group() -> None:
    recorded = record_queue(fifo=True)
    queue, dead = (
        recorded.find_resource(QUEUE, "work").inputs,
        recorded.find_resource(QUEUE, "work-dead").inputs,
    )
    assert (queue["name"], dead["name"]) == ("anchor-dev-work.fifo", "anchor-dev-work-dead.fifo")
    assert queue["fifoQueue"] is dead["fifoQueue"] is True
    assert queue["fifoThroughputLimit"] == "perMessageGroupId"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"visibility_timeout": 0}, "1 to 43200"),
        ({"visibility_timeout": 43201}, "1 to 43200"),
        ({"max_receive_count": 0}, "at least 1"),
        ({"name": "x" * 70}, "names of 1 to 80"),
        ({"name": "with space"}, "names of 1 to 80"),
    ],
)
def test_invalid_arguments_are_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        record_queue(**wrong)


def test_the_visibility_timeout_of_the_build_queue_is_the_build_timeout() -> None:
    """Requirement P4."""
    recorded = get_recording("dev")
    assert recorded.find_resource(QUEUE, "builds").inputs["visibilityTimeoutSeconds"] == 1800


def test_the_release_queue_is_a_fifo_queue() -> None:
    releases = get_recording("dev").find_resource(QUEUE, "releases").inputs
    assert releases["name"] == "anchor-dev-releases.fifo"
