"""A site's host serves the release that the project's pointer names, in any order of the writers (D3)."""

import base64
import hashlib
import itertools
import json
import string
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field, frozen
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.core.limits.edge_budget import MAX_RELEASE_BYTES
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
    build_release_host,
    compute_fingerprint,
)
from tests.runtime.calls import Calls, make_client_error
from tests.runtime.releases.interleaving import Interleaver
from tests.runtime.releases.key_value_store import ARN, KeyValueStore

HOST = "next-site.example.com"


def make_entry(
    deployment_id: str = "01JB", files: tuple[str, ...] = ("data/a.json", "robots.txt")
) -> EdgeEntry:
    return EdgeEntry(
        deployment_id=deployment_id,
        folder="next-site/01JA",
        server_origin="server.example",
        image_origin="image.example",
        origin_key="0f" * 20,
        direct_files=files,
    )


def build_keys(entry: EdgeEntry, host: str) -> list[tuple[str, str]]:
    return build_edge_keys(entry, host, max_bytes=MAX_RELEASE_BYTES)


@define(slots=False)
class Harness:
    """An edge store with a fake KeyValueStore, whose calls a test can intercept."""

    store: KeyValueStore = field(factory=KeyValueStore)
    calls: Calls = field(factory=Calls)
    pauses: list[float] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        client: Any = self.calls.wrap_client("cloudfront-keyvaluestore", self.store)
        self.edge = EdgeStore(client=client, arn=ARN, pause=self.pauses.append, jitter=lambda: 0.5)

    def publish(self, *deployment_ids: str) -> None:
        for deployment_id in deployment_ids:
            self.edge.publish(build_keys(make_entry(deployment_id), build_release_host(deployment_id, HOST)))

    def find_served_release(self) -> str:
        return json.loads(self.store.items[HOST])["r"]

    def act_before(self, operation: str, *actions: Callable[[], object]) -> None:
        """Run one action immediately before each of the next calls of an operation, in the given order."""
        waiting = list(actions)

        def act_if_called(called: str) -> None:
            if called == operation and waiting:
                waiting.pop(0)()

        self.calls.before = act_if_called

    def refuse(self, operation: str, error: Exception) -> None:
        def raise_error() -> None:
            raise error

        self.act_before(operation, raise_error)


@pytest.fixture(params=[True, False], ids=["documented", "as AWS answers"])
def harness(request: pytest.FixtureRequest) -> Harness:
    return Harness(store=KeyValueStore(says_conflict=request.param))


def test_a_release_has_one_small_key_for_its_own_host() -> None:
    ((key, value),) = build_keys(make_entry(), build_release_host("01JB", HOST))
    assert key == "01jb--next-site.example.com"
    assert json.loads(value) == {
        "r": "01JB",
        "s": "server.example",
        "i": "image.example",
        "n": "next-site/01JA",
        "k": "0f" * 20,
        "h": "".join(compute_fingerprint(path)[0] for path in ("/data/a.json", "/robots.txt")),
        "c": 1,
    }
    assert " " not in value


def test_a_release_without_files_lists_none() -> None:
    ((_, value),) = build_keys(make_entry(files=()), "host")
    assert json.loads(value)["h"] == ""


