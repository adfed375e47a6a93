"""Runs the example programs with the unpacked wheel of the components, in this process."""

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi

from tests.components.recorder import (
    REGION,
    ROOT,
    Mocks,
    Recorded,
    Recorder,
    Recording,
    create_layers,
    record_program,
)

EXAMPLES = ROOT / "examples"
PACKAGE = "anchor_deploy"


class ProviderMocks(Mocks):
    """Mocks that also answer the lookup of the region."""

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token == "aws:index/getRegion:getRegion":
            return {"region": REGION}, []
        return super().call(args)


@contextmanager
def import_package(installed: Path) -> Iterator[None]:
    """Make the installed package importable, and forget its modules afterwards."""
    sys.path.insert(0, str(installed))
    try:
        yield
    finally:
        sys.path.remove(str(installed))
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


def run_example(name: str) -> None:
    """Run an example program as Pulumi does."""
    runpy.run_path(str(EXAMPLES / name / "__main__.py"), run_name="__main__")


def record_example(name: str, installed: Path, stack: str = "dev") -> Recording:
    """Run an example program under mocks, and return its resources."""

    def create_monitor(recorded: list[Recorded]) -> Recorder:
        return Recorder(recorded, ProviderMocks())

    with create_layers() as layers, import_package(installed):
        config = {"anchor-deploy:layers": str(layers)}
        return record_program(lambda: run_example(name), stack, config, monitor=create_monitor)
