"""Write the snapshots of all stages: `python -m tests.components.snapshots`, or `make snapshots`."""

from components.core.stage import STAGES
from tests.components.snapshot import snapshot, snapshot_path

for stage in STAGES:
    snapshot_path(stage).write_text(snapshot(stage), encoding="utf-8")
    print(snapshot_path(stage))  # noqa: T201 - the command lists the files that it wrote
