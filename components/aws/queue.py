"""Queue: an SQS queue with a dead-letter queue."""

import re
from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.errors import DeclarationError
from components.core.grants import Grant
from components.core.outputs import interpolate_json
from components.core.scope import ResourceScope

# AWS recommends a visibility timeout of at least six times the function's timeout. Lambda then has time to
# retry a throttled call before SQS delivers the messages again.
VISIBILITY_TIMEOUT_FACTOR: Final = 6
# If Lambda has no concurrency left for a function, a message counts as received although the function has
# never run. AWS therefore recommends at least five receives. With fewer receives, a short lack of
# concurrency would send messages to the dead-letter queue.
MIN_RECEIVES_FOR_LAMBDA: Final = 5
_MAXIMUM_VISIBILITY: Final = 43_200
_DAY: Final = 86_400
_NAME: Final = re.compile(r"(?=.{1,80}$)[A-Za-z0-9_-]+(?:\.fifo)?")


@attrs.frozen(kw_only=True)
class QueueArgs:
    """Arguments of `Queue`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        visibility_timeout: Seconds for which a received message is hidden from other receivers.
        fifo: Whether the messages of a group are delivered in order, one at a time.
        max_receive_count: Number of receives after which a message moves to the dead-letter queue. A queue
            that a function consumes needs at least 5.

    Raises:
        DeclarationError: A value is outside the limits of SQS.
    """

    scope: ResourceScope
    visibility_timeout: int
    fifo: bool = False
    max_receive_count: int = MIN_RECEIVES_FOR_LAMBDA

    def __attrs_post_init__(self) -> None:
        if not 0 < self.visibility_timeout <= _MAXIMUM_VISIBILITY:
            raise DeclarationError(
                f"visibility_timeout is {self.visibility_timeout} s; SQS allows 1 to {_MAXIMUM_VISIBILITY}"
            )
        if self.max_receive_count < 1:
            raise DeclarationError(f"max_receive_count is {self.max_receive_count}; allowed: at least 1")


@attrs.frozen(kw_only=True)
class DeadLetterQueueArgs:
    """Arguments of `DeadLetterQueue`.

    Attributes:
        scope: Values that the resources share, such as the name prefix.
        fifo: Whether the source queue is FIFO. A queue and its dead-letter queue must have the same type.
    """

    scope: ResourceScope
    fifo: bool = False


class DeadLetterQueue(Part):
    """A queue that keeps failed messages for 14 days.

    Attributes:
        url: Queue URL.
        arn: Queue ARN.
        queue_name: Queue name, which is the dimension of its CloudWatch metrics.
    """

    def __init__(
        self, name: str, args: DeadLetterQueueArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        full_name = _build_full_name(args.scope, name, fifo=args.fifo)
        super().__init__(args.scope, opts)
        queue = aws.sqs.Queue(
            name,
            name=full_name,
            fifo_queue=args.fifo,
            message_retention_seconds=14 * _DAY,
            sqs_managed_sse_enabled=True,
            opts=self.child_opts,
        )
        self.url = queue.url
        self.arn = queue.arn
        self.queue_name = queue.name

    def grant_send(self) -> Grant:
        """Allow sending dead letters. Lambda sends them with the role of the function that failed."""
        return Grant(actions=("sqs:SendMessage",), resources=(self.arn,))


class Queue(Part):
    """A queue with a dead-letter queue.

    Attributes:
        url: Queue URL.
        arn: Queue ARN.
        queue_name: Queue name.
        visibility_timeout: Seconds for which a received message is hidden from other receivers.
        max_receive_count: Number of receives after which a message moves to the dead-letter queue.
        dead_letter_queue: The queue that keeps the failed messages.
    """

    def __init__(self, name: str, args: QueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        full_name = _build_full_name(args.scope, name, fifo=args.fifo)
        super().__init__(args.scope, opts)
        self.dead_letter_queue = DeadLetterQueue(
            f"{name}-dead", DeadLetterQueueArgs(scope=args.scope, fifo=args.fifo), self.child_opts
        )
        queue = aws.sqs.Queue(
            name,
            name=full_name,
            fifo_queue=args.fifo,
            # With these settings, the limit of 300 requests a second applies to each message group. By
            # default, the limit applies to the whole queue.
            deduplication_scope="messageGroup" if args.fifo else None,
            fifo_throughput_limit="perMessageGroupId" if args.fifo else None,
            visibility_timeout_seconds=args.visibility_timeout,
            redrive_policy=interpolate_json(
                {"deadLetterTargetArn": self.dead_letter_queue.arn, "maxReceiveCount": args.max_receive_count}
            ),
            sqs_managed_sse_enabled=True,
            opts=self.child_opts,
        )
        aws.sqs.RedriveAllowPolicy(
            name,
            queue_url=self.dead_letter_queue.url,
            redrive_allow_policy=interpolate_json(
                {"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}
            ),
            opts=self.child_opts,
        )
        self.url = queue.url
        self.arn = queue.arn
        self.queue_name = queue.name
        self.visibility_timeout = args.visibility_timeout
        self.max_receive_count = args.max_receive_count

    def grant_send(self) -> Grant:
        """Allow sending messages."""
        return Grant(actions=("sqs:SendMessage",), resources=(self.arn,))

    def grant_change_visibility(self) -> Grant:
        """Allow changing the visibility timeout of a received message."""
        return Grant(actions=("sqs:ChangeMessageVisibility",), resources=(self.arn,))

    def grant_consume(self) -> Grant:
        """Allow the calls that Lambda's poller makes with the role of the consuming function."""
        return Grant(
            actions=("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            resources=(self.arn,),
        )


def _build_full_name(scope: ResourceScope, name: str, *, fifo: bool) -> str:
    """Return the queue name. The names of FIFO queues must end in `.fifo`."""
    full_name = f"{scope.prefix}-{name}{'.fifo' if fifo else ''}"
    if not _NAME.fullmatch(full_name):
        raise DeclarationError(f"queue {full_name!r}: SQS allows names of 1 to 80 of a-z A-Z 0-9 _ -")
    return full_name
