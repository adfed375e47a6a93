"""Alerts: the SNS topics of alarms."""

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.outputs import JoinedText, interpolate_json
from components.core.scope import CLOUDFRONT_REGION, ResourceScope


@attrs.frozen(kw_only=True)
class AlertsArgs:
    """Arguments of `Alerts`.

    Attributes:
        scope: Values that the resources share. Only alarms with its prefix and account may publish.
        emails: Addresses that receive alarms. AWS sends a confirmation link to each address for each topic.
    """

    scope: ResourceScope
    emails: tuple[str, ...]


class Alerts(Part):
    """The topic of a stage's alarms, and a second topic if CloudFront's metrics are in another region.

    An alarm and its topic must be in the same region. AWS asks each address to confirm its subscription to
    each topic, and sends no alarms before the confirmation.

    The topics have no KMS key. Encryption would protect little: an alarm contains only names and numbers, and
    AWS sends it by unencrypted mail. CloudWatch cannot publish to a topic with the AWS managed key.

    Attributes:
        topic_arn: ARN of the topic in the scope's region.
        cloudfront_topic_arn: ARN of the topic for alarms on CloudFront metrics.
    """

    def __init__(self, name: str, args: AlertsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.scope, opts)
        self._args = args
        self.topic_arn = self._create_topic(name, None)
        # A region cannot have two topics with the same name.
        self.cloudfront_topic_arn = (
            self.topic_arn
            if args.scope.region == CLOUDFRONT_REGION
            else self._create_topic(f"{name}-cloudfront", CLOUDFRONT_REGION)
        )

    def _create_topic(self, name: str, region: str | None) -> pulumi.Output[str]:
        """Create a topic with a subscription for each address, and return its ARN.

        Args:
            name: Name of the resource.
            region: Region, or None for the scope's region.
        """
        scope = self.scope
        topic_name = f"{scope.prefix}-alarms"
        topic = aws.sns.Topic(
            name,
            name=topic_name,
            region=region,
            policy=self._build_policy(region or scope.region, topic_name),
            opts=self.child_opts,
        )
        for address in self._args.emails:
            aws.sns.TopicSubscription(
                f"{name}-{address}",
                topic=topic.arn,
                region=region,
                protocol="email",
                endpoint=address,
                opts=self.child_opts,
            )
        return topic.arn

    def _build_policy(self, region: pulumi.Input[str], topic: str) -> pulumi.Input[str]:
        """Return a topic policy that lets only alarms with the scope's prefix publish, and only over TLS."""
        account = self.scope.account
        arn = JoinedText("arn:aws:sns:", region, ":", account, f":{topic}")
        alarms = JoinedText("arn:aws:cloudwatch:", region, ":", account, f":alarm:{self.scope.prefix}-*")
        return interpolate_json(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudwatch.amazonaws.com"},
                        "Action": "sns:Publish",
                        "Resource": arn,
                        "Condition": {
                            "StringEquals": {"aws:SourceAccount": account},
                            "ArnLike": {"aws:SourceArn": alarms},
                        },
                    },
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sns:Publish",
                        "Resource": arn,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ],
            }
        )
