"""Rules of EventBridge that call something by the clock."""

import re
from typing import Final

import pulumi
import pulumi_aws as aws

from components.core.errors import DeclarationError

_EVERY: Final = re.compile(
    r"rate\((?:1 (?:minute|hour|day)|(?:[2-9]|[1-9]\d+) (?:minutes|hours|days))\)|cron\(\S+(?: \S+){5}\)"
)
_LONGEST_NAME: Final = 64


def schedule_rule(
    name: str, rule_name: str, every: str, description: str, opts: pulumi.ResourceOptions
) -> aws.cloudwatch.EventRule:
    """Make a rule that fires by the clock.

    Args:
        name: The resource's name.
        rule_name: The rule's name.
        every: As EventBridge writes it, in UTC: `rate(1 minute)`, `rate(5 minutes)`, `cron(0 3 * * ? *)`.
        description: What it is for.
        opts: The resource's options.

    Raises:
        DeclarationError: EventBridge would refuse the rule.
    """
    if len(rule_name) > _LONGEST_NAME:
        raise DeclarationError(
            f"rule {rule_name!r} has {len(rule_name)} characters; EventBridge allows {_LONGEST_NAME}"
        )
    if not _EVERY.fullmatch(every):
        raise DeclarationError(
            f"rule {rule_name!r} is to fire {every!r}; EventBridge takes 'rate(1 minute)', 'rate(5 minutes)' "
            "(likewise hours and days) or 'cron(...)' with six fields"
        )
    return aws.cloudwatch.EventRule(
        name, name=rule_name, description=description, schedule_expression=every, opts=opts
    )
