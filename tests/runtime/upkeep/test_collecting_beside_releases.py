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
    is_release_version,
    release_alias,
)
from runtime.deploy.releases.removal import FunctionRemover
from tests.runtime.calls import Calls
from tests.runtime.releases.interleaving import Turns
from tests.runtime.releases.lambda_service import Function, LambdaService
from tests.runtime.releases.release_fixture import (
    ReleasePlatform,
    answering,
    find_served_deployment_id,
    live_versions,
)
from tests.runtime.upkeep.collection import HOUR, OTHER_CODE, left_of, run

FUNCTION = "site-revalidate"
LIVE, FAILED = "r-live", "r-failed"


def release(alias: str, code: str) -> FunctionRelease:
    sha256 = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    zipped = FunctionCode(bucket="artifacts", key=code, sha256=sha256, upload=lambda: None)
    return FunctionRelease(function=FUNCTION, alias=alias, code=zipped, environment=None)


@define(slots=False)
class Bench:
    """A function with a live and a later failed release. A collection removes the failed release."""

    calls: Calls = field(factory=Calls)
    service: LambdaService = field(factory=lambda: LambdaService(lambda _, key: key.encode(), settling=0))

    def __attrs_post_init__(self) -> None:
        client: Any = self.calls.client("lambda", self.service)
        self.publisher = FunctionPublisher(client=client, pause=lambda _: None)
        self.remover = FunctionRemover(client=client)
        self.service.add(FUNCTION)
        self.publisher.ensure_version(release(LIVE, "code of live"))
        self.publisher.ensure_version(release(FAILED, "code of failed"))

    @property
    def function(self) -> Function:
        return self.service.functions[FUNCTION]

    def collect(self) -> None:
        self.remover.remove(FUNCTION, FAILED, has_url=False)


def orders(first: int, second: int) -> Iterator[Iterator[int]]:
    """Yield every order in which two threads can take these numbers of turns."""
    turns = range(first + second)
    for of_second in combinations(turns, second):
        yield chain((int(turn in of_second) for turn in turns), repeat(0))


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
    """The new release may have the code of the failed one. Then both share one version in Lambda."""
    wanted = {f"r-next-{number}": code for number, code in enumerate(codes)}
    played = 0
    for order in islice(orders(1 + calls, 1 + 4), None, None, every):
        bench, turns = Bench(), Turns()
        publish = [release(alias, code) for alias, code in wanted.items()]

        def released(bench: Bench = bench, publish: list[FunctionRelease] = publish) -> None:
            for each in publish:
                bench.publisher.ensure_version(each)

        before = len(bench.calls.operations)
        bench.calls.before = lambda _, turns=turns: turns.take()
        turns.play([released, bench.collect], order)
        function = bench.function
        assert function.aliases.keys() == {LIVE, *wanted}
        assert function.versions[function.aliases[LIVE]][0] == release(LIVE, "code of live").code.sha256
        for each in publish:
            assert function.versions[function.aliases[each.alias]][0] == each.code.sha256
        assert calls + 3 <= len(bench.calls.operations) - before <= calls + 4
        played += 1
    assert played > 50


@pytest.mark.parametrize("step", ["get_function_configuration", "create_alias"])
def test_a_version_that_is_collected_behind_another_release_is_published_again(step: str) -> None:
    """D2, D6: after a sweep, two releases can run at once. The older version can then be collected."""
    bench = Bench()

    def met(called: str) -> None:
        if called == step and "3" in bench.function.versions:
            bench.calls.before = lambda _: None
            bench.publisher.ensure_version(release("r-other", "code of other"))
            bench.collect()

    bench.calls.before = met
    with pytest.raises(FunctionBusyError, match=f"version 3 of {FUNCTION} was removed"):
        bench.publisher.ensure_version(release("r-next", "new code"))
    assert bench.publisher.ensure_version(release("r-next", "new code")) == "5"
    assert bench.function.aliases == {LIVE: "1", "r-other": "4", "r-next": "5"}
    assert set(bench.function.versions) == {"1", "4", "5"}


def test_versions_without_alias_are_removed_once_there_is_a_newer_one() -> None:
    """This includes versions of forgotten releases, but not versions that no release has published."""
    bench = Bench()
    by_hand = bench.function
    by_hand.versions["3"], by_hand.descriptions["3"] = ("code of an operator", {}), "to look at something"
    bench.collect()
    assert set(bench.function.versions) == {"1", "3"}
    bench = Bench()
    bench.collect()
    assert set(bench.function.versions) == {"1", "2"}
    bench.publisher.ensure_version(release("r-next", "new code"))
    bench.collect()
    assert bench.function.aliases == {LIVE: "1", "r-next": "3"}
    assert set(bench.function.versions) == {"1", "3"}


def test_ten_versions_and_more_are_in_their_order() -> None:
    """Version numbers are compared as numbers: as text, 9 would be newer than 11."""
    bench = Bench()
    for number in range(3, 12):
        bench.publisher.ensure_version(release(FAILED + f"-{number}", f"code {number}"))
    bench.collect()
    assert bench.function.aliases == {LIVE: "1"}
    assert set(bench.function.versions) == {"1", "11"}


def test_a_release_knows_its_versions_by_their_description() -> None:
    assert is_release_version(release_alias("01JB0000000000000000000000"))
    assert not is_release_version("")


def test_a_release_of_the_code_of_one_that_failed_is_not_hurt_by_its_collection(
    stage: ReleasePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D2, D6: the owner pushes the code again. The collection runs before any new version has an alias."""
    project = stage.project()
    stage.live(project)
    stage.functions.answer = answering(500)
    failed = stage.release(stage.built(project, OTHER_CODE))
    at = stage.platform.clock()
    run(stage, at)
    publish, met = LambdaService.publish_version, list[str]()

    def collected_then(service: LambdaService, **arguments: Any) -> Any:  # noqa: ANN401 - AWS's own
        answer = publish(service, **arguments)
        if arguments["FunctionName"] == stage.site(project).revalidation_function:
            met.append(answer["Version"])
            run(stage, at + HOUR)
        return answer

    monkeypatch.setattr(LambdaService, "publish_version", collected_then)
    stage.functions.answer = answering(200)
    again = stage.release(stage.built(project, OTHER_CODE))
    assert (again.status, find_served_deployment_id(stage, project)) == ("live", again.deployment_id)
    assert met == ["2"]
    assert live_versions(stage, project)[2] == "2"
    assert left_of(stage, failed).keys() <= {"versions"}
    assert stage.platform.reload(failed).release is None
