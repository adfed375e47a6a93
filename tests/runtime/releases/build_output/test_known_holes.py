"""F3: versions of Next.js with known security holes are found, with the version to use."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.deploy.releases.build_output.known_holes import (
    find_fixed_version,
    find_problem,
    is_version,
    read_holes,
)

DATA = json.loads(Path("runtime/deploy/releases/build_output/next_holes.json").read_text(encoding="utf-8"))
RANGE = re.compile(r">= (\S+), < (\S+)")


@pytest.mark.parametrize(
    ("version", "cve", "fixed"),
    [
        ("16.0.6", "CVE-2025-66478", "16.3.8"),
        ("16.0.0-beta.0", "CVE-2025-66478", "16.3.8"),
        ("15.5.6", "CVE-2025-66478", "15.5.24"),
        ("15.6.0-canary.57", "CVE-2025-66478", "16.3.8"),
        ("14.3.0-canary.77", "CVE-2025-66478", "15.5.24"),
        ("16.3.2", "GHSA-2xp9-vwfh-vxw4", "16.3.8"),
        ("16.3.5", "CVE-2026-94545", "16.3.8"),
        ("15.2.2", "CVE-2025-66478", "15.5.24"),
        ("14.2.24", "GHSA-2xp9-vwfh-vxw4", "15.5.24"),
        ("11.1.4", "GHSA-2xp9-vwfh-vxw4", "15.5.24"),
        ("9.5.5", "CVE-2024-51479", "15.5.24"),
        ("1.0.0", "CVE-2025-57822", "15.5.24"),
    ],
)
def test_a_version_with_known_holes_is_refused_with_the_version_to_use(
    version: str, cve: str, fixed: str
) -> None:
    problem = find_problem(["16.4.6", version])
    assert problem
    assert problem.startswith(f"Next.js {version} has known security holes: {cve} (")
    assert problem.endswith(f"Use Next.js {fixed} or later")


@pytest.mark.parametrize("version", ["15.5.24", "15.5.29", "16.3.8", "16.4.6", "16.5.0-canary.3", "17.0.0"])
def test_a_version_without_known_holes_is_accepted(version: str) -> None:
    assert find_problem([version]) is None


def test_without_a_version_nothing_is_refused() -> None:
    assert find_problem([]) is None


@pytest.mark.parametrize("cve", ["CVE-2025-29927", "CVE-2024-34351", "CVE-2024-46982", "CVE-2025-57822"])
def test_the_boundaries_of_a_range_are_exact(cve: str) -> None:
    (hole,) = [hole for hole in read_holes() if hole.cve == cve]
    for first, fixed in hole.ranges:
        assert hole.affects(first)
        assert not hole.affects(fixed)


def test_each_entry_of_the_data_file_can_be_looked_up() -> None:
    assert [each for each in DATA["holes"] if not each["advisory"].startswith("GHSA-")] == []
    assert {each["severity"] for each in DATA["holes"]} <= {"critical", "high", "moderate"}
    pairs = [RANGE.fullmatch(text) for each in DATA["holes"] for text in each["ranges"]]
    assert all(pair and is_version(pair[1]) and is_version(pair[2]) for pair in pairs)
    assert not {each["advisory"] for each in DATA["holes"]} & set(DATA["leftOut"])


NUMBERS = st.integers(0, 30)


@given(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["", "-canary.1", "-canary.90", "-beta", "-rc.0+build"]))
def test_the_version_to_use_is_newer_and_has_no_known_hole(
    major: int, minor: int, patch: int, prerelease: str
) -> None:
    version = f"{major}.{minor}.{patch}{prerelease}"
    assert is_version(version)
    if find_problem([version]):
        fixed = find_fixed_version(version)
        assert find_problem([fixed]) is None
        assert tuple(map(int, fixed.split("."))) >= (major, minor, patch)


@pytest.mark.parametrize("text", ["", "16", "16.4", "latest", "16.4.6-", "16.4.6\n", "9" * 5_000 + ".0.0"])
def test_a_text_that_is_no_version_is_recognized(text: str) -> None:
    assert not is_version(text)
