"""The sites of the harness: their files, and sites that have the sources of another site."""

import json
from pathlib import Path

import pytest

from tests.conformance.harness.builds import compute_hash
from tests.conformance.harness.sites import Site, SiteMissingError, find_site, list_sites


def make_site(folder: Path, document: dict[str, object], **files: str) -> Site:
    folder.mkdir(parents=True)
    for name, text in {"package.json": "{}", "requests.json": json.dumps(document), **files}.items():
        (folder / name).write_text(text)
    return find_site(str(folder))


def test_a_site_has_the_sources_and_requests_of_its_base(tmp_path: Path) -> None:
    base_cases = [{"name": "one", "path": "/1"}, {"name": "two", "path": "/2"}]
    make_site(
        tmp_path / "base", {"cases": base_cases, "volatile": ["x"]}, page="base", config="base", proxy="base"
    )
    site = make_site(
        tmp_path / "newer",
        {
            "extends": str(tmp_path / "base"),
            "removed": ["proxy"],
            "without": ["one"],
            "cases": [{"name": "three", "path": "/3"}],
        },
        config="newer",
    )
    copied = site.copy_sources(tmp_path / "copy")
    files = {path.name: path.read_text() for path in copied.iterdir()}
    assert files == {"package.json": "{}", "page": "base", "config": "newer"}
    assert [case["name"] for case in site.cases] == ["two", "three"]
    assert site.volatile == ["x"]


def test_build_outputs_do_not_count_as_sources(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("a page")
    before = compute_hash([tmp_path])
    for name in (".next", "node_modules", ".open-next"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("made")
    assert compute_hash([tmp_path]) == before


def test_a_missing_site_is_reported() -> None:
    with pytest.raises(SiteMissingError, match="no-such-site"):
        find_site("no-such-site")


def test_the_sites_have_two_major_versions_of_next_js() -> None:
    packages = [json.loads((site.folder / site.root / "package.json").read_text()) for site in list_sites()]
    majors = {str(package["dependencies"]["next"]).partition(".")[0] for package in packages}
    assert majors == {"15", "16"}
