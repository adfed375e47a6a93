"""A site's host serves the release of the project's pointer, whatever the order of the writers (D3)."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field, frozen
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runtime.deploy.releases.build_output.manifest import (
    MAX_BASE_PATH_LENGTH,
    MAX_PATTERNS_LENGTH,
    MAX_SPLITS,
)
from runtime.deploy.releases.edge_store import (
    EdgeBusyError,
    EdgeEntry,
    EdgeStore,
    ReleaseNotAtEdgeError,
    SplitOrigin,
    build_edge_keys,
    release_host,
)
from tests.runtime.calls import Calls, client_error
from tests.runtime.releases.interleaving import Turns
from tests.runtime.releases.key_value_store import ARN, KeyValueStore

HOST = "next-site.example.com"


def entry(deployment_id: str = "01JB", entries: tuple[str, ...] = ("data/", "robots.txt")) -> EdgeEntry:
    return EdgeEntry(
        deployment_id=deployment_id,
        folder="next-site/01JA",
        server_origin="server.example",
        image_origin="image.example",
        origin_key="0f" * 20,
        entries=entries,
    )


@define(slots=False)
class Bench:
    store: KeyValueStore = field(factory=KeyValueStore)
    calls: Calls = field(factory=Calls)
    pauses: list[float] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        client: Any = self.calls.client("cloudfront-keyvaluestore", self.store)
        self.edge = EdgeStore(client=client, arn=ARN, pause=self.pauses.append, jitter=lambda: 0.5)

    def publish(self, *deployment_ids: str) -> None:
        for deployment_id in deployment_ids:
            self.edge.publish(entry(deployment_id), release_host(deployment_id, HOST))

    def leads_to(self) -> str:
        return json.loads(self.store.items[HOST])["r"]

    def before(self, operation: str, *actions: Callable[[], object]) -> None:
        """Call a function once before each of the next calls of an operation."""
        waiting = list(actions)

        def now(called: str) -> None:
            if called == operation and waiting:
                waiting.pop(0)()

        self.calls.before = now

    def refuse(self, operation: str, error: Exception) -> None:
        def refuse() -> None:
            raise error

        self.before(operation, refuse)


@pytest.fixture(params=[True, False], ids=["documented", "as AWS answers"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(store=KeyValueStore(says_conflict=request.param))


def test_a_release_has_one_small_key_for_its_own_host() -> None:
    ((key, value),) = build_edge_keys(entry(), release_host("01JB", HOST))
    assert key == "01jb--next-site.example.com"
    assert json.loads(value) == {
        "r": "01JB",
        "s": "server.example",
        "i": "image.example",
        "n": "next-site/01JA",
        "k": "0f" * 20,
        "p": "|data/|robots.txt|",
        "c": 1,
    }
    assert " " not in value


def test_a_release_without_public_files_lists_none() -> None:
    ((_, value),) = build_edge_keys(entry(entries=()), "host")
    assert json.loads(value)["p"] == "|"


@pytest.mark.parametrize("each", [1, 40])
def test_the_largest_allowed_split_fits_into_one_value(each: int) -> None:
    """D7. A value has at most 1,024 bytes. A site's name has at most 28 characters."""
    origin = f"{'x' * 32}.lambda-url.ap-southeast-1.on.aws"
    patterns = ("p" * each,) * (MAX_PATTERNS_LENGTH // MAX_SPLITS // (each + 3))
    largest = EdgeEntry(
        deployment_id="0" * 26,
        folder=f"{'s' * 28}/{'0' * 26}",
        server_origin=origin,
        image_origin=origin,
        origin_key="0" * 40,
        entries=("a" * 1000,),
        split_origins=(SplitOrigin(origin=origin, patterns=patterns),) * MAX_SPLITS,
        base_path="/" + "b" * (MAX_BASE_PATH_LENGTH - 1),
    )
    *_, (key, value) = build_edge_keys(largest, "host")
    assert key == "host"
    assert len(value.encode()) <= 1024
    read = json.loads(value)
    assert read["b"] == largest.base_path
    assert read["f"] == [[origin, *patterns]] * MAX_SPLITS


def test_too_many_public_files_get_their_own_keys_before_the_releases_key() -> None:
    many = tuple(f"a-rather-long-file-name-{number}.txt" for number in range(120))
    *files, (key, value) = build_edge_keys(entry(entries=many), "host")
    assert files == [(f"host/{name}", "1") for name in many]
    assert (key, json.loads(value)["p"]) == ("host", "*")


def test_a_name_with_the_separator_gets_its_own_key() -> None:
    assert build_edge_keys(entry(entries=("a|b", "c")), "host")[:2] == [("host/a|b", "1"), ("host/c", "1")]


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), unique=True, max_size=40))
def test_a_value_always_fits_and_names_every_public_file_once(names: list[str]) -> None:
    keys = build_edge_keys(entry(entries=tuple(names)), "host")
    value = dict(keys)["host"]
    listed = json.loads(value)["p"]
    assert len(value.encode()) < 1024
    if listed == "*":
        assert [key for key, _ in keys[:-1]] == [f"host/{name}" for name in names]
    else:
        assert [name for name in listed.split("|") if name] == [name for name in names if name]


