"""The wheel of the shop store works without the checkout (W1)."""

from pathlib import Path

import pytest

from tests.packages.wheels import make_wheel, run_python, unpack_wheel

IMPORT_ALL = """
import importlib, pkgutil
import anchor_shop_store
found = [each.name for each in pkgutil.walk_packages(anchor_shop_store.__path__, "anchor_shop_store.")]
for name in found:
    importlib.import_module(name)
assert "anchor_shop_store.store" in found
assert not [name for name in sys.modules if name.partition(".")[0] in ("runtime", "pulumi")]
print(len(found))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the unpacked wheel."""
    folder = tmp_path_factory.mktemp("installed")
    unpack_wheel(make_wheel("shops", tmp_path_factory.mktemp("dist")), folder)
    return folder


def test_every_module_can_be_imported(installed: Path) -> None:
    assert int(run_python(installed, IMPORT_ALL)) > 15


def test_the_wheel_is_typed(installed: Path) -> None:
    assert (installed / "anchor_shop_store" / "py.typed").exists()
