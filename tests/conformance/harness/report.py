"""The report of a run: differences in groups, a table, and a JSON document."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.conformance.harness.comparing.comparison import Difference
from tests.conformance.harness.run import CaseResult
from tests.conformance.harness.sites import Site

SiteResult: TypeAlias = Sequence[CaseResult] | str
"""The results of the cases, or the reason why the site could not be compared."""
_EXAMPLES = 3
_DETAIL_LINES = 60


def group_differences(results: Sequence[CaseResult]) -> list[tuple[Difference, list[str]]]:
    """Return each different difference with the names of its cases, the most frequent first."""
    groups: dict[Difference, list[str]] = {}
    for result in results:
        for step in result.steps:
            for found in step.differences:
                name = (
                    result.case.name if len(result.steps) == 1 else f"{result.case.name} [{step.number + 1}]"
                )
                groups.setdefault(found, []).append(name)
    return sorted(groups.items(), key=lambda pair: -len(pair[1]))


def print_groups(console: Console, results: Sequence[CaseResult]) -> None:
    """Print each difference once, with examples of its cases."""
    for found, names in group_differences(results):
        console.print(f"[bold]{escape(found.part)}[/bold]  ({len(names)} requests)")
        console.print(f"    next start {escape(found.expected)}")
        console.print(f"    platform   {escape(found.actual)}")
        for name in names[:_EXAMPLES]:
            console.print(f"        [dim]{escape(name)}[/dim]")


def print_cases(console: Console, results: Sequence[CaseResult]) -> None:
    """Print all differences of each case."""
    for result in results:
        for step in result.steps:
            if step.differences:
                console.print(f"[bold]{escape(result.case.name)}[/bold]  [dim]step {step.number + 1}[/dim]")
            for found in step.differences:
                console.print(f"    {escape(found.part)}:")
                console.print(f"      next start {escape(found.expected)}")
                console.print(f"      platform   {escape(found.actual)}")
                console.print("\n".join(found.detail.splitlines()[:_DETAIL_LINES]), markup=False, style="dim")


def is_expected(site: Site, found: SiteResult) -> bool:
    """Return whether a site behaves as under `next start`, or is refused with the expected reason."""
    if isinstance(found, str):
        return bool(site.refusal) and site.refusal in found
    return not site.refusal and all(result.is_same for result in found)


def print_table(console: Console, results: Mapping[str, SiteResult], sites: Sequence[Site]) -> None:
    """Print one line for each site."""
    table = Table("site", "cases", "same", "different", "")
    for site in sites:
        found = results[site.name]
        mark = "ok" if is_expected(site, found) else "DIFFERENT"
        if isinstance(found, str):
            table.add_row(site.name, "-", "-", escape(found.splitlines()[0]), mark)
        else:
            same = sum(result.is_same for result in found)
            table.add_row(site.name, str(len(found)), str(same), str(len(found) - same), mark)
    console.print(table)


def encode_result(found: SiteResult) -> object:
    """Return the JSON value of a site's result."""
    if isinstance(found, str):
        return found
    return [
        {
            "case": result.case.name,
            "feature": result.case.feature,
            "steps": [
                {
                    "request": step.request,
                    "differences": [
                        {"part": each.part, "next start": each.expected, "platform": each.actual}
                        for each in step.differences
                    ],
                }
                for step in result.steps
            ],
        }
        for result in found
    ]
