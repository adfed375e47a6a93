"""The benchmarks of the edge function, of switches and of releases report correct values."""

import pytest

from benchmarks import edge_function, release, switches
from benchmarks.embedded import require_live
from local.demo.load import Answer
from local.edge.functions.viewer_function import MAXIMUM_BYTES

OLD, NEW = "a" * 40, "b" * 40


def test_the_edge_function_is_measured_with_few_and_many_hosts() -> None:
    """The test compares the numbers of lookups in the KeyValueStore. It does not compare times."""
    progress: list[str] = []
    report = edge_function.measure(progress.append, hosts=(1, 50), requests=60)
    values = {each.name: each for each in report.measurements}
    assert values["maximum lookups per request with 50 hosts"].value == 2
    assert values["lookups for all these requests with 50 hosts / with 1"].value == 1
    assert values["size of the file / limit of CloudFront"].detail.endswith(f"{MAXIMUM_BYTES:,} bytes")
    assert [x for x, _ in report.plots[0].lines[0].points] == [1, 50]
    assert progress


def test_the_switch_report_has_times_and_the_numbers_of_failed_and_mixed_responses() -> None:
    """D3: a mixed response names two releases.

    The first switch is reported separately, because its time includes a cold start.
    """
    done = [
        switches.Switched(asked=at, answered=at + 0.4, seen=at + seconds)
        for at, seconds in ((0.0, 3.0), (10.0, 0.1), (20.0, 0.2), (30.0, 0.9))
    ]
    answers = [
        Answer(path="/", started_at=10.0, ended_at=10.1, releases=frozenset({NEW})),
        Answer(path="/", started_at=10.2, ended_at=10.3, releases=frozenset({OLD, NEW})),
        Answer(path="/", started_at=20.0, ended_at=20.1, error="refused"),
    ]
    report = switches.create_report(done, answers)
    shown = {each.name: (each.value_text, each.verdict) for each in report.measurements}
    assert shown == {
        "failed responses": ("1", "missed"),
        "mixed responses": ("1", "missed"),
        "promote call to first new response, p50": ("0.20 s", "met"),
        "promote call to first new response, p95": ("0.90 s", "met"),
        "promote call to first new response, maximum": ("0.90 s", "met"),
        "the same for the first call, with a cold start of `promote`": ("3.00 s", "missed"),
    }
    assert report.plots[0].mark == (pytest.approx(200), "new release seen (median)")


def test_a_percentile_is_one_of_the_values() -> None:
    assert [switches.compute_percentile([1, 2, 3, 4], part) for part in (0.0, 0.5, 0.51, 1.0)] == [1, 2, 3, 4]


def test_files_of_a_release_are_reproducible_and_named_by_their_hash() -> None:
    made = release.make_files(20, seed=1)
    assert made == release.make_files(20, seed=1)
    assert len(set(made.values())) == len(made) == 20
    assert not set(made) & set(release.make_files(20, seed=2))


def test_a_release_that_did_not_go_live_raises_an_error() -> None:
    assert require_live({"status": "live"}) == {"status": "live"}
    with pytest.raises(ValueError, match="did not go live"):
        require_live({"status": "failed"})
