"""`make up` and `make demo` refuse a wrong stage file before they start anything."""

from pathlib import Path

import pytest

from local.cloud import check_settings
from local.engine.engine import EngineError
from tests.components.stages import STAGE_FILES, STAGES


def test_all_mistakes_of_a_stage_file_are_named(tmp_path: Path) -> None:
    """Requirement Q1."""
    text = (STAGE_FILES / "Pulumi.production.yaml").read_text().replace("arm64", "arm46")
    (tmp_path / "Pulumi.production.yaml").write_text(text.replace("python3.13", "ruby"))
    with pytest.raises(EngineError) as error:
        check_settings(tmp_path, "production")
    first, *mistakes = str(error.value).splitlines()
    assert first == "Pulumi.production.yaml cannot be deployed:"
    assert [mistake.partition(":stage.")[2].partition(":")[0] for mistake in mistakes] == [
        "architecture",
        "pythonRuntime",
    ]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Requirement Q1."""
    with pytest.raises(
        EngineError, match=r"^Pulumi\.alice\.yaml does not exist in .*; existing files: none$"
    ):
        check_settings(tmp_path, "alice")


@pytest.mark.parametrize("stage", STAGES)
def test_placeholders_are_allowed(stage: str) -> None:
    """Requirement L4."""
    check_settings(STAGE_FILES, stage)
