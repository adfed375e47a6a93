"""Stage settings for tests.

Tests never read the stage files in the folder of the checkout, because users change them. For the whole
program, they use the files in `tests/stage_files`.
"""

from pathlib import Path
from typing import Any

import yaml

from components.core.scope import ResourceScope
from components.core.stage import StageConfig

STAGES = ("local", "dev", "staging", "production")
STAGE_FILES = Path(__file__).parents[1] / "stage_files"
"""Folder of the stage files of the tests, one for each of `STAGES`."""
NEW_SETTINGS = {"budget", "quotas"}
"""Settings in the stage files of the tests that version 0.1.0 does not know."""
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


def write_earlier_stage_file(stage: str, folder: Path) -> Path:
    """Write the settings of a stage without those that version 0.1.0 does not know, and return the folder."""
    name = f"Pulumi.{stage}.yaml"
    document = yaml.safe_load((STAGE_FILES / name).read_text(encoding="utf-8"))
    settings = document["config"]["anchor-deploy:stage"]
    document["config"]["anchor-deploy:stage"] = {
        key: value for key, value in settings.items() if key not in NEW_SETTINGS
    }
    (folder / name).write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder
