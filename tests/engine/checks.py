"""Checks that the tests of several stages share."""

from tests.engine.stacks import POLICIES, Stack


def check_creation(stack: Stack) -> None:
    """Preview and create a stage in an empty account. Neither command prints a warning."""
    preview = stack.preview(*POLICIES)
    assert set(preview.counts) == {"to create"}
    assert "warning" not in preview.output
    created = stack.up()
    assert created.counts == {"created": preview.counts["to create"]}
    assert "warning" not in created.output


def check_no_change(stack: Stack) -> None:
    """Refresh and preview a stage. The refresh finds no drift, and the preview plans no change."""
    checked = stack.preview("--refresh")
    assert checked.has_no_change(), checked.output
    assert "warning" not in checked.output
