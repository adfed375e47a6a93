"""The staging stage with Pulumi's own engine."""

from pathlib import Path

from tests.engine.checks import check_creation, check_no_change
from tests.engine.stacks import StackFactory


def test_the_staging_stage_is_created_without_drift(stacks: StackFactory, tmp_path: Path) -> None:
    """Requirements G1 and G7."""
    with stacks.create("staging", tmp_path) as stack:
        check_creation(stack)
        check_no_change(stack)
