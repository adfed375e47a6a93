"""The recorded result: it belongs to the sites of the checkout, and the page is made from it."""

from pathlib import Path

from reference.nextjs_support import render_record
from tests.conformance.harness.cases import Case
from tests.conformance.harness.comparing.comparison import Difference
from tests.conformance.harness.record import (
    compute_source_hash,
    list_allowed,
    make_record,
    read_record,
    write_record,
)
from tests.conformance.harness.report import is_expected
from tests.conformance.harness.run import CaseResult, StepResult
from tests.conformance.harness.sites import Site, list_sites


def make_site(folder: Path, **document: object) -> Site:
    folder.mkdir()
    (folder / "package.json").write_text('{"dependencies": {"next": "16.4.6"}}')
    return Site(name=folder.name, folder=folder, document=document)


def make_result(feature: str, *differences: Difference) -> CaseResult:
    step = StepResult(number=0, request="GET /", differences=differences)
    return CaseResult(case=Case(name="GET /", steps=(), feature=feature), steps=(step,))


DIFFERENCE = Difference(part="status", expected="200", actual="404")


def test_the_recorded_result_belongs_to_the_sites_of_the_checkout() -> None:
    """If this test fails, run `make conformance`, which records the result of the changed sites."""
    recorded = {name: site.sources for name, site in read_record().sites.items()}
    assert recorded.items() <= {site.name: compute_source_hash(site) for site in list_sites()}.items()


def test_the_recorded_result_has_the_reasons_of_the_allowed_differences() -> None:
    assert read_record().allowed == list_allowed()


def test_a_change_of_a_site_or_of_its_requests_makes_the_result_stale(tmp_path: Path) -> None:
    site = make_site(tmp_path / "one")
    hashes = {compute_source_hash(site)}
    (site.folder / "requests.json").write_text("{}")
    hashes.add(compute_source_hash(site))
    (site.folder / "page.tsx").write_text("a page")
    hashes.add(compute_source_hash(site))
    assert len(hashes) == 3


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    sites = [make_site(tmp_path / "one"), make_site(tmp_path / "two", refused="edge runtime")]
    results = {
        "one": [make_result("cookies"), make_result("cookies", DIFFERENCE)],
        "two": "failed: edge runtime\nlog",
    }
    record = make_record(results, sites)
    write_record(record, tmp_path / "result.json")
    assert read_record(tmp_path / "result.json") == record
    assert record.sites["one"].features["cookies"].cases == 2
    assert record.sites["one"].features["cookies"].different == 1
    assert record.sites["two"].refusal == "failed: edge runtime"


def test_a_run_of_some_sites_keeps_the_results_of_the_others(tmp_path: Path) -> None:
    sites = [make_site(tmp_path / "one"), make_site(tmp_path / "two")]
    first = make_record({"one": [make_result("cookies", DIFFERENCE)], "two": [make_result("cookies")]}, sites)
    second = make_record({"one": [make_result("cookies")]}, sites, first.sites)
    assert second.sites["one"].features["cookies"].different == 0
    assert second.sites["two"] == first.sites["two"]
    assert set(make_record({}, sites[:1], first.sites).sites) == {"one"}


def test_the_page_says_what_works_what_differs_and_what_is_refused(tmp_path: Path) -> None:
    sites = [make_site(tmp_path / "one"), make_site(tmp_path / "two", refused="edge runtime")]
    results = {
        "one": [make_result("cookies", DIFFERENCE), make_result("redirects")],
        "two": "failed: edge runtime",
    }
    page = render_record(make_record(results, sites), ["one", "two", "three"])
    assert "| redirects | 16 | 1 | works |" in page
    assert "| cookies | 16 | 1 | 1 differ: `GET /: status: 200 under 'next start', 404 here` |" in page
    assert "| two | failed: edge runtime |" in page
    assert "no recorded result yet: `three`." in page


def test_a_site_is_as_expected_if_it_is_the_same_or_refused_for_the_expected_reason(tmp_path: Path) -> None:
    live, refused = make_site(tmp_path / "one"), make_site(tmp_path / "two", refused="edge runtime")
    assert is_expected(live, [make_result("cookies")])
    assert not is_expected(live, [make_result("cookies", DIFFERENCE)])
    assert not is_expected(live, "failed: edge runtime")
    assert is_expected(refused, "failed: the edge runtime")
    assert not is_expected(refused, "failed: out of memory")
    assert not is_expected(refused, [make_result("cookies")])
