"""The upgrade of a stage from an earlier version with Pulumi's own engine."""

import tarfile
from collections.abc import Iterator
from typing import Any, Final

import pytest
from attrs import frozen

from local.pulumi_engine.workspace import copy_program
from tests.components.stages import write_earlier_stage_file
from tests.engine.stacks import ROOT, StackFactory, Steps

EARLIER: Final = ROOT / "tests" / "e2e" / "upgrade" / "0.1.0.tar.xz"
STAGE: Final = "production"


@frozen
class UpgradedStage:
    """The preview and the result of an upgrade, and the state before and after it."""

    preview: Steps
    upgrade: Steps
    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def upgraded(stacks: StackFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpgradedStage]:
    earlier = tmp_path_factory.mktemp("earlier")
    with tarfile.open(EARLIER) as archive:
        archive.extractall(earlier, filter="data")
    stage_files = write_earlier_stage_file(STAGE, tmp_path_factory.mktemp("stages"))
    folder = tmp_path_factory.mktemp("upgrade")
    with stacks.create(STAGE, folder, root=earlier, stage_files=stage_files) as stack:
        stack.up()
        before = {resource["id"]: resource for resource in stack.get_state()["resources"] if "id" in resource}
        copy_program(ROOT, stack.project.folder)
        preview = stack.preview("--show-replacement-steps")
        upgrade = stack.up()
        after = {resource["id"]: resource for resource in stack.get_state()["resources"] if "id" in resource}
        assert stack.preview().has_no_change()
        yield UpgradedStage(preview, upgrade, before, after)


def test_the_upgrade_only_creates_and_updates(upgraded: UpgradedStage) -> None:
    """R5: nothing is deleted, and nothing is replaced, although resources moved to other components."""
    for steps in (upgraded.preview, upgraded.upgrade):
        assert set(steps.counts) <= {"to create", "to update", "created", "updated", "unchanged"}
    assert set(upgraded.before) <= set(upgraded.after)


def test_moved_resources_keep_their_identity(upgraded: UpgradedStage) -> None:
    """R5: the API functions moved from the component of the builds to a component of their own."""
    moved = {
        resource_id
        for resource_id, resource in upgraded.before.items()
        if resource["urn"] != upgraded.after[resource_id]["urn"]
    }
    assert {"anchor-production-api", "anchor-production-promote"} <= moved


def test_the_upgrade_keeps_the_settings_of_resources_that_hold_data(upgraded: UpgradedStage) -> None:
    """R5: the settings of tables, buckets, keys and user pools stay as they are.

    Only the tables of cache tags get an expiry, which is an update in place.
    """
    kept = ("aws:dynamodb/table:", "aws:kms/key:", "aws:s3/bucket:", "aws:cognito/userPool:")
    for resource_id, resource in upgraded.before.items():
        if resource["type"].startswith(kept):
            after = upgraded.after[resource_id]
            assert after["urn"] == resource["urn"]
            settings = read_settings(after)
            if resource_id.endswith("-tags"):
                assert settings.pop("ttl")["attributeName"] == "expiresAt"
            assert settings == read_settings(resource)


def read_settings(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs of a resource without its description and tags."""
    return {name: value for name, value in resource["inputs"].items() if name not in {"description", "tags"}}
