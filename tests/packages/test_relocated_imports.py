"""The build hook of the wheels installs folders under other import names (W1)."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.components.recorder import ROOT


def _load_hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("relocated_imports", ROOT / "packages/relocated_imports.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOK = _load_hook()
FOLDERS = {"runtime/shops": "store", "runtime/shared": "store.shared"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from runtime.shops.model import Job", "from store.model import Job"),
        ("from runtime.shops import model", "from store import model"),
        ("import runtime.shared.clock", "import store.shared.clock"),
        ("    # see `runtime.shops.jobs`", "    # see `store.jobs`"),
        ("from runtime.shopsystem import x", "from runtime.shopsystem import x"),
        ("my.runtime.shops", "my.runtime.shops"),
        ("local/runtime.shops", "local/runtime.shops"),
    ],
)
def test_dotted_names_are_replaced(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(text)
    assert HOOK.rename_imports(file, FOLDERS).decode() == expected


def test_files_that_are_not_python_stay_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_bytes(b"runtime.shops \xff")
    assert HOOK.rename_imports(file, FOLDERS) == b"runtime.shops \xff"


def test_excluded_paths_are_left_out() -> None:
    targets = [target for _, target in HOOK.list_files(FOLDERS, ("runtime/shared/api",))]
    assert "store/shared/clock.py" in targets
    assert not [target for target in targets if target.startswith("store/shared/api")]


@pytest.mark.parametrize("path", ["runtime/nothing", "runtime/shared/nothing.py"])
def test_a_path_that_does_not_exist_stops_the_build(path: str) -> None:
    with pytest.raises(FileNotFoundError, match="correct the path"):
        list(HOOK.list_files(FOLDERS, (path,)))
