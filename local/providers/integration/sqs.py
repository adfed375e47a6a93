"""SQS: queues and their policies."""

from local.providers.core.registry import (
    register_creator,
    register_deleter,
    register_reader,
    register_updater,
)
from local.providers.core.resource import (
    CreatedResource,
    DeclaredResource,
    Properties,
    ProviderContext,
    build_attributes,
    find_removed_tags,
    parse_attributes,
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
# An update sets each of these attributes to the default of SQS if the program does not declare it. Policies
# are not listed: separate resources can set the policies, and an update of the queue must not remove them.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
}


@register_creator("aws:sqs/queue:Queue")
def create_queue(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a queue. The name of a FIFO queue ends with `.fifo`."""
    properties = declared.properties
    name = declared.get_physical_name()
    given = build_attributes(properties, ATTRIBUTES)
    if given.get("FifoQueue") == "false":
        del given["FifoQueue"]  # SQS refuses the attribute on a standard queue
    url = aws.client("sqs").create_queue(QueueName=name, Attributes=given, tags=read_tags(properties))[
        "QueueUrl"
    ]
    return CreatedResource(id=url, outputs={"arn": aws.build_arn("sqs", name), "name": name, "url": url})


@register_updater("aws:sqs/queue:Queue")
def update_queue(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the queue's attributes and tags."""
    client = aws.client("sqs")
    given = DEFAULTS | build_attributes(declared.properties, ATTRIBUTES)
    given.pop("FifoQueue", None)  # SQS cannot change this attribute
    client.set_queue_attributes(QueueUrl=made.id, Attributes=given)
    tags = client.list_queue_tags(QueueUrl=made.id).get("Tags", {})
    if removed := find_removed_tags(tags, declared.properties):
        client.untag_queue(QueueUrl=made.id, TagKeys=removed)
    if wanted := read_tags(declared.properties):
        client.tag_queue(QueueUrl=made.id, Tags=wanted)
    return made


@register_reader("aws:sqs/queue:Queue")
def read_queue(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the queue's attributes and tags."""
    client = aws.client("sqs")
    attributes = client.get_queue_attributes(QueueUrl=made.id, AttributeNames=["All"])["Attributes"]
    return {
        **parse_attributes(attributes, ATTRIBUTES),
        "name": made.id.rpartition("/")[2],
        "tags": client.list_queue_tags(QueueUrl=made.id).get("Tags", {}),
    }


@register_deleter("aws:sqs/queue:Queue")
def delete_queue(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the queue with its messages."""
    aws.client("sqs").delete_queue(QueueUrl=made.id)


def _register_queue_attribute(token: str, key: str) -> None:
    """Register a resource type that sets one attribute of a queue."""
    attribute = ATTRIBUTES[key]

    @register_creator(token, repeatable=True)
    def put(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:  # pyright: ignore[reportUnusedFunction] - registered
        properties = declared.properties
        url = properties["queueUrl"]
        aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={attribute: properties[key]})
        return CreatedResource(id=url)

    @register_deleter(token)
    def remove(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:  # pyright: ignore[reportUnusedFunction] - registered
        aws.client("sqs").set_queue_attributes(QueueUrl=made.id, Attributes={attribute: ""})

    @register_reader(token)
    def read(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties | None:  # pyright: ignore[reportUnusedFunction] - registered
        answer = aws.client("sqs").get_queue_attributes(QueueUrl=made.id, AttributeNames=[attribute])
        text = answer.get("Attributes", {}).get(attribute)
        return {"queueUrl": made.id, key: text} if text else None


_register_queue_attribute("aws:sqs/queuePolicy:QueuePolicy", "policy")
_register_queue_attribute("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy")
_register_queue_attribute("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy")
