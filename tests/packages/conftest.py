"""The wheel of the components, unpacked once for all tests of a process."""

from pathlib import Path

import pytest

from tests.packages.wheels import make_wheel, unpack_wheel


@pytest.fixture(scope="session")
def components_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wheel("components", tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed_components(components_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the unpacked wheel of the components."""
    folder = tmp_path_factory.mktemp("components")
    unpack_wheel(components_wheel, folder)
    return folder
