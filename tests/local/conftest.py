"""One embedded AWS for all tests of a process, because the modules of the embedded AWS have global state."""

from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment
from tests.local.deployed_program import DeployedProgram, make_layers

# The beginnings of the ids of all tests that use the deployed program.
PROGRAM_TESTS = ("tests/local/readback/", "tests/local/engine/test_main_program.py")
FIRST_ACCOUNT_TESTS = "tests/local/first_account/"


class ProgramScheduling(LoadScopeScheduling):
    """A scheduler that gives each test to a free process, except the tests of a deployed program.

    One process gets all tests of the deployed program, so that the program is deployed only once. The tests
    of the first account share another deployment in the same way. The option `--dist loadgroup` should do
    this, but this version of pytest ignores the groups of pytest-xdist.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(FIRST_ACCOUNT_TESTS):
            return "first account"
        return "deployed program" if nodeid.startswith(PROGRAM_TESTS) else nodeid


@pytest.hookimpl(optionalhook=True)  # without xdist, pytest does not know this hook
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ProgramScheduling | None:  # noqa: ANN401 - xdist's own
    """Return `ProgramScheduling` for `--dist load`, the default of `-n`. Return None for other options."""
    return ProgramScheduling(config, log) if config.getvalue("dist") == "load" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of the deployed program first. The last of these tests destroys the program.

    All other tests that use the emulator empty it. If they ran in between, the program would have to be
    deployed again.
    """
    items.sort(key=_sort_key)


def _sort_key(item: pytest.Item) -> int:
    if "deployed" not in getattr(item, "fixturenames", ()):
        return 2
    return 1 if "destroyed" in item.name else 0


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    """An emulator on a free port. With pytest-xdist, each worker process has its own emulator."""
    with Emulator(region="ap-southeast-1", port=0) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def program(running_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> DeployedProgram:
    return DeployedProgram(running_emulator, make_layers(tmp_path_factory.mktemp("layers")))


@pytest.fixture
def deployed(program: DeployedProgram) -> Deployment:
    """The real program, deployed to the emulator. Tests must only read its resources."""
    return program.get_deployment()


@pytest.fixture
def emulator(running_emulator: Emulator, program: DeployedProgram) -> Emulator:
    """The emulator without any resources."""
    program.forget()
    running_emulator.reset()
    return running_emulator
