"""Stages for tests of one component, without a stage's file."""

from typing import Any

from components.core.stage import StageConfig

SETTINGS: dict[str, Any] = {
    "architecture": "arm64",
    "pythonRuntime": "python3.13",
    "logRetentionDays": 14,
    "sites": [{"name": "shop"}],
    "images": {"corsOrigins": ["https://app.example.com"]},
}


def stage(name: str = "dev", **changes: Any) -> StageConfig:  # noqa: ANN401 - whatever YAML can say
    """A stage with the settings above; `changes` replaces them, `...` takes one out."""
    settings = {key: value for key, value in {**SETTINGS, **changes}.items() if value is not ...}
    return StageConfig.parse(name, "ap-southeast-1", settings)
