"""The emulator's EventBridge, completed: rules that fire by the clock, sooner than they say or by hand.

The emulator (ministack 1.5.33) fires them when they are due. It calls whatever function a rule names,
though, where AWS asks the function's own policy first.
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
# How often the emulator looks at the clock, unless rules are to fire more often than that.
LOOK_SECONDS: Final = 10.0


@frozen(kw_only=True)
class Schedules:
    """The rules of one account that fire by the clock.

    Attributes:
        seconds: From one call of a rule to the next, whatever the rule says; None as it says.
    """

    account_id: str
    region: str
    seconds: float | None

    def fire(self, rule_name: str) -> bool:
        """Call a rule's targets now, due or not; False when no rule of this name fires by the clock."""
        with request_scope(self.account_id, self.region):
            key = eventbridge._rule_key(rule_name, BUS)
            rule: Json | None = eventbridge._rules.get(key)
            if not rule or not rule.get("ScheduleExpression"):
                return False
            for target in eventbridge._targets.get(key, []):
                eventbridge._invoke_target(target, _event(rule), rule)
            return True


_ORIGINAL_SECONDS = cast("Callable[[str], float | None]", eventbridge._parse_rate_seconds)
_ORIGINAL_INVOKE = cast("Callable[..., None]", eventbridge._invoke_target)


def install(schedules: Schedules) -> None:
    """Replace how long a rule waits, and what it may call."""

    def seconds_of(expression: str) -> float | None:
        """Of a rule for events, whose expression is empty, this is asked too."""
        return schedules.seconds if schedules.seconds and expression else _ORIGINAL_SECONDS(expression)

    eventbridge._parse_rate_seconds = seconds_of
    eventbridge._SCHEDULER_TICK_INTERVAL = min(LOOK_SECONDS, schedules.seconds or LOOK_SECONDS)
    eventbridge._invoke_target = _invoke_target


def _invoke_target(target: Json, event: Json, rule: Json, view: object = None) -> None:
    arn: str = target.get("Arn", "")
    is_function = arn.startswith("arn:aws:lambda:")
    if is_function and not access.service_may_call(arn, SERVICE, rule["Arn"]):
        # What AWS counts as `FailedInvocations`.
        LOG.error("rule %s may not call %s: the function's policy does not let it", rule["Name"], arn)
        return
    _ORIGINAL_INVOKE(target, event, rule, view)


def _event(rule: Json) -> Json:
    """As the emulator makes it when a rule is due."""
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
