"""The tests summarize plans from events in the format of Pulumi's event log."""

import json
from pathlib import Path

import pytest

from reference.plan_summary import LOST, main, read_changes, summarize_event_log
from tests.components.test_contracts import RETAINED


def make_event(op: str, kind: str, name: str, *, event: str = "resourcePreEvent", **metadata: object) -> str:
    urn = f"urn:pulumi:dev::anchor-deploy::anchor:store:Store${kind}::{name}"
    return json.dumps({"sequence": 1, event: {"metadata": {"op": op, "urn": urn, "type": kind, **metadata}}})


TABLE, ROLE, QUEUE = "aws:dynamodb/table:Table", "aws:iam/role:Role", "aws:sqs/queue:Queue"


def test_deletions_and_replacements_come_first_and_name_the_lost_data() -> None:
    """Requirement R5."""
    text = summarize_event_log(
        "dev",
        [
            make_event("create", ROLE, "added"),
            make_event("same", ROLE, "unchanged"),
            make_event("update", QUEUE, "builds", diffs=["tags"]),
            make_event("create-replacement", TABLE, "projects", keys=["hashKey"], diffs=["hashKey"]),
            make_event("replace", TABLE, "projects", keys=["hashKey"]),
            make_event("delete-replaced", TABLE, "projects"),
            make_event("delete", TABLE, "jobs"),
        ],
    )
    assert text.splitlines() == [
        "dev: 1 delete, 1 replace, 1 update, 1 create",
        "",
        "Replaced or deleted:",
        "  delete   aws:dynamodb/table jobs: LOST: rows",
        "  replace  aws:dynamodb/table projects (hashKey): LOST: rows",
        "",
        "Other changes:",
        "  update   aws:sqs/queue builds (tags)",
        "  create   aws:iam/role added",
    ]


def test_a_retained_resource_is_not_lost() -> None:
    old = {"retainOnDelete": True}
    (change,) = read_changes([make_event("delete", TABLE, "jobs", old=old)])
    assert change.line == "delete   aws:dynamodb/table jobs: stays in AWS, but Pulumi forgets it"


def test_the_result_of_a_refresh_is_read_from_the_event_after_the_step() -> None:
    """The event before the step says only `refresh`. The event after the step names the change."""
    lines = [
        make_event("refresh", QUEUE, "builds"),
        make_event("update", QUEUE, "builds", event="resOutputsEvent", diffs=["delaySeconds"]),
        json.dumps({"sequence": 9, "summaryEvent": {"resourceChanges": {"update": 1}}}),
    ]
    assert (
        summarize_event_log("dev", lines).splitlines()[-1] == "  update   aws:sqs/queue builds (delaySeconds)"
    )


def test_the_summary_of_a_plan_without_changes_says_no_changes() -> None:
    assert summarize_event_log("dev", [make_event("same", ROLE, "unchanged")]) == "dev: no changes\n"


def test_a_long_summary_is_cut_after_its_most_important_lines() -> None:
    lines = [make_event("create", ROLE, f"role-{number:03}") for number in range(100)]
    lines.append(make_event("delete", TABLE, "jobs"))
    shown = summarize_event_log("dev", lines).splitlines()
    assert len(shown) < 70
    assert "delete" in shown[3]
    assert shown[-1].endswith("more lines")


def test_values_of_properties_are_never_shown() -> None:
    old = {"inputs": {"password": "secret-value"}, "outputs": {}}
    assert "secret-value" not in summarize_event_log(
        "dev", [make_event("update", ROLE, "a", old=old, diffs=["password"])]
    )


def test_a_preview_that_failed_before_its_plan_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dev", str(tmp_path / "missing.json")]) == 0
    assert capsys.readouterr().out == "dev: Pulumi made no plan\n"


def test_the_summary_names_all_types_that_hold_data() -> None:
    """Requirement G3."""
    assert LOST == RETAINED
