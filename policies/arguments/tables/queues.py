"""SQS and SNS."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from policies.arguments.checks import (
    Check,
    check_arn,
    has_json,
    has_keys,
    has_length,
    has_tags,
    has_values,
    is_between,
    is_one_of,
    matches,
)
from policies.arguments.documents import check_access_policy, check_iam_json
from policies.arguments.relations import NAME_OR_PREFIX, Block, allow_at_most_one, define_relation
from policies.arguments.resource_type import ResourceType
from policies.graph import UNKNOWN

# AWS's models have no limits for these values, because SQS takes them as texts in a map of attributes.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
_RECEIVE_COUNTS: Final = (1, 1000)
_MAXIMUM_SOURCE_QUEUES: Final = 10


def _check_redrive(value: object, path: str) -> Iterator[str]:
    """Check the content of a `RedrivePolicy`."""
    if not isinstance(value, Mapping):
        yield f"{path} is not an object"
        return
    policy = cast("Mapping[str, Any]", value)
    if unknown := sorted(policy.keys() - {"deadLetterTargetArn", "maxReceiveCount"}):
        yield f"{path} has unknown keys: {', '.join(unknown)}"
    target = policy.get("deadLetterTargetArn")
    if not isinstance(target, str) or not target:
        yield f"{path} has no deadLetterTargetArn"
    else:
        yield from check_arn(target, f"{path}.deadLetterTargetArn")
    count = policy.get("maxReceiveCount")
    if not str(count).isdigit():
        yield f"{path} has no maxReceiveCount"
    else:
        yield from is_between(*_RECEIVE_COUNTS)(int(str(count)), f"{path}.maxReceiveCount")


def _check_redrive_allow(value: object, path: str) -> Iterator[str]:
    """Check the content of a `RedriveAllowPolicy`."""
    if not isinstance(value, Mapping):
        yield f"{path} is not an object"
        return
    policy = cast("Mapping[str, Any]", value)
    permission = policy.get("redrivePermission")
    yield from is_one_of("allowAll", "denyAll", "byQueue")(permission, f"{path}.redrivePermission")
    sources = policy.get("sourceQueueArns")
    if (permission == "byQueue") != bool(sources):
        yield f"{path} needs sourceQueueArns exactly for the redrivePermission byQueue"
    listed = cast("list[object]", sources) if isinstance(sources, list) else []
    if len(listed) > _MAXIMUM_SOURCE_QUEUES:
        yield f"{path} has {len(listed)} sourceQueueArns, the maximum is {_MAXIMUM_SOURCE_QUEUES}"
    for number, source in enumerate(listed):
        yield from check_arn(source, f"{path}.sourceQueueArns[{number}]")


@define_relation("name", "fifoQueue", "contentBasedDeduplication", "redrivePolicy")
def _check_queue(block: Block) -> Iterator[str]:
    """Check the name and the FIFO settings (`resourceQueueCustomizeDiff`)."""
    yield from _check_fifo_settings(block, "fifoQueue")


@define_relation("deduplicationScope", "fifoThroughputLimit", "fifoQueue")
def _check_high_throughput(block: Block) -> Iterator[str]:
    """Check the settings for high throughput of FIFO queues.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    """
    names = [name for name in ("deduplicationScope", "fifoThroughputLimit") if block.get(name) is not None]
    if names and block.get("fifoQueue") in (None, False):
        yield f"{' and '.join(names)} require fifoQueue"
    limit, scope = block.get("fifoThroughputLimit"), block.get("deduplicationScope")
    if limit == "perMessageGroupId" and scope not in ("messageGroup", UNKNOWN):
        yield "fifoThroughputLimit perMessageGroupId requires deduplicationScope messageGroup"


def _check_fifo_settings(block: Block, fifo_argument: str) -> Iterator[str]:
    """Check the name and the deduplication of a queue or topic. `fifo_argument` makes it FIFO if true."""
    name, is_fifo = block.get("name"), block.get(fifo_argument) or False
    if is_fifo is UNKNOWN:
        return
    if isinstance(name, str) and name.endswith(".fifo") != is_fifo:
        yield f"the name {name} must end with .fifo exactly if {fifo_argument} is true"
    if block.get("contentBasedDeduplication") is True and not is_fifo:
        yield f"contentBasedDeduplication requires {fifo_argument}"


def _has_queue_or_topic_name(longest: int) -> tuple[Check, ...]:
    return (matches(rf"^[0-9A-Za-z_-]{{1,{longest}}}$|^[0-9A-Za-z_-]{{1,{longest - 5}}}\.fifo$"),)


@define_relation("name", "fifoTopic", "contentBasedDeduplication")
def _check_topic(block: Block) -> Iterator[str]:
    """Check the name and the FIFO settings (`resourceTopicCustomizeDiff`)."""
    yield from _check_fifo_settings(block, "fifoTopic")


@define_relation("protocol", "endpoint")
def _check_endpoint(block: Block) -> Iterator[str]:
    """Check that the endpoint fits the protocol.

    https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
    """
    protocol, endpoint = block.get("protocol"), block.get("endpoint")
    if not isinstance(endpoint, str):
        return
    if protocol in ("email", "email-json") and "@" not in endpoint.strip("@"):
        yield f"endpoint is not a mail address, which the protocol {protocol} requires"
    if protocol in ("lambda", "sqs", "firehose", "application"):
        yield from check_arn(endpoint or "-", "endpoint")
    if protocol in ("http", "https") and not endpoint.startswith(f"{protocol}://"):
        yield f"endpoint does not begin with {protocol}://"


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html
_QUEUE_TAGS: Final = (has_keys(has_length(1, 128)), has_values(has_length(0, 256)))

TYPES: Final = (
    ResourceType(
        type="aws:sqs/queue:Queue",
        source="sqs/queue.go",
        arguments={
            "name": _has_queue_or_topic_name(80),
            "fifoQueue": (),
            "messageRetentionSeconds": (is_between(60, 1_209_600),),
            "sqsManagedSseEnabled": (),
            "redrivePolicy": (has_json(_check_redrive),),
            "visibilityTimeoutSeconds": (is_between(0, 43_200),),
            "deduplicationScope": (is_one_of("messageGroup", "queue"),),
            "fifoThroughputLimit": (is_one_of("perQueue", "perMessageGroupId"),),
            "tags": _QUEUE_TAGS,
        },
        relations=(
            NAME_OR_PREFIX,
            allow_at_most_one("kmsMasterKeyId", "sqsManagedSseEnabled"),
            _check_queue,
            _check_high_throughput,
        ),
    ),
    ResourceType(
        type="aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
        source="sqs/queue_redrive_allow_policy.go",
        arguments={"queueUrl": (), "redriveAllowPolicy": (has_json(_check_redrive_allow),)},
        name=None,
    ),
    ResourceType(
        type="aws:sns/topic:Topic",
        source="sns/topic.go",
        arguments={
            "name": _has_queue_or_topic_name(256),
            "policy": (check_iam_json, has_json(check_access_policy)),
            "region": (),
            "tags": has_tags("sns.TagKey", "sns.TagValue"),
        },
        relations=(NAME_OR_PREFIX, _check_topic),
    ),
    ResourceType(
        type="aws:sns/topicSubscription:TopicSubscription",
        source="sns/topic_subscription.go",
        arguments={
            "endpoint": (),  # _check_endpoint
            "protocol": (
                is_one_of(
                    "application",
                    "email",
                    "email-json",
                    "firehose",
                    "http",
                    "https",
                    "lambda",
                    "sms",
                    "sqs",
                    ignore_case=True,
                ),
            ),
            "topic": (check_arn,),
            "region": (),
        },
        relations=(_check_endpoint,),
        name=None,
    ),
)
