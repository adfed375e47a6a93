"""Renew the snapshots: `python -m tests.components.snapshots`, or `make snapshots`."""

from components.core.stage import STAGES
from tests.components.snapshot import path_of, snapshot

for stage in STAGES:
    path_of(stage).write_text(snapshot(stage), encoding="utf-8")
    print(path_of(stage))  # noqa: T201 - a command tells what it wrote
