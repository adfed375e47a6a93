"""Next.js versions with known security holes. The data file `next_holes.json` names its source."""

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from attrs import frozen

_DATA: Final = Path(__file__).with_name("next_holes.json")
_VERSION: Final = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")

_Identifier: TypeAlias = tuple[bool, int, str]
_Version: TypeAlias = tuple[tuple[int, int, int], bool, tuple[_Identifier, ...]]
"""A version in the order of Semantic Versioning. A release is greater than its prereleases."""


@frozen(kw_only=True)
class Hole:
    """A security hole of Next.js.

    Attributes:
        cve: CVE id, or the id of GitHub's advisory if there is no CVE id.
        title: What an attacker can do.
        ranges: Affected versions, as pairs of the first affected and the first fixed version.
    """

    cve: str
    title: str
    ranges: tuple[tuple[str, str], ...]

    def affects(self, version: str) -> bool:
        """Return whether a version has this hole."""
        parsed = _parse(version)
        return any(_parse(first) <= parsed < _parse(fixed) for first, fixed in self.ranges)


def is_version(text: str) -> bool:
    """Return whether a text is a version that can be compared."""
    return _VERSION.fullmatch(text) is not None


@cache
def read_holes() -> tuple[Hole, ...]:
    """Return the holes of the data file, the most severe first."""
    document = json.loads(_DATA.read_text(encoding="utf-8"))
    return tuple(
        Hole(cve=each["cve"], title=each["title"], ranges=tuple(map(_parse_range, each["ranges"])))
        for each in document["holes"]
    )


def find_problem(versions: Sequence[str]) -> str | None:
    """Return which of these versions has known holes and which version to use, or None.

    Args:
        versions: Versions for which `is_version` is true.
    """
    for version in versions:
        if holes := [hole for hole in read_holes() if hole.affects(version)]:
            others = f" and {len(holes) - 1} more" if len(holes) > 1 else ""
            return (
                f"Next.js {version} has known security holes: {holes[0].cve} ({holes[0].title}){others}. "
                f"Use Next.js {find_fixed_version(version)} or later"
            )
    return None


def find_fixed_version(version: str) -> str:
    """Return the lowest fixed version without known holes: of the same major version, if there is one."""
    fixed = {last for hole in read_holes() for _, last in hole.ranges if "-" not in last}
    safe = [each for each in fixed if not any(hole.affects(each) for hole in read_holes())]
    newer = sorted((each for each in safe if _parse(each) > _parse(version)), key=_parse)
    return newer[0]


def _parse_range(text: str) -> tuple[str, str]:
    first, fixed = text.split(", ")
    return first.removeprefix(">= "), fixed.removeprefix("< ")


def _parse(text: str) -> _Version:
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    numbers = (int(match[1]), int(match[2]), int(match[3]))
    return numbers, match[4] is None, tuple(map(_parse_identifier, (match[4] or "").split(".")))


def _parse_identifier(text: str) -> _Identifier:
    is_number = text.isascii() and text.isdigit()
    return not is_number, int(text) if is_number else 0, text
