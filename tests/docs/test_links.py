"""Links lead somewhere: to a file of the checkout, and to a heading in it (issue 7)."""

import re

import pytest

from tests.components.recorder import ROOT, recording
from tests.docs.pages import Page, page, pages, target

RUNBOOK = "docs/operations.md"
PATH = re.compile(
    r"(?:\.github|benchmarks|components|docs|examples|local|policies|reference|runtime|tests)/[\w./-]+"
)


@pytest.mark.parametrize("of", pages(), ids=lambda each: each.name)
def test_links_within_the_checkout_lead_to_a_file_and_a_heading(of: Page) -> None:
    for link in of.links:
        if "://" in link or link.startswith("mailto:"):
            continue
        file, heading = target(of, link)
        assert file.exists(), f"{of.name}: {link}"
        if heading and file.suffix == ".md":
            assert heading in page(str(file.relative_to(ROOT))).anchors, f"{of.name}: {link}"


@pytest.mark.parametrize("of", pages(), ids=lambda each: each.name)
def test_files_that_are_named_exist(of: Page) -> None:
    for code in of.inline:
        if PATH.fullmatch(code) and not code.endswith(("/layers", "-")):
            assert (ROOT / code).exists(), f"{of.name}: {code}"


def test_there_are_links_to_check() -> None:
    assert sum(len(each.links) for each in pages()) > 40


def test_the_readme_links_every_document_and_the_index_every_decision() -> None:
    indexes = (page("README.md"), page("docs/decisions/README.md"))
    linked = {target(index, link)[0] for index in indexes for link in index.links}
    assert {ROOT / each.name for each in pages() if each.name.startswith("docs/")} <= linked


def test_every_alarm_names_its_section_of_the_runbook() -> None:
    """Q2: whoever is woken reads the alarm, follows the link and finds what to do."""
    alarms = recording("production").of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert alarms
    for alarm in alarms:
        _, _, heading = alarm.inputs["alarmDescription"].rpartition(f"Runbook: {RUNBOOK}#")
        assert heading in page(RUNBOOK).anchors, alarm.name
