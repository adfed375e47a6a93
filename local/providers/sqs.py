"""SQS: queues and their policies."""

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, attributes, tags

# The provider's properties that are the queue's attributes, all of which are strings in the API.
ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}


@creates("aws:sqs/queue:Queue")
def queue(aws: Aws, declared: Declared) -> Made:
    """A queue; a FIFO one has a name that says so."""
    properties = declared.properties
    name = declared.named()
    given = attributes(properties, ATTRIBUTES)
    if given.get("FifoQueue") == "false":
        del given["FifoQueue"]  # SQS refuses the attribute on a standard queue
    url = aws.client("sqs").create_queue(QueueName=name, Attributes=given, tags=tags(properties))["QueueUrl"]
    return Made(id=url, outputs={"arn": aws.arn("sqs", name), "name": name, "url": url})


@updates("aws:sqs/queue:Queue")
def update_queue(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its attributes."""
    given = attributes(declared.properties, ATTRIBUTES)
    given.pop("FifoQueue", None)  # it cannot be changed
    aws.client("sqs").set_queue_attributes(QueueUrl=made.id, Attributes=given)
    return made


@deletes("aws:sqs/queue:Queue")
def delete_queue(aws: Aws, _declared: Declared, made: Made) -> None:
    """With its messages."""
    aws.client("sqs").delete_queue(QueueUrl=made.id)


def _attribute_of_queue(token: str, key: str) -> None:
    """A type that is one attribute of a queue."""
    attribute = ATTRIBUTES[key]

    @creates(token, repeatable=True)
    def put(aws: Aws, declared: Declared) -> Made:  # pyright: ignore[reportUnusedFunction] - registered
        properties = declared.properties
        url = properties["queueUrl"]
        aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={attribute: properties[key]})
        return Made(id=url)

    @deletes(token)
    def remove(aws: Aws, _declared: Declared, made: Made) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        aws.client("sqs").set_queue_attributes(QueueUrl=made.id, Attributes={attribute: ""})


_attribute_of_queue("aws:sqs/queuePolicy:QueuePolicy", "policy")
_attribute_of_queue("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy")
_attribute_of_queue("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy")
