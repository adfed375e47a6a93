"""The policy of the preview role permits exactly the AWS calls of a preview."""

from fnmatch import fnmatchcase
from typing import Any

import pulumi
import pytest

from tests.components.recorder import (
    ACCOUNT,
    Mocks,
    Recorder,
    create_layers,
    get_recording,
    read_configuration,
    record_program,
    run_main,
)
from tests.components.resources import list_custom_resources
from tests.components.stages import REGION, STAGES
from tests.reference.planned_calls import LOOKUPS, PLANNED_CALLS, PLANNED_OFFLINE
from tests.reference.stage_access import resolve_template

every_stage = pytest.mark.parametrize("stage", STAGES)


def fill_placeholders(resource: str, stage: str) -> str:
    return resource.replace("ACCOUNT", ACCOUNT).replace("STAGE", stage).replace("REGION", REGION)


@every_stage
def test_the_policy_permits_exactly_what_lookups_and_plans_need(stage: str) -> None:
    """The policies of the bucket and the key permit to read the state (`test_stage_access.py`)."""
    lookups = [action for action in LOOKUPS.values() if action]
    assert lookups == [], "a lookup that needs a permission needs a statement here"
    planned = [
        {"Effect": "Allow", "Action": call.action, "Resource": fill_placeholders(call.resource, stage)}
        for call in PLANNED_CALLS.values()
    ]
    role = resolve_template(stage).resources["PreviewRole"]
    assert role.get("ManagedPolicyArns", []) == []
    assert [policy["PolicyDocument"]["Statement"] for policy in role["Policies"]] == [planned]


@every_stage
def test_every_type_is_listed_as_planned_with_or_without_aws_calls(stage: str) -> None:
    types = {resource.type for resource in list_custom_resources(stage)}
    assert PLANNED_CALLS.keys().isdisjoint(PLANNED_OFFLINE)
    assert types <= PLANNED_CALLS.keys() | PLANNED_OFFLINE.keys()


def test_every_listed_type_is_used_by_a_stage() -> None:
    types = {resource.type for stage in STAGES for resource in list_custom_resources(stage)}
    assert PLANNED_CALLS.keys() | PLANNED_OFFLINE.keys() <= types


@every_stage
def test_the_program_makes_only_the_listed_lookups(stage: str) -> None:
    looked_up: list[str] = []

    class RecordingMocks(Mocks):
        def call(
            self, args: pulumi.runtime.MockCallArgs
        ) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
            looked_up.append(args.token)
            return super().call(args)

    with create_layers() as layers:
        record_program(
            run_main,
            stage,
            {**read_configuration(stage), "anchor-deploy:layers": str(layers)},
            monitor=lambda recorded: Recorder(recorded, RecordingMocks()),
        )
    assert set(looked_up) == LOOKUPS.keys()


@every_stage
def test_the_permission_for_tables_covers_only_the_tables_of_one_stage(stage: str) -> None:
    """Least privilege: the code of a pull request runs with the preview role."""
    call = PLANNED_CALLS["aws:dynamodb/table:Table"]
    pattern = fill_placeholders(call.resource, stage)
    for other in STAGES:
        for table in get_recording(other).find_by_type("aws:dynamodb/table:Table"):
            arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table.inputs['name']}"
            assert fnmatchcase(arn, pattern) == (other == stage), arn
