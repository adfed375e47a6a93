"""Queue: dead letters, and who may put messages where."""

import json
from typing import Any

import attrs
import pulumi
import pytest

from components.aws.queue import DeadLetterQueue, DeadLetterQueueArgs, Queue, QueueArgs
from components.core.errors import DeclarationError
from tests.components.recorder import Recording, record_program, recording
from tests.components.stages import stage

QUEUE = "aws:sqs/queue:Queue"


def build(name: str = "work", **more: Any) -> Recording:  # noqa: ANN401
    return record_program(lambda: Queue(name, QueueArgs(**{"stage": stage(), "visibility": 60, **more})))


def test_a_message_that_fails_three_times_is_a_dead_letter_kept_for_14_days() -> None:
    """P4."""
    recorded = build()
    assert json.loads(recorded.one(QUEUE, "work").inputs["redrivePolicy"]) == {
        "deadLetterTargetArn": "arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-work-dead",
        "maxReceiveCount": 3,
    }
    assert recorded.one(QUEUE, "work-dead").inputs["messageRetentionSeconds"] == 14 * 24 * 3600


def test_only_its_queue_may_use_a_dead_letter_queue() -> None:
    """P4: which is also what lets its messages be moved back (redrive)."""
    (allowed,) = build().of("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
    assert json.loads(allowed.inputs["redriveAllowPolicy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": ["arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-work"],
    }


def test_a_function_may_be_allowed_to_put_dead_letters_there() -> None:
    def program() -> None:
        queue = DeadLetterQueue("lost", DeadLetterQueueArgs(stage=stage()))
        pulumi.export("grant", attrs.asdict(queue.grant_send()))

    assert record_program(program).outputs["grant"] == {
        "actions": ("sqs:SendMessage",),
        "resources": ("arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-lost",),
        "conditions": None,
    }


def test_a_fifo_queue_has_fifo_dead_letters_and_independent_groups() -> None:
    recorded = build(fifo=True)
    queue, dead = recorded.one(QUEUE, "work").inputs, recorded.one(QUEUE, "work-dead").inputs
    assert (queue["name"], dead["name"]) == ("anchor-dev-work.fifo", "anchor-dev-work-dead.fifo")
    assert queue["fifoQueue"] is dead["fifoQueue"] is True
    assert queue["fifoThroughputLimit"] == "perMessageGroupId"


def test_messages_are_encrypted() -> None:
    assert {queue.inputs["sqsManagedSseEnabled"] for queue in build().of(QUEUE)} == {True}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"visibility": 0}, "1 to 43200"),
        ({"visibility": 43201}, "1 to 43200"),
        ({"max_receive_count": 0}, "at least 1"),
        ({"name": "x" * 70}, "names of 1 to 80"),
        ({"name": "with space"}, "names of 1 to 80"),
    ],
)
def test_what_sqs_would_refuse_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        build(**wrong)


def test_the_build_queue_hides_a_message_as_long_as_a_build_may_take() -> None:
    """P4."""
    recorded = recording("dev")
    assert recorded.one(QUEUE, "builds").inputs["visibilityTimeoutSeconds"] == 1800


def test_releases_of_one_project_follow_each_other() -> None:
    releases = recording("dev").one(QUEUE, "releases").inputs
    assert releases["name"] == "anchor-dev-releases.fifo"
