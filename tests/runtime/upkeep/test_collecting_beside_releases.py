"""D6: a collection of other releases never removes the versions of a release that is being published."""

import base64
import hashlib
from collections.abc import Iterator
from itertools import chain, combinations, islice, repeat
from typing import Any

import pytest
from attrs import define, field

from runtime.deploy.releases.bundles import FunctionCode
from runtime.deploy.releases.publishing import (
    FunctionBusyError,
    FunctionPublisher,
    FunctionRelease,
    build_release_alias,
    is_release_version,
)
from runtime.deploy.releases.removal import FunctionRemover
from tests.runtime.calls import Calls
from tests.runtime.releases.interleaving import Interleaver
from tests.runtime.releases.lambda_service import Function, LambdaService
from tests.runtime.releases.release_fixture import (
    ReleasePlatform,
    answer_with_status,
    find_served_deployment_id,
    list_live_versions,
)
from tests.runtime.upkeep.collection import HOUR, OTHER_CODE, list_remaining_resources, run_collector

FUNCTION = "site-revalidate"
LIVE, FAILED = "r-live", "r-failed"


def make_release(alias: str, code: str) -> FunctionRelease:
    sha256 = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    zipped = FunctionCode(bucket="artifacts", key=code, sha256=sha256, upload=lambda: None)
    return FunctionRelease(function=FUNCTION, alias=alias, code=zipped, environment=None)


@define(slots=False)
class Harness:
    """A function with a live release and a newer failed release. `collect` removes the failed release."""

    calls: Calls = field(factory=Calls)
    service: LambdaService = field(factory=lambda: LambdaService(lambda _, key: key.encode(), settling=0))

    def __attrs_post_init__(self) -> None:
        client: Any = self.calls.wrap_client("lambda", self.service)
        self.publisher = FunctionPublisher(client=client, pause=lambda _: None)
        self.remover = FunctionRemover(client=client)
        self.service.add_functions(FUNCTION)
        self.publisher.ensure_version(make_release(LIVE, "code of live"))
        self.publisher.ensure_version(make_release(FAILED, "code of failed"))

    @property
    def function(self) -> Function:
        return self.service.functions[FUNCTION]

    def collect(self) -> None:
        self.remover.remove(FUNCTION, FAILED, has_url=False)


def list_orders(first: int, second: int) -> Iterator[Iterator[int]]:
    """Yield every order in which two threads can run these numbers of steps."""
    steps = range(first + second)
    for of_second in combinations(steps, second):
        yield chain((int(step in of_second) for step in steps), repeat(0))


@pytest.mark.parametrize(
    ("codes", "calls", "every"),
    [
        (("code of failed",), 5, 1),
        (("new code",), 7, 9),
        (("code of live",), 7, 9),
        (("new code", "of a part"), 14, 97),
    ],
)
def test_a_collection_never_removes_versions_of_a_concurrent_release(
    codes: tuple[str, ...], calls: int, every: int
) -> None:
    """The new release can have the code of the failed release. Then both releases share one version.

    `calls` is the number of Lambda calls of the new release. To save time, only each `every`-th order is run.
    """
    wanted = {f"r-next-{number}": code for number, code in enumerate(codes)}
    runs = 0
    for order in islice(list_orders(1 + calls, 1 + 4), None, None, every):
        harness, interleaver = Harness(), Interleaver()
        publish = [make_release(alias, code) for alias, code in wanted.items()]

        def publish_all(harness: Harness = harness, publish: list[FunctionRelease] = publish) -> None:
            for each in publish:
                harness.publisher.ensure_version(each)

        before = len(harness.calls.operations)
        harness.calls.before = lambda _, interleaver=interleaver: interleaver.wait()
        interleaver.run([publish_all, harness.collect], order)
        function = harness.function
        assert function.aliases.keys() == {LIVE, *wanted}
        assert function.versions[function.aliases[LIVE]][0] == make_release(LIVE, "code of live").code.sha256
        for each in publish:
            assert function.versions[function.aliases[each.alias]][0] == each.code.sha256
        assert calls + 3 <= len(harness.calls.operations) - before <= calls + 4
        runs += 1
    assert runs > 50


