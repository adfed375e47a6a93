"""SNS: topics, who is told by them and who may publish."""

import json
from typing import Any

from local.providers.core.registry import creates, deletes, updates
from local.providers.core.resource import Aws, Declared, Made, attributes, tag_list

# The provider's properties that are the topic's attributes, all of which are strings in the API.
ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoTopic": "FifoTopic",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
SUBSCRIPTION_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
}


@creates("aws:sns/topic:Topic")
def topic(aws: Aws, declared: Declared) -> Made:
    """A topic; a FIFO one has a name that says so."""
    properties = declared.properties
    name = declared.named()
    given = attributes(properties, ATTRIBUTES)
    if given.get("FifoTopic") == "false":
        del given["FifoTopic"]  # SNS refuses the attribute on a standard topic
    arn = aws.client("sns").create_topic(Name=name, Attributes=given, Tags=tag_list(properties))["TopicArn"]
    return Made(id=arn, outputs={"arn": arn, "name": name, "owner": aws.account_id})


@updates("aws:sns/topic:Topic")
def update_topic(aws: Aws, declared: Declared, made: Made) -> Made:
    """Its attributes."""
    for name, value in attributes(declared.properties, ATTRIBUTES).items():
        if name != "FifoTopic":
            aws.client("sns").set_topic_attributes(TopicArn=made.id, AttributeName=name, AttributeValue=value)
    return made


@deletes("aws:sns/topic:Topic")
def delete_topic(aws: Aws, _declared: Declared, made: Made) -> None:
    """With its subscriptions."""
    aws.client("sns").delete_topic(TopicArn=made.id)


@creates("aws:sns/topicPolicy:TopicPolicy", repeatable=True)
def topic_policy(aws: Aws, declared: Declared) -> Made:
    """The topic's one policy."""
    properties = declared.properties
    arn = properties["arn"]
    _set_policy(aws, arn, properties["policy"])
    return Made(id=arn, outputs={"owner": aws.account_id})


@deletes("aws:sns/topicPolicy:TopicPolicy")
def delete_topic_policy(aws: Aws, _declared: Declared, made: Made) -> None:
    """A topic always has a policy: back to what AWS has by default, that its own account may publish."""
    statement: dict[str, Any] = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes"],
        "Resource": made.id,
        "Condition": {"StringEquals": {"AWS:SourceOwner": aws.account_id}},
    }
    _set_policy(aws, made.id, json.dumps({"Version": "2008-10-17", "Statement": [statement]}))


def _set_policy(aws: Aws, arn: str, policy: str) -> None:
    aws.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


@creates("aws:sns/topicSubscription:TopicSubscription")
def topic_subscription(aws: Aws, declared: Declared) -> Made:
    """Somebody who is told. An e-mail address has to confirm, which nobody does here."""
    properties = declared.properties
    arn = aws.client("sns").subscribe(
        TopicArn=properties["topic"],
        Protocol=properties["protocol"],
        Endpoint=properties["endpoint"],
        Attributes=attributes(properties, SUBSCRIPTION_ATTRIBUTES),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    pending = properties["protocol"] in {"email", "email-json"}
    return Made(id=arn, outputs={"arn": arn, "ownerId": aws.account_id, "pendingConfirmation": pending})


@deletes("aws:sns/topicSubscription:TopicSubscription")
def delete_topic_subscription(aws: Aws, _declared: Declared, made: Made) -> None:
    """The topic stays."""
    aws.client("sns").unsubscribe(SubscriptionArn=made.id)
