"""One embedded AWS for all tests of a process: its state belongs to its modules."""

from collections.abc import Iterator

import pytest

from local.emulator import Emulator


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    """An emulator on a free port of this process (pytest-xdist: one per worker)."""
    with Emulator(region="ap-southeast-1", port=0) as emulator:
        yield emulator


@pytest.fixture
def emulator(running_emulator: Emulator) -> Emulator:
    """The emulator, empty."""
    running_emulator.reset()
    return running_emulator
