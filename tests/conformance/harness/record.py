"""The recorded result of a run over all sites, from which docs/nextjs-support.md is made."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from cattrs import Converter

from tests.conformance.harness.builds import ROOT, compute_hash
from tests.conformance.harness.comparing.allowed import ALLOWED
from tests.conformance.harness.run import CaseResult
from tests.conformance.harness.sites import FOLDERS, REQUESTS, Site

RESULT: Final = ROOT / "tests" / "conformance" / "result.json"
_CONVERTER: Final = Converter(forbid_extra_keys=True)
_EXAMPLES: Final = 5
_LENGTH: Final = 80


@frozen(kw_only=True)
class FeatureRecord:
    """The result of the cases of one feature.

    Attributes:
        cases: The number of cases.
        different: The number of cases with a difference that is not allowed.
        examples: Some of these differences, each with the name of its case.
    """

    cases: int
    different: int
    examples: tuple[str, ...]


@frozen(kw_only=True)
class SiteRecord:
    """The result of one site.

    Attributes:
        sources: A hash of the site's files.
        next_version: The version of Next.js.
        features: The results by feature. Empty if the site was not compared.
        refusal: The reason for which the platform refused the site. An empty text if it went live.
    """

    sources: str
    next_version: str
    features: dict[str, FeatureRecord]
    refusal: str


@frozen(kw_only=True)
class Record:
    """The result of a run.

    Attributes:
        allowed: The reasons of the allowed differences by name.
        sites: The results by site.
    """

    allowed: dict[str, str]
    sites: dict[str, SiteRecord]


def compute_source_hash(site: Site) -> str:
    """Return a hash of a site's files and requests. It changes if the recorded result can be out of date."""
    folders = [site.folder, *([site.base.folder] if site.base else [])]
    requests = [folder / REQUESTS for folder in folders]
    if site.folder.parent != FOLDERS[0]:
        requests.append(FOLDERS[0] / site.folder.name / REQUESTS)  # the requests of an example
    texts = [path.read_text(encoding="utf-8") for path in requests if path.is_file()]
    return compute_hash(folders, *texts)


def list_allowed() -> dict[str, str]:
    """Return the reasons of the allowed differences by name."""
    return {allowed.name: allowed.reason for allowed in ALLOWED}


def make_record(
    results: Mapping[str, Sequence[CaseResult] | str],
    sites: Sequence[Site],
    former: Mapping[str, SiteRecord] | None = None,
) -> Record:
    """Return the record of all sites.

    Args:
        results: The new results by site.
        sites: All sites of the harness.
        former: The records of the sites that have no new result.
    """
    made = {site.name: _make_site_record(site, results[site.name]) for site in sites if site.name in results}
    known = {**(former or {}), **made}
    return Record(
        allowed=list_allowed(), sites={site.name: known[site.name] for site in sites if site.name in known}
    )


def _make_site_record(site: Site, found: Sequence[CaseResult] | str) -> SiteRecord:
    refused = isinstance(found, str)
    by_feature: dict[str, list[CaseResult]] = {}
    for result in () if isinstance(found, str) else found:
        by_feature.setdefault(result.case.feature, []).append(result)
    package: dict[str, Any] = json.loads((site.folder / site.root / "package.json").read_text())
    return SiteRecord(
        sources=compute_source_hash(site),
        next_version=str(package["dependencies"]["next"]),
        features={name: _make_feature_record(each) for name, each in sorted(by_feature.items())},
        refusal=str(found).splitlines()[0] if refused else "",
    )


def _make_feature_record(results: Sequence[CaseResult]) -> FeatureRecord:
    different = [result for result in results if not result.is_same]
    examples = [
        f"{result.case.name}: {found.part}: {_shorten(found.expected)} under `next start`, "
        f"{_shorten(found.actual)} here"
        for result in different
        for step in result.steps
        for found in step.differences[:1]
    ]
    return FeatureRecord(cases=len(results), different=len(different), examples=tuple(examples[:_EXAMPLES]))


def _shorten(text: str) -> str:
    """Return a value on one line, with an end if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _LENGTH else f"{line[:_LENGTH]}..."


def write_record(record: Record, path: Path = RESULT) -> None:
    """Write a record."""
    text = json.dumps(_CONVERTER.unstructure(record), indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def read_record(path: Path = RESULT) -> Record:
    """Return the committed record."""
    return _CONVERTER.structure(json.loads(path.read_text(encoding="utf-8")), Record)
