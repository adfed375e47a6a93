"""The production stage with Pulumi's own engine: its creation, and what `pulumi destroy` does to it."""

from typing import Any, Final

import pytest

from local.pulumi_engine.cli import PulumiFailedError
from tests.engine.changed_settings import CHANGED_SETTINGS, ChangedSettings, summarize_plan
from tests.engine.checks import check_creation, check_no_change
from tests.engine.inventory import list_resources
from tests.engine.stacks import Stack

# Kinds of resources that hold data, as `list_resources` names them. `pulumi destroy` also keeps the functions
# of sites and most log groups.
DATA: Final = (
    "api gateway apis",
    "cloudfront distributions",
    "cloudfront stores",
    "dynamodb tables",
    "kms keys",
    "s3 buckets",
    "user pools",
)


def test_destroying_production_keeps_its_data(production: Stack, subtests: pytest.Subtests) -> None:
    """Requirements G1, G3 and G7."""
    with subtests.test("a preview without warnings, then the creation"):
        check_creation(production)
    with subtests.test("no change and no drift after the creation"):
        check_no_change(production)
    for changed in CHANGED_SETTINGS:
        with subtests.test(f"the plan for changed settings: {changed.name}"):
            check_plan(production, changed)
    with subtests.test("destroy deletes nothing"):
        check_refused_destroy(production)
    with subtests.test("destroy without a preview keeps what holds data"):
        check_destroy_without_preview(production)


def check_plan(production: Stack, changed: ChangedSettings) -> None:
    """Nothing that holds data is deleted or replaced, unless it stays in AWS."""
    planned, output = production.plan_changes(changed.settings, is_refused=bool(changed.refused))
    if changed.refused:
        assert changed.refused in output
    else:
        assert summarize_plan(planned, changed.plan) == changed.plan
    lost = [change.line for change in planned if "LOST" in change.line]
    assert lost == []


def check_refused_destroy(production: Stack) -> None:
    """`pulumi destroy` previews the deletion first, and the preview fails."""
    existing, state = list_resources(production.emulator), list_urns(production)
    with pytest.raises(PulumiFailedError, match="because it is protected"):
        production.destroy()
    assert list_resources(production.emulator) == existing
    assert list_urns(production) == state


def check_destroy_without_preview(production: Stack) -> None:
    """Protected resources stay in AWS and in the state. `pulumi up` would recreate the deleted ones."""
    existing = list_resources(production.emulator)
    before = production.get_state()["resources"]
    protected = {resource["urn"] for resource in before if resource.get("protect")}
    assert len(protected) > 40
    with pytest.raises(PulumiFailedError, match="because it is protected"):
        production.destroy("--skip-preview")

    remaining = list_resources(production.emulator)
    assert {kind: remaining[kind] for kind in DATA} == {kind: existing[kind] for kind in DATA}
    assert protected <= list_urns(production)
    deleted = len(before) - len(list_urns(production))
    preview = production.preview()
    assert set(preview.counts) <= {"to create", "to update", "unchanged"}, preview.output
    assert preview.counts["to create"] == deleted


def list_urns(stack: Stack) -> set[str]:
    resources: list[dict[str, Any]] = stack.get_state()["resources"]
    return {resource["urn"] for resource in resources}
