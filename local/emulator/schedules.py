"""EventBridge hooks for the emulator: run scheduled rules more often or on demand, and check permissions.

The emulator (ministack 1.5.33) calls the function of a rule without a check. AWS first checks whether the
function's resource policy allows the call. The hook does the same, for scheduled rules and for event rules.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import logging
import time
import uuid
from collections.abc import Callable
from typing import Any, Final, cast

from attrs import frozen
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge

from local.emulator import access

Json = dict[str, Any]

LOG = logging.getLogger(__name__)
BUS: Final = "default"
SERVICE: Final = "events.amazonaws.com"
# Interval at which the emulator looks for rules that are due, unless rules must run more often.
POLL_SECONDS: Final = 10.0


@frozen(kw_only=True)
class Schedules:
    """The scheduled rules of one account.

    Attributes:
        seconds: Interval of all scheduled rules. With None, each rule has the interval of its own schedule.
    """

    account_id: str
    region: str
    seconds: float | None

    def fire_rule(self, rule_name: str) -> bool:
        """Call a rule's targets now. Return False if there is no scheduled rule with this name."""
        with request_scope(self.account_id, self.region):
            key = eventbridge._rule_key(rule_name, BUS)
            rule: Json | None = eventbridge._rules.get(key)
            if not rule or not rule.get("ScheduleExpression"):
                return False
            for target in eventbridge._targets.get(key, []):
                eventbridge._invoke_target(target, _create_event(rule), rule)
            return True


_ORIGINAL_SECONDS = cast("Callable[[str], float | None]", eventbridge._parse_rate_seconds)
_ORIGINAL_INVOKE = cast("Callable[..., None]", eventbridge._invoke_target)


def install_schedule_hooks(schedules: Schedules) -> None:
    """Install the hooks."""

    def get_seconds(expression: str) -> float | None:
        """Return a rule's interval in seconds, or None if it has no rate.

        The emulator also calls this function for event rules. Their expression is empty.
        """
        return schedules.seconds if schedules.seconds and expression else _ORIGINAL_SECONDS(expression)

    eventbridge._parse_rate_seconds = get_seconds
    eventbridge._SCHEDULER_TICK_INTERVAL = min(POLL_SECONDS, schedules.seconds or POLL_SECONDS)
    eventbridge._invoke_target = _invoke_target


def _invoke_target(target: Json, event: Json, rule: Json, view: object = None) -> None:
    arn: str = target.get("Arn", "")
    is_function = arn.startswith("arn:aws:lambda:")
    if is_function and not access.is_invocable_by_service(arn, SERVICE, rule["Arn"]):
        # AWS counts this as `FailedInvocations`.
        LOG.error("rule %s may not call %s: the function's policy does not allow it", rule["Name"], arn)
        return
    _ORIGINAL_INVOKE(target, event, rule, view)


def _create_event(rule: Json) -> Json:
    """Return the same event that the emulator creates when a rule is due."""
    return {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.events",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "EventBusName": BUS,
        "Time": time.time(),
        "Resources": [rule["Arn"]],
        "Account": get_account_id(),
        "Region": get_region(),
    }
