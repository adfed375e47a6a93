"""Queue: an SQS queue that loses nothing, with its dead letters and the alarm that they ring (P4)."""

from typing import Final

import attrs
import pulumi
import pulumi_aws as aws

from components.component import Component
from components.errors import DeclarationError
from components.grant import Grant
from components.stage import StageConfig

# Lambda takes a batch again when the queue shows it again: six times the function's timeout, as AWS advises,
# leaves room for the retries of a throttled poller.
VISIBILITY_PER_TIMEOUT: Final = 6
_MAXIMUM_VISIBILITY: Final = 43_200
_DAY: Final = 86_400


@attrs.frozen(kw_only=True)
class QueueArgs:
    """What a Queue is made of.

    Attributes:
        stage: The stage it belongs to.
        visibility: Seconds for which a received message is hidden from others.
        fifo: Whether messages of one group are delivered in order, one at a time.
        receives: After how many failed receives a message is a dead letter.
        alarm: Whether a dead letter is something to be told about.

    Raises:
        DeclarationError: SQS would refuse the queue.
    """

    stage: StageConfig
    visibility: int
    fifo: bool = False
    receives: int = 3
    alarm: bool = True

    def __attrs_post_init__(self) -> None:
        if not 0 < self.visibility <= _MAXIMUM_VISIBILITY:
            raise DeclarationError(
                f"visibility of {self.visibility} s; SQS allows 1 to {_MAXIMUM_VISIBILITY}"
            )
        if self.receives < 1:
            raise DeclarationError(f"dead after {self.receives} receives; at least 1")


class Queue(Component):
    """A queue with a dead-letter queue that keeps what failed for 14 days.

    Attributes:
        url: Where messages are sent.
        arn: The queue's ARN.
        visibility: Seconds, as in its arguments.
    """

    def __init__(self, name: str, args: QueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("queue", name, args.stage, opts)
        suffix = ".fifo" if args.fifo else ""
        dead = aws.sqs.Queue(
            f"{name}-dead",
            name=f"{args.stage.prefix}-{name}-dead{suffix}",
            fifo_queue=args.fifo,
            message_retention_seconds=14 * _DAY,
            sqs_managed_sse_enabled=True,
            opts=self.inside,
        )
        queue = aws.sqs.Queue(
            name,
            name=f"{args.stage.prefix}-{name}{suffix}",
            fifo_queue=args.fifo,
            # Groups do not wait for each other: without this a FIFO queue moves 300 messages a second in all.
            deduplication_scope="messageGroup" if args.fifo else None,
            fifo_throughput_limit="perMessageGroupId" if args.fifo else None,
            visibility_timeout_seconds=args.visibility,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": dead.arn, "maxReceiveCount": args.receives}
            ),
            sqs_managed_sse_enabled=True,
            opts=self.inside,
        )
        aws.sqs.RedriveAllowPolicy(
            name,
            queue_url=dead.url,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}
            ),
            opts=self.inside,
        )
        if args.alarm:
            aws.cloudwatch.MetricAlarm(
                f"{name}-dead",
                name=f"{args.stage.prefix}-{name}-dead",
                alarm_description=f"Messages of {name} failed {args.receives} times and are dead letters",
                namespace="AWS/SQS",
                metric_name="ApproximateNumberOfMessagesVisible",
                dimensions={"QueueName": dead.name},
                statistic="Maximum",
                period=60,
                evaluation_periods=1,
                threshold=0,
                comparison_operator="GreaterThanThreshold",
                treat_missing_data="notBreaching",
                opts=self.inside,
            )
        self.url = queue.url
        self.arn = queue.arn
        self.visibility = args.visibility
        self.register_outputs({"url": queue.url, "arn": queue.arn})

    def grant_send(self) -> Grant:
        """Allow sending messages."""
        return Grant(actions=("sqs:SendMessage",), resources=(self.arn,))

    def grant_consume(self) -> Grant:
        """Allow what Lambda's poller does in the name of the function that consumes the queue."""
        return Grant(
            actions=("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            resources=(self.arn,),
        )
