"""Each batch of transaction operations stays within DynamoDB's limits for operations and for bytes."""

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from runtime.shared.dynamodb import MAX_ITEM_BYTES
from runtime.shared.transaction_batches import SizedOperation, split_into_transactions

# DynamoDB's limits for one transaction. "4 MB" can mean 4,000,000 or 4,194,304 bytes.
# The code under test must stay within the smaller number.
MAX_OPERATIONS, MAX_BYTES = 100, 4_000_000

SIZES = st.one_of(
    st.integers(0, 1_000),
    st.integers(0, MAX_ITEM_BYTES),
    st.integers(MAX_ITEM_BYTES - 10, MAX_ITEM_BYTES),
)


def split_sizes(sizes: list[int]) -> list[list[int]]:
    """Split operations on rows of these sizes into transactions. Return the row sizes of each transaction."""
    operations = [
        SizedOperation(operation={"number": number}, row_bytes=size) for number, size in enumerate(sizes)
    ]
    return [[sizes[each["number"]] for each in batch] for batch in split_into_transactions(operations)]


@given(st.lists(SIZES, max_size=250))
@example([MAX_ITEM_BYTES] * 25)
@example([40_001] * 250)
def test_every_batch_is_within_both_limits_and_no_operation_is_lost(sizes: list[int]) -> None:
    batches = split_sizes(sizes)
    assert [size for batch in batches for size in batch] == sizes
    for batch in batches:
        assert 1 <= len(batch) <= MAX_OPERATIONS
        assert sum(batch) <= MAX_BYTES


@given(st.lists(SIZES, max_size=250))
@example([MAX_ITEM_BYTES] * 25)
@example([40_000] * 250)
def test_a_batch_ends_only_where_the_next_operation_would_break_a_limit(sizes: list[int]) -> None:
    batches = split_sizes(sizes)
    for batch, following in itertools.pairwise(batches):
        assert len(batch) == MAX_OPERATIONS or sum(batch) + following[0] > MAX_BYTES


def test_small_rows_are_limited_by_their_number_and_large_rows_by_their_bytes() -> None:
    assert [len(batch) for batch in split_sizes([100] * 201)] == [100, 100, 1]
    assert [len(batch) for batch in split_sizes([MAX_ITEM_BYTES] * 20)] == [9, 9, 2]
    assert split_sizes([]) == []
