"""Scheduled rules that call functions, in the embedded AWS."""

# ruff: noqa: PLC0415 - the emulator's modules read the environment when they are imported
# pyright: reportPrivateUsage=false

from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator.emulator import ACCOUNT_ID, Emulator, NodeInvocation, NodeResult, NotFoundInEmulatorError
from tests.local.emulator.probe import eventually, let_rule_call, make_function

REGION = "ap-southeast-1"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/hourly"
Json = dict[str, Any]


@pytest.fixture
def events(emulator: Emulator) -> list[Json]:
    """The events with which the function `probe` was called."""
    called: list[Json] = []

    def run(invocation: NodeInvocation) -> NodeResult:
        called.append(invocation.event)
        return NodeResult(payload=None)

    emulator.set_node_invoker(run)
    return called


@pytest.fixture
def impatient(running_emulator: Emulator) -> Iterator[None]:
    """Makes every rule due immediately."""
    assert running_emulator.region == REGION
    from local.emulator.schedules import Schedules, install

    install(Schedules(account_id=ACCOUNT_ID, region=REGION, seconds=0.001))
    yield
    install(Schedules(account_id=ACCOUNT_ID, region=REGION, seconds=None))


def hourly(emulator: Emulator, *, allowed: bool = True) -> None:
    function = make_function(emulator, runtime="nodejs22.x")
    if allowed:
        let_rule_call(emulator, RULE)
    client = emulator.client("events")
    client.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    client.put_targets(Rule="hourly", Targets=[{"Id": "probe", "Arn": function}])


def look_at_the_clock() -> None:
    from ministack.services import eventbridge

    eventbridge._tick_scheduled_rules()  # the emulator's thread calls the same function


def test_a_rule_can_be_fired_by_hand(emulator: Emulator, events: list[Json]) -> None:
    """P9, L1."""
    hourly(emulator)
    emulator.fire_rule("hourly")
    (event,) = eventually(lambda: events)
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert (event["resources"], event["detail"]) == ([RULE], {})


@pytest.mark.usefixtures("impatient")
def test_the_interval_of_schedules_can_be_shortened(emulator: Emulator, events: list[Json]) -> None:
    """L1."""
    hourly(emulator)
    emulator.client("events").put_rule(Name="ended", EventPattern='{"source": ["aws.codebuild"]}')
    look_at_the_clock()
    (event,) = eventually(lambda: events)
    assert event["resources"] == [RULE]


def test_a_rule_that_is_not_due_calls_no_function(emulator: Emulator, events: list[Json]) -> None:
    hourly(emulator)
    look_at_the_clock()
    assert events == []


def test_a_function_that_does_not_let_the_rule_call_it_is_not_called(
    emulator: Emulator, events: list[Json], caplog: pytest.LogCaptureFixture
) -> None:
    hourly(emulator, allowed=False)
    emulator.fire_rule("hourly")
    assert "rule hourly may not call" in caplog.text
    assert events == []


def test_a_rule_for_events_is_not_fired_by_hand(emulator: Emulator) -> None:
    emulator.client("events").put_rule(Name="ended", EventPattern='{"source": ["aws.codebuild"]}')
    for name in ("ended", "absent"):
        with pytest.raises(NotFoundInEmulatorError, match="there is no scheduled rule"):
            emulator.fire_rule(name)
