"""ULIDs."""

from datetime import UTC, datetime, timedelta
from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from runtime.shared.ids import create_lowest_ulid, is_ulid, make_ulid_generator

START = datetime(2016, 7, 30, 23, 54, 10, 259_000, tzinfo=UTC)


def test_an_ids_time_part_matches_the_specifications_example() -> None:
    """In the specification, the time part 01ARYZ6S41 encodes 1469918176385 milliseconds."""
    at = datetime.fromtimestamp(1469918176.385, UTC)
    new = make_ulid_generator(lambda: at, bytes)
    assert new() == "01ARYZ6S41" + "0" * 16


@given(
    st.lists(st.integers(min_value=-2000, max_value=2000), max_size=40), st.binary(min_size=10, max_size=10)
)
def test_ids_of_one_generator_are_increasing(steps: list[int], noise: bytes) -> None:
    times = iter([START + timedelta(milliseconds=step) for step in steps])
    new = make_ulid_generator(lambda: next(times), lambda _: noise)
    made = [new() for _ in steps]
    assert made == sorted(set(made))
    assert all(is_ulid(each) for each in made)


def test_ids_of_the_same_millisecond_are_unique_and_increasing_across_threads() -> None:
    new = make_ulid_generator(lambda: START, lambda size: b"\xff" * (size - 1) + b"\x00")
    made: list[str] = []
    threads = [Thread(target=lambda: made.extend(new() for _ in range(200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 800


def test_ids_created_after_a_time_are_not_below_its_lowest_ulid() -> None:
    new = make_ulid_generator(lambda: START, bytes)
    assert create_lowest_ulid(START) <= new() < create_lowest_ulid(START + timedelta(milliseconds=1))


def test_ulids_and_other_texts_are_distinguished() -> None:
    assert is_ulid("01ARYZ6S410000000000000000")
    for text in (
        "",
        "01aryz6s410000000000000000",
        "81ARYZ6S410000000000000000",
        "01ARYZ6S41000000000000000U",
        "01ARYZ6S410000000000000000\n",
    ):
        assert not is_ulid(text)
