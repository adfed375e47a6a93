"""SQS: queues and their policies."""

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    ProviderContext,
    build_attributes,
    read_tags,
)

# The queue attribute for each property. In the API, all attributes are strings.
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
def create_queue(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a queue. The name of a FIFO queue ends with `.fifo`."""
    properties = declared.properties
    name = declared.physical_name()
    given = build_attributes(properties, ATTRIBUTES)
    if given.get("FifoQueue") == "false":
        del given["FifoQueue"]  # SQS refuses the attribute on a standard queue
    url = aws.client("sqs").create_queue(QueueName=name, Attributes=given, tags=read_tags(properties))[
        "QueueUrl"
    ]
    return CreatedResource(id=url, outputs={"arn": aws.build_arn("sqs", name), "name": name, "url": url})


@updates("aws:sqs/queue:Queue")
def update_queue(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the queue's attributes."""
    given = build_attributes(declared.properties, ATTRIBUTES)
    given.pop("FifoQueue", None)  # SQS cannot change this attribute
    aws.client("sqs").set_queue_attributes(QueueUrl=made.id, Attributes=given)
    return made


@deletes("aws:sqs/queue:Queue")
def delete_queue(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the queue with its messages."""
    aws.client("sqs").delete_queue(QueueUrl=made.id)


def _register_queue_attribute(token: str, key: str) -> None:
    """Register a resource type that sets one attribute of a queue."""
    attribute = ATTRIBUTES[key]

    @creates(token, repeatable=True)
    def put(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:  # pyright: ignore[reportUnusedFunction] - registered
        properties = declared.properties
        url = properties["queueUrl"]
        aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={attribute: properties[key]})
        return CreatedResource(id=url)

    @deletes(token)
    def remove(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        aws.client("sqs").set_queue_attributes(QueueUrl=made.id, Attributes={attribute: ""})


_register_queue_attribute("aws:sqs/queuePolicy:QueuePolicy", "policy")
_register_queue_attribute("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy")
_register_queue_attribute("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy")