@pytest.mark.parametrize("pattern_length", [1, 40])
def test_the_largest_allowed_split_server_fits_into_one_value(pattern_length: int) -> None:
    """D7. A value has at most 1,024 bytes. A site's name has at most 28 characters."""
    origin = f"{'x' * 32}.lambda-url.ap-southeast-1.on.aws"
    patterns = ("p" * pattern_length,) * (MAX_PATTERNS_LENGTH // MAX_SPLITS // (pattern_length + 3))
    largest = EdgeEntry(
        deployment_id="0" * 26,
        folder=f"{'s' * 28}/{'0' * 26}",
        server_origin=origin,
        image_origin=origin,
        origin_key="0" * 40,
        direct_files=tuple(f"{number}.txt" for number in range(9_000)),
        split_origins=(SplitOrigin(origin=origin, patterns=patterns),) * MAX_SPLITS,
        base_path="/" + "b" * (MAX_BASE_PATH_LENGTH - 1),
        asset_prefix="/" + "a" * (MAX_BASE_PATH_LENGTH - 1),
        images_ask_server=True,
    )
    *_, (key, value) = build_keys(largest, "host")
    assert key == "host"
    assert len(value.encode()) <= 1024
    read = json.loads(value)
    assert read["b"] == largest.base_path
    assert read["f"] == [[origin, *patterns]] * MAX_SPLITS


def test_a_fingerprint_is_the_beginning_of_the_hash_of_the_encoded_path() -> None:
    digest = base64.b64encode(hashlib.sha256(b"/gr%C3%B6%C3%9Fe/a%20b+c.txt").digest()).decode()
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    assert compute_fingerprint("/größe/a b+c.txt") == (
        digest[:6],
        alphabet.index(digest[6]) * 64 + alphabet.index(digest[7]),
    )


@pytest.mark.parametrize(
    ("number", "count"), [(1, 0), (90, 0), (200, 2), (1_000, 8), (2_900, 23), (50_000, 24)]
)
def test_many_files_have_their_fingerprints_in_few_keys(number: int, count: int) -> None:
    """A release uses at most 25 KB of the store. Up to 2,900 files are all there."""
    names = tuple(f"images/{name}.png" for name in range(number))
    keys = build_keys(make_entry(files=names), "host")
    assert [key for key, _ in keys] == [*(f"host/{part}" for part in range(count)), "host"]
    assert all(0 < len(value) <= 1_000 for _, value in keys)
    if not count:
        return
    assert json.loads(keys[-1][1])["h"] == count
    found = 0
    for name in names:
        mark, part = compute_fingerprint(f"/{name}")
        value = keys[part % count][1]
        found += mark in {value[at : at + 6] for at in range(0, len(value), 6)}
    assert found >= min(number, 2_900)


def test_a_release_is_published_in_one_update(harness: Harness) -> None:
    """A failed release leaves no keys behind."""
    many = tuple(f"images/{name}.png" for name in range(5_000))
    harness.edge.publish(build_keys(make_entry(files=many), "host"))
    assert len(harness.store.items) == harness.store.largest_batch == 25
    again = dict(harness.store.items)
    harness.edge.publish(build_keys(make_entry(files=many), "host"))
    assert harness.store.items == again


def test_publishing_is_retried_after_another_write(harness: Harness) -> None:
    def increase_version() -> None:
        harness.store.version += 1

    harness.act_before("update_keys", increase_version, increase_version)
    harness.publish("01JB")
    assert build_release_host("01JB", HOST) in harness.store.items
    assert harness.pauses == pytest.approx([0.0625, 0.125])


def test_a_host_serves_the_release_of_the_pointer(harness: Harness) -> None:
    harness.publish("01A", "01B")
    for pointer in ("01A", "01B", "01A"):
        assert harness.edge.point_host_to_release(HOST, lambda pointer=pointer: pointer) == pointer  # type: ignore[misc]
        assert harness.find_served_release() == pointer
    assert harness.store.items[HOST] == harness.store.items[build_release_host("01A", HOST)]


def test_a_pointer_that_moves_during_the_write_is_followed(harness: Harness) -> None:
    harness.publish("01A", "01B")
    pointers = itertools.chain(["01A"], itertools.repeat("01B"))
    assert harness.edge.point_host_to_release(HOST, lambda: next(pointers)) == "01B"
    assert harness.find_served_release() == "01B"


def test_a_write_that_cannot_be_read_back_is_repeated(harness: Harness) -> None:
    harness.publish("01A")
    written = iter([True, False])

    def lose_write() -> None:
        if HOST in harness.store.items and next(written, False):
            del harness.store.items[HOST]

    harness.act_before("get_key", *[lose_write] * 9)
    harness.edge.point_host_to_release(HOST, lambda: "01A")
    assert harness.find_served_release() == "01A"


def test_a_host_cannot_point_to_an_unpublished_release(harness: Harness) -> None:
    with pytest.raises(ReleaseNotAtEdgeError, match="the edge has no key of deployment 01A"):
        harness.edge.point_host_to_release(HOST, lambda: "01A")


def test_a_store_that_stays_busy_is_a_retryable_error(harness: Harness) -> None:
    def increase_version() -> None:
        harness.store.version += 1

    harness.publish("01A")
    harness.act_before("put_key", *[increase_version] * 99)
    with pytest.raises(EdgeBusyError, match="other writers changed the edge's store 30 times"):
        harness.edge.point_host_to_release(HOST, lambda: "01A")
    assert len(harness.pauses) == 29
    assert max(harness.pauses) < 1
    harness.act_before("update_keys", *[increase_version] * 99)
    with pytest.raises(EdgeBusyError):
        harness.publish("01A")


@pytest.mark.parametrize("operation", ["describe_key_value_store", "get_key", "put_key"])
@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_other_errors_of_the_store_are_raised(harness: Harness, operation: str, code: str) -> None:
    harness.publish("01A")
    harness.refuse(operation, make_client_error(code, message="Invalid value"))
    with pytest.raises(ClientError, match=code):
        harness.edge.point_host_to_release(HOST, lambda: "01A")


def test_the_origin_key_is_in_no_repr() -> None:
    assert "0f0f" not in repr(make_entry())


RELEASES = ("01A", "01B", "01C", "01D")


@frozen
class Script:
    """The order in which writers run.

    Attributes:
        pointers: The release to which each writer moves the pointer.
        bursts: Pairs of a writer's index and the number of steps that it runs.
        crashes: Pairs of a writer's index and the step at which it crashes.
    """

    pointers: list[str]
    bursts: list[tuple[int, int]]
    crashes: list[tuple[int, int]]


BURSTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=12)
SCRIPTS = st.builds(
    Script, st.lists(st.sampled_from(RELEASES[:2]), min_size=2, max_size=4), BURSTS, st.just([])
)


