"""R5: a resource that moves within the program stays the same resource, if it has a Pulumi alias."""

from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest

from local.emulator.emulator import Emulator
from local.engine.engine import Engine

CONFIG = {"aws:region": "ap-southeast-1"}


class Shelf(pulumi.ComponentResource):
    """A component with one queue. In an earlier program, the queue was at the top level of the stack."""

    def __init__(self, name: str, *aliases: pulumi.Alias | str) -> None:
        super().__init__("anchor:test:Shelf", name)
        options = pulumi.ResourceOptions(parent=self, aliases=list(aliases))
        self.queue = aws.sqs.Queue("orders", name="orders", opts=options)
        self.register_outputs({})


def declare_queue_without_component() -> None:
    aws.sqs.Queue("orders", name="orders")


@pytest.mark.parametrize(
    "alias",
    [
        pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE),
        "urn:pulumi:local::anchor-deploy::aws:sqs/queue:Queue::orders",
    ],
)
def test_a_resource_with_an_alias_is_not_replaced_and_not_deleted(
    emulator: Emulator, tmp_path: Path, alias: pulumi.Alias | str
) -> None:
    engine = Engine(emulator, root=tmp_path)
    engine.deploy_program(declare_queue_without_component, stack="local", config=CONFIG)
    url = emulator.client("sqs").get_queue_url(QueueName="orders")["QueueUrl"]
    emulator.client("sqs").send_message(QueueUrl=url, MessageBody="kept")

    moved = engine.deploy_program(lambda: Shelf("shelf", alias), stack="local", config=CONFIG)
    assert (moved.created, moved.updated, moved.deleted) == ((), (), ())
    (queue,) = moved.find_by_type("aws:sqs/queue:Queue")
    assert queue.urn == "urn:pulumi:local::anchor-deploy::anchor:test:Shelf$aws:sqs/queue:Queue::orders"
    received = emulator.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert [message["Body"] for message in received] == ["kept"]

    again = engine.deploy_program(lambda: Shelf("shelf", alias), stack="local", config=CONFIG)
    assert (again.created, again.updated, again.deleted) == ((), (), ())
