"""A stage from its first preview to its end, with the real Pulumi engine (G1, G3, G7)."""

from pathlib import Path

import pytest

from tests.engine.stacks import STAGES, StackFactory

POLICIES = ("--policy-pack", "policies")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_previewed_created_refreshed_and_stays_unchanged(
    stage: str, stacks: StackFactory, tmp_path: Path
) -> None:
    """G1, G7."""
    with stacks.create(stage, tmp_path) as stack:
        preview = stack.preview(*POLICIES)
        assert set(preview.counts) == {"to create"}
        assert "warning" not in preview.output
        created = stack.up(*POLICIES)
        assert created.counts == {"created": preview.counts["to create"]}
        assert "warning" not in created.output
        assert stack.up(*POLICIES).has_no_change()
        assert stack.refresh().has_no_change()