def run_writers(script: Script, store: KeyValueStore) -> tuple[str | None, set[int], Harness]:
    """Run writers that each move the pointer and then update the edge.

    Returns:
        The pointer at the end, the indices of the writers that finished, and the harness.
    """
    harness = Harness(store=store)
    harness.publish(*RELEASES)
    interleaver = Interleaver()
    pointer: list[str | None] = [None]
    ended: set[int] = set()
    harness.calls.before = lambda _: interleaver.wait()

    def read_pointer() -> str:
        interleaver.wait()
        assert pointer[0] is not None
        return pointer[0]

    def make_writer(number: int, release: str) -> Callable[[], None]:
        def write_release() -> None:
            pointer[0] = release
            harness.edge.point_host_to_release(HOST, read_pointer)
            ended.add(number)

        return write_release

    bursts = (itertools.repeat(index, steps) for index, steps in script.bursts)
    order = itertools.chain(itertools.chain.from_iterable(bursts), itertools.cycle(range(3)))
    interleaver.run(
        [make_writer(number, release) for number, release in enumerate(script.pointers)],
        order,
        script.crashes,
    )
    return pointer[0], ended, harness


# The second writer reads the store's version and the pointer. Then the third writer moves the pointer back,
# and writes the value that the store already has. So the version that the second writer has read stays valid.
MOVED_BACK = Script(pointers=["01A", "01B", "01A"], bursts=[(0, 7), (0, 3), (1, 7)], crashes=[])


@given(script=SCRIPTS, says_conflict=st.booleans(), counts_equal_writes=st.booleans())
@example(script=MOVED_BACK, says_conflict=False, counts_equal_writes=False)
@settings(max_examples=150, deadline=None)
def test_after_all_writers_the_edge_serves_the_release_of_the_pointer(
    script: Script,
    says_conflict: bool,  # noqa: FBT001 - drawn by Hypothesis
    counts_equal_writes: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    """D3. This holds whether or not a write that changes nothing gives the store a new version."""
    store = KeyValueStore(says_conflict=says_conflict, counts_equal_writes=counts_equal_writes)
    pointer, ended, harness = run_writers(script, store)
    assert ended == set(range(len(script.pointers)))
    assert harness.find_served_release() == pointer


SCRIPTS_WITH_CRASHES = st.builds(
    Script,
    st.permutations(RELEASES),
    BURSTS,
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 8)), max_size=3, unique_by=lambda crash: crash[0]),
)


@given(SCRIPTS_WITH_CRASHES)
@settings(max_examples=150, deadline=None)
def test_writers_that_crash_leave_no_wrong_release_at_the_edge(script: Script) -> None:
    """Only the writer that moved the pointer last must finish. All others can crash."""
    pointer, ended, harness = run_writers(script, KeyValueStore())
    if pointer is not None and script.pointers.index(pointer) in ended:
        assert harness.find_served_release() == pointer
