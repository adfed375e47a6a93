"""EventBridge rules that run on a schedule."""

import re
from typing import Final

import pulumi
import pulumi_aws as aws

from components.core.errors import DeclarationError

_SCHEDULE_EXPRESSION: Final = re.compile(
    r"rate\((?:1 (?:minute|hour|day)|(?:[2-9]|[1-9]\d+) (?:minutes|hours|days))\)|cron\(\S+(?: \S+){5}\)"
)
_LONGEST_NAME: Final = 64


def create_schedule_rule(
    name: str, rule_name: str, schedule: str, description: str, opts: pulumi.ResourceOptions
) -> aws.cloudwatch.EventRule:
    """Create a rule that runs on a schedule.

    Args:
        name: Name of the resource.
        rule_name: Name of the rule.
        schedule: Schedule expression of EventBridge, in UTC: `rate(1 minute)`, `rate(5 minutes)` or `cron(0 3
            * * ? *)`.
        description: Description of the rule.
        opts: Options of the resource.

    Raises:
        DeclarationError: The name or the schedule is invalid.
    """
    if len(rule_name) > _LONGEST_NAME:
        raise DeclarationError(
            f"rule {rule_name!r} has {len(rule_name)} characters; EventBridge allows {_LONGEST_NAME}"
        )
    if not _SCHEDULE_EXPRESSION.fullmatch(schedule):
        raise DeclarationError(
            f"rule {rule_name!r} has the schedule {schedule!r}; EventBridge allows 'rate(1 minute)', "
            "'rate(5 minutes)' (likewise hours and days) or 'cron(...)' with six fields"
        )
    return aws.cloudwatch.EventRule(
        name, name=rule_name, description=description, schedule_expression=schedule, opts=opts
    )
