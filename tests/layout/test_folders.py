"""Folders contain few files, so that readers can find a module by its name."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAXIMUM = 16
SOURCES = {".js", ".mjs", ".py", ".yml"}


def list_folders(top: Path) -> list[Path]:
    return [top, *(path for path in top.rglob("*") if path.is_dir() and path.name != "__pycache__")]


@pytest.mark.parametrize("top", ["anchor", "components", "local", "runtime"])
def test_no_folder_holds_more_than_16_source_files(top: str) -> None:
    """Subfolders and `__init__.py` are not counted."""
    counts = {
        folder.relative_to(ROOT).as_posix(): sum(
            path.suffix in SOURCES and path.name != "__init__.py" for path in folder.iterdir()
        )
        for folder in list_folders(ROOT / top)
    }
    assert max(counts.values()) > 1
    assert {folder: count for folder, count in counts.items() if count > MAXIMUM} == {}