@pytest.mark.parametrize("step", ["get_function_configuration", "create_alias"])
def test_a_version_that_is_collected_during_its_release_is_published_again(step: str) -> None:
    """D2, D6: a release that the sweep resends can run at the same time as another release.

    Then a collection can remove the version that one of them has published, but not given an alias yet.
    """
    harness = Harness()

    def publish_other_release(called: str) -> None:
        if called == step and "3" in harness.function.versions:
            harness.calls.before = lambda _: None
            harness.publisher.ensure_version(make_release("r-other", "code of other"))
            harness.collect()

    harness.calls.before = publish_other_release
    with pytest.raises(FunctionBusyError, match=f"version 3 of {FUNCTION} was removed"):
        harness.publisher.ensure_version(make_release("r-next", "new code"))
    assert harness.publisher.ensure_version(make_release("r-next", "new code")) == "5"
    assert harness.function.aliases == {LIVE: "1", "r-other": "4", "r-next": "5"}
    assert set(harness.function.versions) == {"1", "4", "5"}


def test_versions_without_alias_are_removed_if_a_newer_version_exists() -> None:
    """A collection removes all old versions without an alias, also those of releases it does not collect.

    A version that an operator has published stays.
    """
    harness = Harness()
    by_hand = harness.function
    by_hand.versions["3"], by_hand.descriptions["3"] = ("code of an operator", {}), "to look at something"
    harness.collect()
    assert set(harness.function.versions) == {"1", "3"}
    harness = Harness()
    harness.collect()
    assert set(harness.function.versions) == {"1", "2"}
    harness.publisher.ensure_version(make_release("r-next", "new code"))
    harness.collect()
    assert harness.function.aliases == {LIVE: "1", "r-next": "3"}
    assert set(harness.function.versions) == {"1", "3"}


def test_version_numbers_are_compared_as_numbers() -> None:
    """Version numbers are compared as numbers: as text, 9 would be newer than 11."""
    harness = Harness()
    for number in range(3, 12):
        harness.publisher.ensure_version(make_release(FAILED + f"-{number}", f"code {number}"))
    harness.collect()
    assert harness.function.aliases == {LIVE: "1"}
    assert set(harness.function.versions) == {"1", "11"}


def test_versions_of_releases_are_recognized_by_their_description() -> None:
    assert is_release_version(build_release_alias("01JB0000000000000000000000"))
    assert not is_release_version("")


def test_collecting_a_failed_release_keeps_a_new_release_of_the_same_code(
    stage: ReleasePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D2, D6: the owner pushes the code of a failed release again.

    The failed release is collected before the version of the new release has an alias.
    """
    project = stage.create_project()
    stage.create_live(project)
    stage.functions.answer = answer_with_status(500)
    failed = stage.release(stage.create_built(project, OTHER_CODE))
    at = stage.platform.clock()
    run_collector(stage, at)
    publish, published = LambdaService.publish_version, list[str]()

    def publish_and_collect(service: LambdaService, **arguments: Any) -> Any:  # noqa: ANN401 - AWS's own
        answer = publish(service, **arguments)
        if arguments["FunctionName"] == stage.get_site(project).revalidation_function:
            published.append(answer["Version"])
            run_collector(stage, at + HOUR)
        return answer

    monkeypatch.setattr(LambdaService, "publish_version", publish_and_collect)
    stage.functions.answer = answer_with_status(200)
    again = stage.release(stage.create_built(project, OTHER_CODE))
    assert (again.status, find_served_deployment_id(stage, project)) == ("live", again.deployment_id)
    assert published == ["2"]
    assert list_live_versions(stage, project)[2] == "2"
    assert list_remaining_resources(stage, failed).keys() <= {"versions"}
    assert stage.platform.reload(failed).release is None
