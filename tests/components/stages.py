"""Stage settings for tests.

Tests never read the stage files in the folder of the checkout, because users change them. For the whole
program, they use the files in `tests/stage_files`.
"""

from pathlib import Path
from typing import Any

from components.core.scope import ResourceScope
from components.core.stage import StageConfig

STAGES = ("local", "dev", "staging", "production")
STAGE_FILES = Path(__file__).parents[1] / "stage_files"
"""Folder of the stage files of the tests, one for each of `STAGES`."""
REGION = "ap-southeast-1"
"""The region of these stages."""

SETTINGS: dict[str, Any] = {
    "architecture": "arm64",
    "pythonRuntime": "python3.13",
    "logRetentionDays": 14,
    "sites": [{"name": "shop"}],
    "images": {"corsOrigins": ["https://app.example.net"]},
}


def make_stage(name: str = "dev", **changes: Any) -> StageConfig:  # noqa: ANN401 - any YAML value
    """Return a stage with `SETTINGS`. `changes` replaces settings; the value `...` removes a setting."""
    settings = {key: value for key, value in {**SETTINGS, **changes}.items() if value is not ...}
    return StageConfig.parse(name, REGION, settings, allow_placeholders=True)


def make_scope(name: str = "dev", **changes: Any) -> ResourceScope:  # noqa: ANN401 - any YAML value
    """Return the scope of the stage that `make_stage` returns."""
    return make_stage(name, **changes).scope
