"""P3, P4, P7, P8, P9, D2: how a push recovers from faults that `test_call_sites.py` does not inject.

These are crashes between steps, lost or repeated messages and events, and unavailable services.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from runtime.deploy.releases import releasing
from runtime.deploy.releases.release_steps import Step
from tests.reliability_page import check_table
from tests.runtime.calls import CrashError
from tests.runtime.faults.injected import make_aws_error, make_throttling_error
from tests.runtime.faults.push_simulation import Outcome, PendingCall, PushSimulation

pytestmark = pytest.mark.thorough

MINUTE = timedelta(minutes=1)

Scenario = Callable[[PushSimulation], Outcome]


def run_scenarios(
    simulation: PushSimulation, table: str, scenarios: Mapping[str, Scenario]
) -> dict[str, Outcome]:
    """Run the scenarios, and compare their outcomes with docs/reliability.md."""
    found = {name: scenario(simulation) for name, scenario in scenarios.items()}
    for name, observed in found.items():
        assert observed.sweeps <= 2, (name, observed)
    check_table(table, ["Fault", "Observed"], [[name, str(observed)] for name, observed in found.items()])
    return found


@contextmanager
def crash_after_step(step: Step) -> Iterator[None]:
    """Crash the release function once, immediately after a step."""
    end = releasing._Attempt.end
    left = [1]

    def end_step_and_crash(run: releasing._Attempt) -> None:
        began = run._since
        end(run)
        if began and run.step == step and left:
            left.pop()
            raise CrashError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(releasing._Attempt, "end", end_step_and_crash)
        yield
    assert not left


def test_a_release_is_completed_after_a_crash_at_any_step(simulation: PushSimulation) -> None:
    def crash_after(step: Step) -> Scenario:
        def run_scenario(simulation: PushSimulation) -> Outcome:
            with crash_after_step(step):
                return simulation.run_pushes()

        return run_scenario

    def crash_before_another_push(simulation: PushSimulation) -> Outcome:
        with crash_after_step(Step.PUBLISH):
            return simulation.run_pushes(pushes=2)

    scenarios = {f"killed after the step “{step}”": crash_after(step) for step in Step}
    scenarios["killed, and the message of a second push waits behind the hidden message"] = (
        crash_before_another_push
    )
    found = run_scenarios(simulation, "release killed", scenarios)
    assert {observed.status for observed in found.values()} == {"live"}


def repeat_first_call(function: str, after: timedelta) -> Scenario:
    """Return a scenario in which AWS or GitHub repeats the first call of a function after a delay."""

    def run_scenario(simulation: PushSimulation) -> Outcome:
        def repeat_call(due: PendingCall) -> None:
            if due.function == function:
                simulation.finished = lambda _: None
                simulation.due.append(PendingCall(simulation.now + after, function, due.content))

        simulation.finished = repeat_call
        return simulation.run_pushes()

    return run_scenario


def lose_first_message(function: str) -> Scenario:
    """Return a scenario in which the first message for a function is lost."""

    def run_scenario(simulation: PushSimulation) -> Outcome:
        simulation.lost.append(function)
        return simulation.run_pushes()

    return run_scenario


def test_a_push_becomes_live_once_despite_repeated_or_lost_messages(simulation: PushSimulation) -> None:
    """P3, P4, P9: the push becomes live, and no deployment is released twice."""
    now, later = timedelta(), 20 * MINUTE
    scenarios = {
        "GitHub delivers the push twice": repeat_first_call("webhook", now),
        "GitHub delivers the push again, 20 minutes later": repeat_first_call("webhook", later),
        "SQS delivers the build message twice": repeat_first_call("orchestrator", now),
        "SQS delivers the build message again, 20 minutes later": repeat_first_call("orchestrator", later),
        "SQS delivers the release message twice": repeat_first_call("release", now),
        "SQS delivers the release message again, 20 minutes later": repeat_first_call("release", later),
        "the build message is lost": lose_first_message("orchestrator"),
        "the release message is lost": lose_first_message("release"),
    }
    started = len(simulation.list_published_versions())
    found = run_scenarios(simulation, "messages", scenarios)
    assert {observed.status for observed in found.values()} == {"live"}
    # No deployment was released twice.
    assert len(simulation.list_published_versions()) == started + len(scenarios)


def delay_build_events(*after: timedelta | None, pushes: int = 1) -> Scenario:
    """Return a scenario in which the events of builds are late or lost.

    Args:
        after: For each build, the delay between its start and its event. None means that no event is sent.
        pushes: Number of pushes. Each push starts a build.
    """

    def run_scenario(simulation: PushSimulation) -> Outcome:
        simulation.events_after = list(after)
        return simulation.run_pushes(pushes=pushes)

    return run_scenario


def test_the_newest_push_becomes_live_despite_late_lost_or_reordered_build_events(
    simulation: PushSimulation,
) -> None:
    """P7, P8, P9: the newest push becomes live, and a later event of an older build does not change this."""
    scenarios = {
        "the event arrives twice": repeat_first_call("build events", timedelta()),
        "the event arrives again, 20 minutes later": repeat_first_call("build events", 20 * MINUTE),
        "the event arrives 45 minutes late": delay_build_events(47 * MINUTE),
        "the event never arrives": delay_build_events(None),
        "two pushes: the event of the first build arrives after the second push is live": delay_build_events(
            45 * MINUTE, 2 * MINUTE, pushes=2
        ),
        "two pushes: no event arrives": delay_build_events(None, None, pushes=2),
    }
    found = run_scenarios(simulation, "events", scenarios)
    assert {observed.status for observed in found.values()} == {"live"}


def refuse_calls(
    operations: set[str], error: Callable[[str], ClientError], *, calls: range, function: str = ""
) -> Scenario:
    """Return a scenario in which AWS refuses calls of these operations.

    Args:
        operations: The operations. One counter counts the calls of all of them.
        error: Returns the error for an operation.
        calls: The values of the counter at which a call is refused. The first call has the value 1.
        function: The function whose calls are refused. By default the calls of all functions.
    """

    def run_scenario(simulation: PushSimulation) -> Outcome:
        made = 0

        def choose_error(operation: str) -> ClientError | None:
            nonlocal made
            if operation not in operations or function not in {"", simulation.injector.function}:
                return None
            made += 1
            return error(operation) if made in calls else None

        simulation.injector.refuse = choose_error
        try:
            return simulation.run_pushes()
        finally:
            simulation.injector.refuse = lambda _: None

    return run_scenario


def throttle_after_push(operations: set[str], time: timedelta) -> Scenario:
    """Return a scenario in which AWS throttles these operations for some time after the push is accepted."""

    def run_scenario(simulation: PushSimulation) -> Outcome:
        def start_throttling(due: PendingCall) -> None:
            if due.function == "webhook":
                end = simulation.now + time
                simulation.injector.refuse = lambda operation: (
                    make_throttling_error(operation)
                    if operation in operations and simulation.now < end
                    else None
                )

        simulation.finished = start_throttling
        try:
            return simulation.run_pushes()
        finally:
            simulation.finished = lambda _: None
            simulation.injector.refuse = lambda _: None

    return run_scenario


def make_access_denied_error(operation: str) -> ClientError:
    name = "".join(word.capitalize() for word in operation.split("_"))
    return make_aws_error(name, "AccessDeniedException", 403)


def make_account_limit_error(_: str) -> ClientError:
    return make_aws_error("StartBuild", "AccountLimitExceededException", 400)


def make_invalid_input_error(_: str) -> ClientError:
    return make_aws_error("StartBuild", "InvalidInputException", 400, "no such image")


def test_unavailable_services_do_not_affect_the_live_release(simulation: PushSimulation) -> None:
    """D2, P9: a temporary refusal only delays the push. A permanent refusal fails the push with a reason."""
    dynamodb = {"get_item", "query", "transact_write_items", "update_item"}
    uploads = {"put", "put_object"}
    always = range(1, 10_000)
    scenarios = {
        "CodeBuild throttles StartBuild once": refuse_calls(
            {"start_build"}, make_throttling_error, calls=range(1, 2)
        ),
        "CodeBuild throttles StartBuild at every delivery of the build message": refuse_calls(
            {"start_build"}, make_throttling_error, calls=range(1, 4)
        ),
        "the account's quota of concurrent builds is reached, four times": refuse_calls(
            {"start_build"}, make_account_limit_error, calls=range(1, 5)
        ),
        "DynamoDB throttles every call for four minutes, right after the push": throttle_after_push(
            dynamodb, 4 * MINUTE
        ),
        "S3 refuses four uploads midway": refuse_calls(
            uploads, make_throttling_error, calls=range(4, 8), function="release"
        ),
        "S3 refuses all uploads from the fourth on, until the release function fails": refuse_calls(
            uploads, make_throttling_error, calls=range(4, 60), function="release"
        ),
        "S3 denies all uploads": refuse_calls(
            uploads, make_access_denied_error, calls=always, function="release"
        ),
        "CodeBuild refuses the build permanently": refuse_calls(
            {"start_build"}, make_invalid_input_error, calls=always
        ),
        "the edge's store is busy at two writes": refuse_calls(
            {"put_key"}, make_throttling_error, calls=range(1, 3)
        ),
        "Lambda denies a new version": refuse_calls(
            {"publish_version"}, make_access_denied_error, calls=always
        ),
    }
    found = run_scenarios(simulation, "services", scenarios)
    for name, observed in found.items():
        fails = "denies" in name or "permanently" in name
        assert observed.status == ("failed" if fails else "live"), (name, observed)
        assert bool(observed.reason) == fails
