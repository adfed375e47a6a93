"""Generator of docs/nextjs-support.md: which features of Next.js work on the platform.

The page is made from the recorded result of `make conformance` (`tests/conformance/result.json`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from reference.markdown import format_code, format_table, join_blocks
from tests.conformance.harness.record import FeatureRecord, Record, SiteRecord, read_record
from tests.conformance.harness.sites import list_sites

_SHOWN: Final = 3

INTRODUCTION: Final = """\
# Next.js features

This page is generated from the recorded result of `make conformance`. That command builds each site of
`tests/conformance/sites` and the example sites once. It serves the build with `next start` and with the
platform on the embedded cloud, sends the same requests to both, and compares status, headers and bodies.
Most requests are generated from the manifests of the build. The others are in each `requests.json`."""

FEATURES: Final = """\
## Features

A feature *works* if no answer differs, except for the differences in the next section. The requests of a
feature come from all sites that use it, and so from the listed versions of Next.js."""

ALLOWED: Final = """\
## Differences of every site

The comparison ignores these differences, because they are part of how the platform delivers a site."""

REFUSED: Final = """\
## Refused sites

The platform refuses these sites before they go live, with the reason and the change to make."""

SITES: Final = """\
## Compared sites"""

MISSING: Final = """\
These sites have no recorded result yet:"""


def render_page() -> str:
    """Return the page for the committed result."""
    return render_record(read_record(), [site.name for site in list_sites()])


def render_record(record: Record, names: Collection[str]) -> str:
    """Return the page for a result.

    Args:
        record: The result.
        names: The names of all sites, also of those without a result.
    """
    refused = {name: site for name, site in record.sites.items() if site.refusal}
    missing = [name for name in names if name not in record.sites]
    return join_blocks(
        INTRODUCTION,
        FEATURES,
        format_table(("feature", "Next.js", "requests", "result"), _list_features(record)),
        ALLOWED,
        format_table(("difference", "reason"), record.allowed.items()),
        *((REFUSED, _format_refusals(refused)) if refused else ()),
        SITES,
        format_table(("site", "Next.js", "requests", "different"), _list_sites(record)),
        *((f"{MISSING} {', '.join(map(format_code, missing))}.",) if missing else ()),
    )


def _list_features(record: Record) -> Iterable[tuple[str, ...]]:
    """Yield a row for each feature, with the results of all sites."""
    names = sorted({name for site in record.sites.values() for name in site.features}, key=str.lower)
    for name in names:
        found = [(site, site.features[name]) for site in record.sites.values() if name in site.features]
        versions = sorted({site.next_version.partition(".")[0] for site, _ in found})
        requests = sum(feature.cases for _, feature in found)
        yield name, ", ".join(versions), str(requests), _describe_result([feature for _, feature in found])


def _describe_result(features: Iterable[FeatureRecord]) -> str:
    different = sum(feature.different for feature in features)
    if not different:
        return "works"
    examples = [example for feature in features for example in feature.examples][:_SHOWN]
    return f"{different} differ: " + "; ".join(format_code(example.replace("`", "'")) for example in examples)


def _format_refusals(refused: Mapping[str, SiteRecord]) -> str:
    return format_table(("site", "reason"), ((name, site.refusal) for name, site in refused.items()))


def _list_sites(record: Record) -> Iterable[tuple[str, ...]]:
    for name, site in record.sites.items():
        cases = sum(feature.cases for feature in site.features.values())
        different = sum(feature.different for feature in site.features.values())
        yield format_code(name), site.next_version, str(cases), "refused" if site.refusal else str(different)