def test_a_release_is_published_in_batches_that_the_store_allows(bench: Bench) -> None:
    many = tuple(f"a-rather-long-file-name-{number}.txt" for number in range(120))
    bench.edge.publish(entry(entries=many), "host")
    assert len(bench.store.items) == 121
    assert bench.store.largest_batch == 50
    again = dict(bench.store.items)
    bench.edge.publish(entry(entries=many), "host")
    assert bench.store.items == again


def test_publishing_is_retried_after_another_write(bench: Bench) -> None:
    def write() -> None:
        bench.store.version += 1

    bench.before("update_keys", write, write)
    bench.publish("01JB")
    assert release_host("01JB", HOST) in bench.store.items
    assert bench.pauses == pytest.approx([0.0625, 0.125])


def test_a_host_serves_the_release_of_the_pointer(bench: Bench) -> None:
    bench.publish("01A", "01B")
    for pointer in ("01A", "01B", "01A"):
        assert bench.edge.point_host_to_release(HOST, lambda pointer=pointer: pointer) == pointer  # type: ignore[misc]
        assert bench.leads_to() == pointer
    assert bench.store.items[HOST] == bench.store.items[release_host("01A", HOST)]


def test_a_pointer_that_moves_during_the_write_is_followed(bench: Bench) -> None:
    bench.publish("01A", "01B")
    pointers = itertools.chain(["01A"], itertools.repeat("01B"))
    assert bench.edge.point_host_to_release(HOST, lambda: next(pointers)) == "01B"
    assert bench.leads_to() == "01B"


def test_a_write_that_cannot_be_read_back_is_repeated(bench: Bench) -> None:
    bench.publish("01A")
    written = iter([True, False])

    def lose() -> None:
        if HOST in bench.store.items and next(written, False):
            del bench.store.items[HOST]

    bench.before("get_key", *[lose] * 9)
    bench.edge.point_host_to_release(HOST, lambda: "01A")
    assert bench.leads_to() == "01A"


def test_a_host_cannot_point_to_an_unpublished_release(bench: Bench) -> None:
    with pytest.raises(ReleaseNotAtEdgeError, match="the edge has no key of deployment 01A"):
        bench.edge.point_host_to_release(HOST, lambda: "01A")


def test_a_store_that_stays_busy_is_a_retryable_error(bench: Bench) -> None:
    def write() -> None:
        bench.store.version += 1

    bench.publish("01A")
    bench.before("put_key", *[write] * 99)
    with pytest.raises(EdgeBusyError, match="other writers changed the edge's store 30 times"):
        bench.edge.point_host_to_release(HOST, lambda: "01A")
    assert len(bench.pauses) == 29
    assert max(bench.pauses) < 1
    bench.before("update_keys", *[write] * 99)
    with pytest.raises(EdgeBusyError):
        bench.publish("01A")


