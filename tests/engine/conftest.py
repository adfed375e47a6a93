"""The real Pulumi engine on the emulator. `make engine` runs these tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator.emulator import Emulator
from local.pulumi_engine.cli import PulumiCommandLine, find_or_build
from tests.engine.stacks import ROOT, Stack, StackFactory, make_layers


@pytest.fixture(scope="session")
def command_line() -> PulumiCommandLine:
    return find_or_build(ROOT / ".anchor", report=print)


@pytest.fixture(scope="session")
def stacks(
    command_line: PulumiCommandLine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StackFactory]:
    layers = make_layers(tmp_path_factory.mktemp("layers"))
    with Emulator(region="ap-southeast-1", port=0, schedule_seconds=86_400) as emulator:
        yield StackFactory(emulator, command_line, layers)


@pytest.fixture
def dev(stacks: StackFactory, tmp_path: Path) -> Iterator[Stack]:
    with stacks.create("dev", tmp_path) as stack:
        yield stack


@pytest.fixture
def interruptible_dev(stacks: StackFactory, tmp_path: Path) -> Iterator[Stack]:
    """The stage dev. Pulumi writes its state after each step, so that tests can kill a deployment."""
    with stacks.create("dev", tmp_path, writes_each_step=True) as stack:
        yield stack


@pytest.fixture
def production(stacks: StackFactory, tmp_path: Path) -> Iterator[Stack]:
    with stacks.create("production", tmp_path) as stack:
        yield stack
