"""Alerts: whom alarms tell (Q2)."""

import attrs
import pulumi
import pulumi_aws as aws

from components.core.component import Part
from components.core.outputs import Joined, composed_json
from components.core.stage import CLOUDFRONT_REGION, StageConfig


@attrs.frozen(kw_only=True)
class AlertsArgs:
    """What the alerts are made of.

    Attributes:
        stage: The stage they belong to, with the addresses that are mailed.
        account: The AWS account's id; only its alarms are told.
    """

    stage: StageConfig
    account: pulumi.Input[str]


class Alerts(Part):
    """The topic of a stage's alarms, and a second one in the region where CloudFront keeps its metrics.

    An alarm and its topic must be in the same region. AWS asks every address once, for each topic, whether it
    wants these mails; until somebody there has confirmed, nothing is sent to it.

    The topics have no KMS key: an alarm says names and numbers, leaves by unencrypted mail anyway, and the
    key that AWS manages does not let CloudWatch in.

    Attributes:
        topic_arn: Tells of alarms in the stage's region.
        cloudfront_topic_arn: Tells of alarms on CloudFront's metrics.
    """

    def __init__(self, name: str, args: AlertsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(args.stage, opts)
        self._args = args
        self.topic_arn = self._topic(name, None)
        self.cloudfront_topic_arn = self._topic(f"{name}-cloudfront", CLOUDFRONT_REGION)

    def _topic(self, name: str, elsewhere: str | None) -> pulumi.Output[str]:
        """Make a topic in the stage's region, or elsewhere, and mail it to everyone; its ARN."""
        stage = self.stage
        topic_name = f"{stage.prefix}-alarms"
        topic = aws.sns.Topic(
            name,
            name=topic_name,
            region=elsewhere,
            policy=self._policy(elsewhere or stage.region, topic_name),
            opts=self.inside,
        )
        for address in stage.alert_emails:
            aws.sns.TopicSubscription(
                f"{name}-{address}",
                topic=topic.arn,
                region=elsewhere,
                protocol="email",
                endpoint=address,
                opts=self.inside,
            )
        return topic.arn

    def _policy(self, region: str, topic: str) -> pulumi.Input[str]:
        """Let the alarms of this stage publish, and nobody without TLS."""
        account = self._args.account
        arn = Joined(f"arn:aws:sns:{region}:", account, f":{topic}")
        alarms = Joined(f"arn:aws:cloudwatch:{region}:", account, f":alarm:{self.stage.prefix}-*")
        return composed_json(
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
