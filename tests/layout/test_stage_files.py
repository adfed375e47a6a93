"""Users change the stage files in the folder of the checkout. So no test may depend on their content (W2)."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The code that tests and generated documents use. Only the commands of users read the files of the checkout.
FOLDERS = ("tests", "reference", "benchmarks")
READS_STAGE_FILE = re.compile(
    r"(?:ROOT|CHECKOUT|root|checkout)\s*/\s*f?\"Pulumi\.(?!yaml)"
    r"|Engine\(\s*\w*emulator,\s*root=ROOT\)\s*\.(?:deploy|load_settings)\("
    r"|load_settings\(ROOT|read_stage_file\((?:ROOT|CHECKOUT)"
)
STARTS_CLOUD = re.compile(r"Cloud\.start\((?P<arguments>(?:[^()]|\([^()]*\))*)\)")


def iterate_sources() -> list[Path]:
    return [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__) and "node_modules" not in path.parts
    ]


def test_no_test_reads_a_stage_file_of_the_checkout() -> None:
    """Requirement G1."""
    sources = iterate_sources()
    assert len(sources) > 200
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in sources
        for match in READS_STAGE_FILE.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_cloud_of_the_tests_uses_the_stage_files_of_the_tests() -> None:
    """Requirement G1."""
    starts = [
        (path.relative_to(ROOT), match["arguments"])
        for path in iterate_sources()
        for match in STARTS_CLOUD.finditer(path.read_text(encoding="utf-8"))
    ]
    assert len(starts) >= 4
    assert [
        path for path, arguments in starts if "root=ROOT" in arguments and "stage_files=" not in arguments
    ] == []
