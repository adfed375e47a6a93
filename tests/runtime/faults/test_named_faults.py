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
from tests.runtime.faults.injected import aws_error, throttling_error
from tests.runtime.faults.push_simulation import Outcome, PendingCall, PushSimulation

pytestmark = pytest.mark.thorough

MINUTE = timedelta(minutes=1)

Scenario = Callable[[PushSimulation], Outcome]


def observe(simulation: PushSimulation, table: str, scenarios: Mapping[str, Scenario]) -> dict[str, Outcome]:
    """Run the scenarios, and compare their outcomes with docs/reliability.md."""
    found = {name: scenario(simulation) for name, scenario in scenarios.items()}
    for name, observed in found.items():
        assert observed.sweeps <= 2, (name, observed)
    check_table(table, ["Fault", "Observed"], [[name, str(observed)] for name, observed in found.items()])
    return found


@contextmanager
def killed_after(step: Step) -> Iterator[None]:
    """Crash the release function once, immediately after a step."""
    end = releasing._Attempt.end
    left = [1]

    def ends(run: releasing._Attempt) -> None:
        began = run._since
        end(run)
        if began and run.step == step and left:
            left.pop()
            raise CrashError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(releasing._Attempt, "end", ends)
        yield
    assert not left


def test_a_release_is_completed_after_a_crash_at_any_step(simulation: PushSimulation) -> None:
    def crash_after(step: Step) -> Scenario:
        def scenario(simulation: PushSimulation) -> Outcome:
            with killed_after(step):
                return simulation.observe()

        return scenario

    def crash_before_another_push(simulation: PushSimulation) -> Outcome:
        with killed_after(Step.PUBLISH):
            return simulation.observe(pushes=2)

    scenarios = {f"killed after the step “{step}”": crash_after(step) for step in Step}
    scenarios["killed, and the message of a second push waits behind the hidden message"] = (
        crash_before_another_push
    )
    found = observe(simulation, "release killed", scenarios)
    assert {observed.status for observed in found.values()} == {"live"}


def twice(function: str, after: timedelta) -> Scenario:
    """Return a scenario in which AWS repeats the first call of a function, `after` its end."""

    def scenario(simulation: PushSimulation) -> Outcome:
        def again(due: PendingCall) -> None:
            if due.function == function:
                simulation.finished = lambda _: None
                simulation.due.append(PendingCall(simulation.now + after, function, due.content))

        simulation.finished = again
        return simulation.observe()

    return scenario


def lost(function: str) -> Scenario:
    """Return a scenario in which the first message for a function is lost."""

    def scenario(simulation: PushSimulation) -> Outcome:
        simulation.lost.append(function)
        return simulation.observe()

    return scenario


def test_repeated_or_lost_messages_change_nothing(simulation: PushSimulation) -> None:
    """P3, P4, P9: the push becomes live, and no deployment is released twice."""
    now, later = timedelta(), 20 * MINUTE
    scenarios = {
        "GitHub delivers the push twice": twice("webhook", now),
        "GitHub delivers the push again, 20 minutes later": twice("webhook", later),
        "SQS delivers the build message twice": twice("orchestrator", now),
        "SQS delivers the build message again, 20 minutes later": twice("orchestrator", later),
        "SQS delivers the release message twice": twice("release", now),
        "SQS delivers the release message again, 20 minutes later": twice("release", later),
        "the build message is lost": lost("orchestrator"),
        "the release message is lost": lost("release"),
    }
    started = len(simulation.functions_published())
    found = observe(simulation, "messages", scenarios)
    assert {observed.status for observed in found.values()} == {"live"}
    # No deployment was released twice.
    assert len(simulation.functions_published()) == started + len(scenarios)


def delayed(*after: timedelta | None, pushes: int = 1) -> Scenario:
    """Return a scenario in which build events arrive this long after their builds start. None means never."""

    def scenario(simulation: PushSimulation) -> Outcome:
        simulation.events_after = list(after)
        return simulation.observe(pushes=pushes)

    return scenario


