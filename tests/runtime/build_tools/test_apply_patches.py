"""D7: a patch of an installed package applies exactly once, or the build fails."""

from pathlib import Path

import pytest

from tests.runtime.build_tools.node_script import ScriptError, run_script

PATCH = {"name": "fix", "file": "package/a.js", "edits": [{"before": "wrong", "after": "right"}]}


def apply_patches(folder: Path, *patches: object) -> str:
    run_script("apply_patches.mjs", "tools.applyPatches(given[0], given[1])", str(folder), patches)
    return (folder / "package/a.js").read_text()


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/a.js").write_text("a wrong line $& \n")
    return tmp_path


def test_a_patch_is_applied_once(modules: Path) -> None:
    assert apply_patches(modules, PATCH) == "a right line $& \n"
    assert apply_patches(modules, PATCH) == "a right line $& \n"


def test_patches_of_the_same_file_are_combined(modules: Path) -> None:
    second = PATCH | {"edits": [{"before": "right line", "after": "right $& text"}]}
    assert apply_patches(modules, PATCH, second) == "a right $& text $& \n"


@pytest.mark.parametrize("before", ["missing", "i"])
def test_a_patch_that_does_not_match_fails_and_changes_nothing(modules: Path, before: str) -> None:
    other = {"name": "other", "file": "package/a.js", "edits": [{"before": before, "after": "?"}]}
    with pytest.raises(ScriptError, match=r"The patch other does not match package/a\.js"):
        apply_patches(modules, PATCH, other)
    assert (modules / "package/a.js").read_text() == "a wrong line $& \n"


def test_every_patch_names_its_file_and_its_reason() -> None:
    patches = run_script("apply_patches.mjs", "tools.loadPatches()")
    assert patches
    for patch in patches:
        assert patch.keys() == {"name", "file", "reason", "edits"}
        assert len(patch["reason"]) > 20
        assert all(edit["before"] and edit["after"] for edit in patch["edits"])
