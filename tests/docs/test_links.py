"""Links point to existing files and headings."""

import re

import pytest

from tests.components.recorder import ROOT, get_recording
from tests.docs.pages import Page, read_page, read_pages, resolve_link

RUNBOOK = "docs/operations.md"
PATH = re.compile(
    r"(?:\.github|benchmarks|components|docs|examples|local|policies|reference|runtime|tests)/[\w./-]+"
)


@pytest.mark.parametrize("page", read_pages(), ids=lambda each: each.name)
def test_links_within_the_checkout_point_to_an_existing_file_and_heading(page: Page) -> None:
    for link in page.links:
        if "://" in link or link.startswith("mailto:"):
            continue
        file, heading = resolve_link(page, link)
        assert file.exists(), f"{page.name}: {link}"
        if heading and file.suffix == ".md":
            assert heading in read_page(str(file.relative_to(ROOT))).anchors, f"{page.name}: {link}"


@pytest.mark.parametrize("page", read_pages(), ids=lambda each: each.name)
def test_files_named_in_the_documents_exist(page: Page) -> None:
    for code in page.inline_code:
        if PATH.fullmatch(code) and not code.endswith(("/layers", "-")):
            assert (ROOT / code).exists(), f"{page.name}: {code}"


def test_the_documents_contain_links() -> None:
    assert sum(len(each.links) for each in read_pages()) > 40


def test_every_document_is_linked_in_the_readme_or_the_index_of_decisions() -> None:
    indexes = (read_page("README.md"), read_page("docs/decisions/README.md"))
    linked = {resolve_link(index, link)[0] for index in indexes for link in index.links}
    assert {ROOT / each.name for each in read_pages() if each.name.startswith("docs/")} <= linked


def test_every_alarm_names_its_section_of_the_runbook() -> None:
    """Q2: the person on call reads the alarm, follows its link and finds the steps."""
    alarms = get_recording("production").find_by_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert alarms
    for alarm in alarms:
        _, _, heading = alarm.inputs["alarmDescription"].rpartition(f"Runbook: {RUNBOOK}#")
        assert heading in read_page(RUNBOOK).anchors, alarm.name
