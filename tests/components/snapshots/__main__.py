"""Write the snapshots of all stages: `python -m tests.components.snapshots`, or `make snapshots`."""

from tests.components.snapshot import get_snapshot_path, render_snapshot
from tests.components.stages import STAGES

for stage in STAGES:
    get_snapshot_path(stage).write_text(render_snapshot(stage), encoding="utf-8")
    print(get_snapshot_path(stage))  # noqa: T201 - the command lists the files that it wrote