def test_late_lost_or_reordered_build_events_change_nothing(simulation: PushSimulation) -> None:
    """P7, P8, P9: the newest push becomes live, and a later event of an older build does not change this."""
    scenarios = {
        "the event arrives twice": twice("build events", timedelta()),
        "the event arrives again, 20 minutes later": twice("build events", 20 * MINUTE),
        "the event arrives 45 minutes late": delayed(47 * MINUTE),
        "the event never arrives": delayed(None),
        "two pushes: the event of the first build arrives after the second push is live": delayed(
            45 * MINUTE, 2 * MINUTE, pushes=2
        ),
        "two pushes: no event arrives": delayed(None, None, pushes=2),
    }
    found = observe(simulation, "events", scenarios)
    assert {observed.status for observed in found.values()} == {"live"}


def refused(operations: set[str], error: Callable[[str], ClientError], *, calls: range) -> Scenario:
    """Return a scenario in which AWS refuses calls of these operations.

    Args:
        operations: The operations, whose calls are counted together.
        error: Returns the error for an operation.
        calls: The numbers of the refused calls, counted from 1.
    """

    def scenario(simulation: PushSimulation) -> Outcome:
        made = 0

        def refuse(operation: str) -> ClientError | None:
            nonlocal made
            if operation not in operations:
                return None
            made += 1
            return error(operation) if made in calls else None

        simulation.injector.refuse = refuse
        try:
            return simulation.observe()
        finally:
            simulation.injector.refuse = lambda _: None

    return scenario


def down(operations: set[str], time: timedelta) -> Scenario:
    """Return a scenario in which AWS throttles these operations for some time after the push is accepted."""

    def scenario(simulation: PushSimulation) -> Outcome:
        def accepted(due: PendingCall) -> None:
            if due.function == "webhook":
                end = simulation.now + time
                simulation.injector.refuse = lambda operation: (
                    throttling_error(operation) if operation in operations and simulation.now < end else None
                )

        simulation.finished = accepted
        try:
            return simulation.observe()
        finally:
            simulation.finished = lambda _: None
            simulation.injector.refuse = lambda _: None

    return scenario


def denied(operation: str) -> ClientError:
    name = "".join(word.capitalize() for word in operation.split("_"))
    return aws_error(name, "AccessDeniedException", 403)


def full(_: str) -> ClientError:
    return aws_error("StartBuild", "AccountLimitExceededException", 400)


def refusing_the_build(_: str) -> ClientError:
    return aws_error("StartBuild", "InvalidInputException", 400, "no such image")


def test_unavailable_services_do_not_affect_the_live_release(simulation: PushSimulation) -> None:
    """D2, P9: a temporary refusal only delays the push. A permanent refusal fails the push with a reason."""
    dynamodb = {"get_item", "query", "transact_write_items", "update_item"}
    uploads = {"put", "put_object"}
    always = range(1, 10_000)
    scenarios = {
        "CodeBuild throttles StartBuild once": refused({"start_build"}, throttling_error, calls=range(1, 2)),
        "CodeBuild throttles StartBuild at every delivery of the build message": refused(
            {"start_build"}, throttling_error, calls=range(1, 4)
        ),
        "the account's quota of concurrent builds is reached, four times": refused(
            {"start_build"}, full, calls=range(1, 5)
        ),
        "DynamoDB throttles every call for four minutes, right after the push": down(dynamodb, 4 * MINUTE),
        "S3 refuses four uploads midway": refused(uploads, throttling_error, calls=range(4, 8)),
        "S3 refuses all uploads from the fourth on, until the release function fails": refused(
            uploads, throttling_error, calls=range(4, 60)
        ),
        "S3 denies all uploads": refused(uploads, denied, calls=always),
        "CodeBuild refuses the build permanently": refused({"start_build"}, refusing_the_build, calls=always),
        "the edge's store is busy at two writes": refused({"put_key"}, throttling_error, calls=range(1, 3)),
        "Lambda denies a new version": refused({"publish_version"}, denied, calls=always),
    }
    found = observe(simulation, "services", scenarios)
    for name, observed in found.items():
        fails = "denies" in name or "permanently" in name
        assert observed.status == ("failed" if fails else "live"), (name, observed)
        assert bool(observed.reason) == fails
