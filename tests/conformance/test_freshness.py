"""The ages of pages: which answers are late, and how a release begins a new history."""

import pytest

from tests.conformance.freshness import AgeRecord, make_row


def add_answers(record: AgeRecord, *answers: tuple[float, float]) -> None:
    """Add answers for one page, as pairs of the time of the request and the time of the rendering."""
    for sent, rendered in answers:
        record.add("/", sent=sent, answered=sent, rendered=rendered)


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([(100.0, 0.0), (102.0, 0.0), (104.0, 100.1)], id="renewed after the request"),
        pytest.param([(100.0, 0.0), (200.0, 100.1)], id="without visitors for a time"),
        pytest.param([(100.0, 99.0), (105.1, 99.0)], id="fresh at the request before"),
        pytest.param([(100.0, 0.0), (105.0, 0.0)], id="within the time for the rendering"),
    ],
)
def test_an_answer_is_in_time(answers: list[tuple[float, float]]) -> None:
    record = AgeRecord()
    add_answers(record, *answers)
    assert record.delays == []


def test_an_answer_is_late_if_a_former_request_should_have_renewed_the_page() -> None:
    record = AgeRecord()
    add_answers(record, (100.0, 90.0), (105.1, 90.0), (107.1, 90.0))
    assert record.delays == [8.0, 8.0]


def test_a_release_begins_with_the_pages_of_its_build() -> None:
    record = AgeRecord()
    add_answers(record, (100.0, 50.0), (102.0, 100.1))
    record.releases += 1
    record.begin()
    add_answers(record, (108.0, 50.0), (110.0, 108.1))
    assert (record.delays, record.failures) == ([], [])
    assert (make_row(2, record).answers, make_row(2, record).oldest) == (2, 0.0)


def test_a_page_never_becomes_older_without_a_release() -> None:
    record = AgeRecord()
    add_answers(record, (100.0, 99.0), (101.0, 95.0))
    assert record.failures == ["/: 4.0 s older than the answer before"]


def test_a_row_has_the_ages_of_one_release() -> None:
    record = AgeRecord()
    add_answers(record, (100.0, 99.0), (106.0, 99.0))
    record.begin()
    add_answers(record, (108.0, 107.0), (110.0, 109.0), (112.0, 109.0))
    row = make_row(1, record)
    assert (row.answers, row.median, row.oldest, row.delays) == (3, 1.0, 3.0, ())
