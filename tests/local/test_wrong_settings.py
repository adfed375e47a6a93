"""The embedded cloud refuses a wrong stage file before it starts anything."""

from pathlib import Path

import pytest

from local.cloud import Cloud, find_free_ports
from local.engine.engine import EngineError
from local.progress import Progress
from tests.components.stages import STAGE_FILES


def start(folder: Path, stage: str) -> None:
    with Cloud.start(
        root=folder, ports=find_free_ports(), progress=Progress(), stage=stage, stage_files=folder
    ):
        pass


def test_all_mistakes_of_a_stage_file_are_named(tmp_path: Path) -> None:
    """Requirement Q1."""
    text = (STAGE_FILES / "Pulumi.production.yaml").read_text().replace("arm64", "arm46")
    (tmp_path / "Pulumi.production.yaml").write_text(text.replace("python3.13", "ruby"))
    with pytest.raises(EngineError) as error:
        start(tmp_path, "production")
    first, *mistakes = str(error.value).splitlines()
    assert first == "Pulumi.production.yaml cannot be deployed:"
    assert [mistake.partition(":stage.")[2].partition(":")[0] for mistake in mistakes] == [
        "architecture",
        "pythonRuntime",
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / "Pulumi.production.yaml"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Requirement Q1."""
    with pytest.raises(
        EngineError, match=r"^Pulumi\.alice\.yaml does not exist in .*; existing files: none$"
    ):
        start(tmp_path, "alice")
