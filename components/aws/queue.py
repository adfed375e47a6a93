"""Queue: an SQS queue that loses nothing, with the queue of its dead letters (P4)."""

import re
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.errors import DeclarationError
from components.core.grants import Grant
from components.core.outputs import composed_json
from components.core.stage import StageConfig

# Lambda takes a batch again when the queue shows it again: six times the function's timeout, as AWS advises,
# leaves room for the retries of a throttled poller.
VISIBILITY_PER_TIMEOUT: Final = 6
_MAXIMUM_VISIBILITY: Final = 43_200
_DAY: Final = 86_400
_NAME: Final = re.compile(r"(?=.{1,80}$)[A-Za-z0-9_-]+(?:\.fifo)?")


@attrs.frozen(kw_only=True)
class QueueArgs:
    """What a Queue is made of.

    Attributes:
        stage: The stage it belongs to.
        visibility: Seconds for which a received message is hidden from others.
        fifo: Whether messages of one group are delivered in order, one at a time.
        max_receive_count: After how many failed receives a message is a dead letter.

    Raises:
        DeclarationError: SQS would refuse the queue.
    """

    stage: StageConfig
    visibility: int
    fifo: bool = False
    max_receive_count: int = 3

    def __attrs_post_init__(self) -> None:
        if not 0 < self.visibility <= _MAXIMUM_VISIBILITY:
            raise DeclarationError(
                f"visibility of {self.visibility} s; SQS allows 1 to {_MAXIMUM_VISIBILITY}"
            )
        if self.max_receive_count < 1:
            raise DeclarationError(f"max_receive_count of {self.max_receive_count}; at least 1")


@attrs.frozen(kw_only=True)
class DeadLetterQueueArgs:
    """What a DeadLetterQueue is made of.

    Attributes:
        stage: The stage it belongs to.
        fifo: Whether it takes what a FIFO queue could not deliver: SQS wants both to be of one kind.
    """

    stage: StageConfig
    fifo: bool = False


class DeadLetterQueue(Part):
    """Where what failed for good is kept for 14 days. `components/operations/alarms.py` tells somebody of it.

    Attributes:
        url: The queue's URL.
        arn: The queue's ARN.
        queue_name: The queue's name, under which CloudWatch counts its messages.
    """

    def __init__(
        self, name: str, args: DeadLetterQueueArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        full_name = _full_name(args.stage, name, fifo=args.fifo)
        super().__init__(args.stage, opts)
        queue = aws.sqs.Queue(
            name,
            name=full_name,
            fifo_queue=args.fifo,
            message_retention_seconds=14 * _DAY,
            sqs_managed_sse_enabled=True,
            opts=self.inside,
        )
        self.url = queue.url
        self.arn = queue.arn
        self.queue_name = queue.name

    def grant_send(self) -> Grant:
        """Allow putting dead letters there, which Lambda does in the name of the function that failed."""
        return Grant(actions=("sqs:SendMessage",), resources=(self.arn,))


class Queue(Part):
    """A queue with a dead-letter queue that keeps what failed for 14 days.

    Attributes:
        url: Where messages are sent.
        arn: The queue's ARN.
        queue_name: The queue's name.
        visibility: Seconds, as in its arguments.
        max_receive_count: As in its arguments.
        dead: Its dead-letter queue.
    """

    def __init__(self, name: str, args: QueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        full_name = _full_name(args.stage, name, fifo=args.fifo)
        super().__init__(args.stage, opts)
        self.dead = DeadLetterQueue(
            f"{name}-dead", DeadLetterQueueArgs(stage=args.stage, fifo=args.fifo), self.inside
        )
        queue = aws.sqs.Queue(
            name,
            name=full_name,
            fifo_queue=args.fifo,
            # Groups do not wait for each other: without this a FIFO queue moves 300 messages a second in all.
            deduplication_scope="messageGroup" if args.fifo else None,
            fifo_throughput_limit="perMessageGroupId" if args.fifo else None,
            visibility_timeout_seconds=args.visibility,
            redrive_policy=composed_json(
                {"deadLetterTargetArn": self.dead.arn, "maxReceiveCount": args.max_receive_count}
            ),
            sqs_managed_sse_enabled=True,
            opts=self.inside,
        )
        aws.sqs.RedriveAllowPolicy(
            name,
            queue_url=self.dead.url,
            redrive_allow_policy=composed_json(
                {"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}
            ),
            opts=self.inside,
        )
        self.url = queue.url
        self.arn = queue.arn
        self.queue_name = queue.name
        self.visibility = args.visibility
        self.max_receive_count = args.max_receive_count

    def grant_send(self) -> Grant:
        """Allow sending messages."""
        return Grant(actions=("sqs:SendMessage",), resources=(self.arn,))

    def grant_show_again(self) -> Grant:
        """Allow saying when a message that was received is to come again."""
        return Grant(actions=("sqs:ChangeMessageVisibility",), resources=(self.arn,))

    def grant_consume(self) -> Grant:
        """Allow what Lambda's poller does in the name of the function that consumes the queue."""
        return Grant(
            actions=("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            resources=(self.arn,),
        )


def _full_name(stage: StageConfig, name: str, *, fifo: bool) -> str:
    """The queue's name, at whose end SQS wants to see what is a FIFO queue."""
    full_name = f"{stage.prefix}-{name}{'.fifo' if fifo else ''}"
    if not _NAME.fullmatch(full_name):
        raise DeclarationError(f"queue {full_name!r}: SQS takes names of 1 to 80 of a-z A-Z 0-9 _ -")
    return full_name