@pytest.mark.parametrize("operation", ["describe_key_value_store", "get_key", "put_key"])
@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_other_errors_of_the_store_are_raised(bench: Bench, operation: str, code: str) -> None:
    bench.publish("01A")
    bench.refuse(operation, client_error(code, message="Invalid value"))
    with pytest.raises(ClientError, match=code):
        bench.edge.point_host_to_release(HOST, lambda: "01A")


def test_the_origin_key_is_in_no_repr() -> None:
    assert "0f0f" not in repr(entry())


RELEASES = ("01A", "01B", "01C", "01D")


@frozen
class Play:
    """Order of writers, their pointers, and the turn at which each one crashes."""

    pointers: list[str]
    bursts: list[tuple[int, int]]
    deaths: list[tuple[int, int]]


BURSTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=12)
PLAYS = st.builds(Play, st.lists(st.sampled_from(RELEASES[:2]), min_size=2, max_size=4), BURSTS, st.just([]))


def play(script: Play, store: KeyValueStore) -> tuple[str | None, set[int], Bench]:
    """Run writers that each move the pointer and then update the edge.

    Returns:
        The pointer at the end, the numbers of the writers that finished, and the bench.
    """
    bench = Bench(store=store)
    bench.publish(*RELEASES)
    turns = Turns()
    pointer: list[str | None] = [None]
    ended: set[int] = set()
    bench.calls.before = lambda _: turns.take()

    def read() -> str:
        turns.take()
        assert pointer[0] is not None
        return pointer[0]

    def writer(number: int, release: str) -> Callable[[], None]:
        def write() -> None:
            pointer[0] = release
            bench.edge.point_host_to_release(HOST, read)
            ended.add(number)

        return write

    bursts = (itertools.repeat(who, turns_of_his) for who, turns_of_his in script.bursts)
    order = itertools.chain(itertools.chain.from_iterable(bursts), itertools.cycle(range(3)))
    turns.play(
        [writer(number, release) for number, release in enumerate(script.pointers)], order, script.deaths
    )
    return pointer[0], ended, bench


# The second writer reads both. Then the third moves the pointer back and writes an unchanged value.
BACK_AGAIN = Play(pointers=["01A", "01B", "01A"], bursts=[(0, 7), (0, 3), (1, 7)], deaths=[])


@given(script=PLAYS, says_conflict=st.booleans(), counts_equal_writes=st.booleans())
@example(script=BACK_AGAIN, says_conflict=False, counts_equal_writes=False)
@settings(max_examples=150, deadline=None)
def test_after_all_writers_the_edge_serves_the_release_of_the_pointer(
    script: Play,
    says_conflict: bool,  # noqa: FBT001 - drawn by Hypothesis
    counts_equal_writes: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    """D3. It does not matter whether an unchanged write gives the store a new version."""
    store = KeyValueStore(says_conflict=says_conflict, counts_equal_writes=counts_equal_writes)
    pointer, ended, bench = play(script, store)
    assert ended == set(range(len(script.pointers)))
    assert bench.leads_to() == pointer


DEADLY = st.builds(
    Play,
    st.permutations(RELEASES),
    BURSTS,
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 8)), max_size=3, unique_by=lambda death: death[0]),
)


@given(DEADLY)
@settings(max_examples=150, deadline=None)
def test_writers_that_die_leave_no_wrong_release_at_the_edge(script: Play) -> None:
    """If the last writer of the pointer finishes, the edge is correct, even if all others crash."""
    pointer, ended, bench = play(script, KeyValueStore())
    if pointer is not None and script.pointers.index(pointer) in ended:
        assert bench.leads_to() == pointer
