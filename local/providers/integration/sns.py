"""SNS: topics, their subscriptions and policies."""

import json
from typing import Any

from botocore.exceptions import ClientError

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
    build_tag_list,
    find_removed_tags,
    parse_attributes,
    parse_tag_list,
)

# The topic attribute for each property. In the API, all attributes are strings.
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


@register_creator("aws:sns/topic:Topic")
def create_topic(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a topic. The name of a FIFO topic ends with `.fifo`."""
    properties = declared.properties
    name = declared.get_physical_name()
    given = build_attributes(properties, ATTRIBUTES)
    if given.get("FifoTopic") == "false":
        del given["FifoTopic"]  # SNS refuses the attribute on a standard topic
    arn = aws.client("sns").create_topic(Name=name, Attributes=given, Tags=build_tag_list(properties))[
        "TopicArn"
    ]
    return CreatedResource(id=arn, outputs={"arn": arn, "name": name, "owner": aws.account_id})


@register_updater("aws:sns/topic:Topic")
def update_topic(aws: ProviderContext, declared: DeclaredResource, made: CreatedResource) -> CreatedResource:
    """Update the topic's attributes and tags."""
    client = aws.client("sns")
    for name, value in {"DisplayName": "", **build_attributes(declared.properties, ATTRIBUTES)}.items():
        if name != "FifoTopic":
            client.set_topic_attributes(TopicArn=made.id, AttributeName=name, AttributeValue=value)
    if removed := find_removed_tags(_read_topic_tags(aws, made.id), declared.properties):
        client.untag_resource(ResourceArn=made.id, TagKeys=removed)
    if wanted := build_tag_list(declared.properties):
        client.tag_resource(ResourceArn=made.id, Tags=wanted)
    return made


@register_reader("aws:sns/topic:Topic")
def read_topic(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the topic's attributes and tags."""
    attributes = aws.client("sns").get_topic_attributes(TopicArn=made.id)["Attributes"]
    return {
        **parse_attributes(attributes, ATTRIBUTES),
        "name": made.id.rpartition(":")[2],
        "tags": _read_topic_tags(aws, made.id),
    }


def _read_topic_tags(aws: ProviderContext, arn: str) -> dict[str, str]:
    return parse_tag_list(aws.client("sns").list_tags_for_resource(ResourceArn=arn)["Tags"])


@register_deleter("aws:sns/topic:Topic")
def delete_topic(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Delete the topic with its subscriptions."""
    aws.client("sns").delete_topic(TopicArn=made.id)


@register_creator("aws:sns/topicPolicy:TopicPolicy", repeatable=True)
def create_topic_policy(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Set the topic's policy."""
    properties = declared.properties
    arn = properties["arn"]
    _set_policy(aws, arn, properties["policy"])
    return CreatedResource(id=arn, outputs={"owner": aws.account_id})


@register_deleter("aws:sns/topicPolicy:TopicPolicy")
def delete_topic_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> None:
    """Restore the topic's default policy, which gives permissions only to the topic's own account."""
    statement: dict[str, Any] = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes"],
        "Resource": made.id,
        "Condition": {"StringEquals": {"AWS:SourceOwner": aws.account_id}},
    }
    _set_policy(aws, made.id, json.dumps({"Version": "2008-10-17", "Statement": [statement]}))


@register_reader("aws:sns/topicPolicy:TopicPolicy")
def read_topic_policy(aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource) -> Properties:
    """Return the topic's policy. Every topic has a policy."""
    attributes = aws.client("sns").get_topic_attributes(TopicArn=made.id)["Attributes"]
    return {"arn": made.id, "policy": attributes["Policy"]}


def _set_policy(aws: ProviderContext, arn: str, policy: str) -> None:
    aws.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


@register_creator("aws:sns/topicSubscription:TopicSubscription")
def create_topic_subscription(aws: ProviderContext, declared: DeclaredResource) -> CreatedResource:
    """Create a subscription. E-mail subscriptions are never confirmed: the emulator sends no e-mail."""
    properties = declared.properties
    arn = aws.client("sns").subscribe(
        TopicArn=properties["topic"],
        Protocol=properties["protocol"],
        Endpoint=properties["endpoint"],
        Attributes=build_attributes(properties, SUBSCRIPTION_ATTRIBUTES),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    pending = properties["protocol"] in {"email", "email-json"}
    return CreatedResource(
        id=arn, outputs={"arn": arn, "ownerId": aws.account_id, "pendingConfirmation": pending}
    )


@register_reader("aws:sns/topicSubscription:TopicSubscription")
def read_topic_subscription(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> Properties:
    """Return the subscription's attributes."""
    attributes = aws.client("sns").get_subscription_attributes(SubscriptionArn=made.id)["Attributes"]
    names = {**SUBSCRIPTION_ATTRIBUTES, "topic": "TopicArn", "protocol": "Protocol", "endpoint": "Endpoint"}
    return parse_attributes(attributes, names)


@register_deleter("aws:sns/topicSubscription:TopicSubscription")
def delete_topic_subscription(
    aws: ProviderContext, _declared: DeclaredResource, made: CreatedResource
) -> None:
    """Delete the subscription. The topic remains.

    SNS refuses to delete a subscription that waits for its confirmation. This function ignores the refusal,
    because SNS deletes such a subscription with its topic, or after some days.
    """
    try:
        aws.client("sns").unsubscribe(SubscriptionArn=made.id)
    except ClientError as error:
        if "pending confirmation" not in error.response["Error"]["Message"]:
            raise
