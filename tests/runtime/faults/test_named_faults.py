"""P3, P4, P7, P8, P9, D2: faults other than a fault at a single call, and how a push recovers."""

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
from tests.runtime.faults.push_simulation import Journey, Outcome, PendingCall

pytestmark = pytest.mark.thorough

MINUTE = timedelta(minutes=1)

Scenario = Callable[[Journey], Outcome]


def observe(journey: Journey, table: str, scenarios: Mapping[str, Scenario]) -> dict[str, Outcome]:
    """Run the scenarios, and compare their outcomes with docs/reliability.md."""
    found = {name: scenario(journey) for name, scenario in scenarios.items()}
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


def test_a_release_is_completed_after_a_crash_at_any_step(journey: Journey) -> None:
    def dies_after(step: Step) -> Scenario:
        def scenario(journey: Journey) -> Outcome:
            with killed_after(step):
                return journey.observe()

        return scenario

    def dies_before_another_push(journey: Journey) -> Outcome:
        with killed_after(Step.PUBLISH):
            return journey.observe(pushes=2)

    scenarios = {f"killed after the step “{step}”": dies_after(step) for step in Step}
    scenarios["killed, and another push waits behind its hidden message"] = dies_before_another_push
    found = observe(journey, "release killed", scenarios)
    assert {observed.status for observed in found.values()} == {"live"}


def twice(function: str, after: timedelta) -> Scenario:
    """AWS calls a function a second time after it has finished."""

    def scenario(journey: Journey) -> Outcome:
        def again(due: PendingCall) -> None:
            if due.function == function:
                journey.finished = lambda _: None
                journey.due.append(PendingCall(journey.now + after, function, due.content))

        journey.finished = again
        return journey.observe()

    return scenario


def lost(function: str) -> Scenario:
    """The first message or event for a function is lost."""

    def scenario(journey: Journey) -> Outcome:
        journey.lost.append(function)
        return journey.observe()

    return scenario


def test_repeated_or_lost_messages_change_nothing(journey: Journey) -> None:
    """P3, P4, P9."""
    now, later = timedelta(), 20 * MINUTE
    scenarios = {
        "GitHub delivers the push twice": twice("webhook", now),
        "GitHub delivers it again, 20 minutes later": twice("webhook", later),
        "SQS brings the build message twice": twice("orchestrator", now),
        "SQS brings the build message again, 20 minutes later": twice("orchestrator", later),
        "SQS brings the release message twice": twice("release", now),
        "SQS brings the release message again, 20 minutes later": twice("release", later),
        "the build message is lost": lost("orchestrator"),
        "the release message is lost": lost("release"),
    }
    started = len(journey.functions_published())
    found = observe(journey, "messages", scenarios)
    assert {observed.status for observed in found.values()} == {"live"}
    assert len(journey.functions_published()) == started + len(scenarios)  # no deployment was released twice


def coming(*after: timedelta | None, pushes: int = 1) -> Scenario:
    """The events of the next builds arrive with these delays after their starts. None means never."""

    def scenario(journey: Journey) -> Outcome:
        journey.events_after = list(after)
        return journey.observe(pushes=pushes)

    return scenario


def test_late_lost_or_reordered_build_events_change_nothing(journey: Journey) -> None:
    """P7, P8, P9: the newest push becomes live, and an older event does not undo it."""
    scenarios = {
        "the event comes twice": twice("build events", timedelta()),
        "the event comes again, 20 minutes later": twice("build events", 20 * MINUTE),
        "the event comes 45 minutes late": coming(47 * MINUTE),
        "the event never comes": coming(None),
        "two pushes: the first build's event comes after the second is live": coming(
            45 * MINUTE, 2 * MINUTE, pushes=2
        ),
        "two pushes: neither event comes": coming(None, None, pushes=2),
    }
    found = observe(journey, "events", scenarios)
    assert {observed.status for observed in found.values()} == {"live"}


def refused(operations: set[str], error: Callable[[str], ClientError], *, calls: range) -> Scenario:
    """AWS refuses the calls with these numbers. All operations share one count."""

    def scenario(journey: Journey) -> Outcome:
        made = 0

        def refuse(operation: str) -> ClientError | None:
            nonlocal made
            if operation not in operations:
                return None
            made += 1
            return error(operation) if made in calls else None

        journey.injector.refuse = refuse
        try:
            return journey.observe()
        finally:
            journey.injector.refuse = lambda _: None

    return scenario


def down(operations: set[str], time: timedelta) -> Scenario:
    """AWS refuses these operations for some time after the push is accepted."""

    def scenario(journey: Journey) -> Outcome:
        def accepted(due: PendingCall) -> None:
            if due.function == "webhook":
                end = journey.now + time
                journey.injector.refuse = lambda operation: (
                    throttling_error(operation) if operation in operations and journey.now < end else None
                )

        journey.finished = accepted
        try:
            return journey.observe()
        finally:
            journey.finished = lambda _: None
            journey.injector.refuse = lambda _: None

    return scenario


def denied(operation: str) -> ClientError:
    name = "".join(word.capitalize() for word in operation.split("_"))
    return aws_error(name, "AccessDeniedException", 403)


def full(_: str) -> ClientError:
    return aws_error("StartBuild", "AccountLimitExceededException", 400)


def refusing_the_build(_: str) -> ClientError:
    return aws_error("StartBuild", "InvalidInputException", 400, "no such image")


def test_unavailable_services_do_not_affect_the_live_release(journey: Journey) -> None:
    """D2, P9."""
    dynamodb = {"get_item", "query", "transact_write_items", "update_item"}
    uploads = {"put", "put_object"}
    for_good = range(1, 10_000)
    scenarios = {
        "CodeBuild throttles StartBuild once": refused({"start_build"}, throttling_error, calls=range(1, 2)),
        "CodeBuild throttles StartBuild until the queue gives up": refused(
            {"start_build"}, throttling_error, calls=range(1, 4)
        ),
        "the account has no room for another build, four times": refused(
            {"start_build"}, full, calls=range(1, 5)
        ),
        "DynamoDB throttles every call for four minutes, right after the push": down(dynamodb, 4 * MINUTE),
        "S3 refuses four uploads midway": refused(uploads, throttling_error, calls=range(4, 8)),
        "S3 refuses all uploads from the fourth on, for all tries of one call": refused(
            uploads, throttling_error, calls=range(4, 60)
        ),
        "S3 denies all uploads": refused(uploads, denied, calls=for_good),
        "CodeBuild refuses the build for good": refused({"start_build"}, refusing_the_build, calls=for_good),
        "the edge's store is busy for a while": refused({"put_key"}, throttling_error, calls=range(1, 3)),
        "Lambda denies a new version": refused({"publish_version"}, denied, calls=for_good),
    }
    found = observe(journey, "services", scenarios)
    for name, observed in found.items():
        fails = "denies" in name or "for good" in name
        assert observed.status == ("failed" if fails else "live"), (name, observed)
        assert bool(observed.reason) == fails
