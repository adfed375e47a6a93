"""Scheduled rules that call functions, in the embedded AWS."""

# ruff: noqa: PLC0415 - the emulator's modules read the environment when they are imported
# pyright: reportPrivateUsage=false

from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator.emulator import ACCOUNT_ID, Emulator, NodeInvocation, NodeResult, NotFoundInEmulatorError
from tests.local.emulator.probe import allow_rule_to_invoke, make_function, wait_for_result

REGION = "ap-southeast-1"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/hourly"
Json = dict[str, Any]


@pytest.fixture
def events(emulator: Emulator) -> list[Json]:
    """The events with which the function `probe` was called."""
    called: list[Json] = []

    def run_invocation(invocation: NodeInvocation) -> NodeResult:
        called.append(invocation.event)
        return NodeResult(payload=None)

    emulator.set_node_invoker(run_invocation)
    return called


@pytest.fixture
def short_interval(running_emulator: Emulator) -> Iterator[None]:
    """Shorten the interval of all scheduled rules to a millisecond, so that every rule is due."""
    assert running_emulator.region == REGION
    from local.emulator.schedules import Schedules, install_schedule_hooks

    install_schedule_hooks(Schedules(account_id=ACCOUNT_ID, region=REGION, seconds=0.001))
    yield
    install_schedule_hooks(Schedules(account_id=ACCOUNT_ID, region=REGION, seconds=None))


def create_hourly_rule(emulator: Emulator, *, allowed: bool = True) -> None:
    function = make_function(emulator, runtime="nodejs22.x")
    if allowed:
        allow_rule_to_invoke(emulator, RULE)
    client = emulator.client("events")
    client.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    client.put_targets(Rule="hourly", Targets=[{"Id": "probe", "Arn": function}])


def run_due_rules() -> None:
    from ministack.services import eventbridge

    eventbridge._tick_scheduled_rules()  # the emulator calls this function in its own thread


def test_a_rule_can_be_fired_by_hand(emulator: Emulator, events: list[Json]) -> None:
    """P9, L1: `fire_rule` calls the targets of a rule before the rule is due."""
    create_hourly_rule(emulator)
    emulator.fire_rule("hourly")
    (event,) = wait_for_result(lambda: events)
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert (event["resources"], event["detail"]) == ([RULE], {})


@pytest.mark.usefixtures("short_interval")
def test_the_interval_of_schedules_can_be_shortened(emulator: Emulator, events: list[Json]) -> None:
    """L1: the rule of this test has an interval of one hour, but it is due immediately."""
    create_hourly_rule(emulator)
    emulator.client("events").put_rule(Name="ended", EventPattern='{"source": ["aws.codebuild"]}')
    run_due_rules()
    (event,) = wait_for_result(lambda: events)
    assert event["resources"] == [RULE]


def test_a_rule_that_is_not_due_calls_no_function(emulator: Emulator, events: list[Json]) -> None:
    create_hourly_rule(emulator)
    run_due_rules()
    assert events == []


def test_a_function_that_does_not_allow_the_rule_is_not_called(
    emulator: Emulator, events: list[Json], caplog: pytest.LogCaptureFixture
) -> None:
    create_hourly_rule(emulator, allowed=False)
    emulator.fire_rule("hourly")
    assert "rule hourly may not call" in caplog.text
    assert events == []


def test_a_rule_for_events_is_not_fired_by_hand(emulator: Emulator) -> None:
    emulator.client("events").put_rule(Name="ended", EventPattern='{"source": ["aws.codebuild"]}')
    for name in ("ended", "absent"):
        with pytest.raises(NotFoundInEmulatorError, match="there is no scheduled rule"):
            emulator.fire_rule(name)
