"""D6: the next run completes an interrupted run. No resource in use is removed."""

import json
from datetime import timedelta

import pytest
from attrs import evolve
from botocore.exceptions import ParamValidationError

from runtime.deploy.releases.edge_store import build_release_host
from runtime.deploy.repositories.deployment_rows import build_deployment_key
from runtime.deploy.upkeep.collecting import CollectionFailedError
from tests.runtime.calls import CrashError, make_client_error
from tests.runtime.releases.release_fixture import (
    ReleasePlatform,
    refuse_calls,
)
from tests.runtime.tables import DEPLOYMENTS, PROJECTS
from tests.runtime.upkeep.collection import (
    HOUR,
    create_releases,
    list_remaining_resources,
    run_both_steps,
    run_collector,
)


def test_the_next_runs_complete_a_collection_after_a_crash_at_any_write(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    writes = {"transact_write_items", "update_item", "update_keys"}
    left = [0]

    def crash_at_write(operation: str) -> None:
        if operation in writes or operation.startswith("delete_"):
            left[0] -= 1
            if left[0] == 0:
                raise CrashError

    crashes = 0
    while True:
        first, *kept = create_releases(stage, project, 4)
        at = stage.platform.clock()
        left[0] = crashes = crashes + 1
        stage.platform.calls.after = crash_at_write
        try:
            run_both_steps(stage)
        except CrashError:
            left[0] = 0
            for later in range(3):
                run_collector(stage, at + later * HOUR)
        else:
            break
        assert list_remaining_resources(stage, first) == {}
        assert stage.platform.reload(first).collected_at
        assert [each.deployment_id for each in stage.platform.retention.list_held_releases()] == [
            each.deployment_id for each in kept
        ]
        assert all(
            list_remaining_resources(stage, each).keys() >= {"keys", "aliases", "objects"} for each in kept
        )
        for each in kept:
            stage.platform.database.delete_item(
                TableName=DEPLOYMENTS, Key=build_deployment_key(each.project_id, each.deployment_id)
            )
    assert crashes > 12


def test_an_edge_key_left_by_an_interrupted_run_starts_a_new_grace_period(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, *_ = create_releases(stage, project, 4)
    at = stage.platform.clock()
    refuse_calls(stage, "update_keys", make_client_error("ThrottlingException", "UpdateKeys"), times=1)
    run_collector(stage, at)
    assert "keys" in list_remaining_resources(stage, first)
    run_collector(stage, at + 3 * HOUR)
    assert list_remaining_resources(stage, first).keys() >= {"aliases", "objects"}
    assert "keys" not in list_remaining_resources(stage, first)
    run_collector(stage, at + 4 * HOUR)
    assert list_remaining_resources(stage, first) == {}


def test_a_release_with_a_deleted_function_can_be_collected(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, *_ = create_releases(stage, project, 4)
    stage.functions.functions.pop(stage.get_site(project).image_function)
    run_both_steps(stage)
    assert stage.platform.reload(first).release is None


def test_files_of_an_undeclared_site_are_deleted(stage: ReleasePlatform) -> None:
    """D6: the collector does not change the site's functions, because Pulumi has deleted them."""
    project = stage.create_project()
    first, *_ = create_releases(stage, project, 4)
    key = {"projectId": {"S": f"SITE#{project.site}"}, "sk": {"S": "SITE"}}
    row = stage.platform.database.get_item(TableName=PROJECTS, Key=key)["Item"]
    stage.platform.database.delete_item(TableName=PROJECTS, Key=key)
    run_both_steps(stage)
    stage.platform.database.put_item(TableName=PROJECTS, Item=row)
    assert list_remaining_resources(stage, first).keys() == {"aliases", "urls", "versions"}


def test_temporary_errors_are_retried_by_the_next_run(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, *_ = create_releases(stage, project, 4)
    at = stage.platform.clock()
    run_collector(stage, at)
    stage.objects.refused = "assets/next-site/file"
    run_collector(stage, at + HOUR)
    assert "row" in list_remaining_resources(stage, first)
    stage.objects.refused = None
    run_collector(stage, at + 2 * HOUR)
    assert "row" not in list_remaining_resources(stage, first)


@pytest.mark.parametrize(
    "error",
    [make_client_error("AccessDenied", "DeleteObjects"), ParamValidationError(report="Unknown parameter")],
    ids=lambda error: type(error).__name__,
)
def test_permanent_errors_are_raised_after_all_other_releases_were_collected(
    stage: ReleasePlatform, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    project = stage.create_project()
    first, second, *_ = create_releases(stage, project, 5)
    at = stage.platform.clock()
    run_collector(stage, at)
    refuse_calls(stage, "delete_objects", error, times=1)
    with pytest.raises(CollectionFailedError, match="1 releases"):
        run_collector(stage, at + HOUR)
    assert (
        "row" in list_remaining_resources(stage, first),
        "row" in list_remaining_resources(stage, second),
    ) == (True, False)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (failure,) = [line for line in lines if line["level"] == "ERROR"]
    assert failure["deploymentId"] == first.deployment_id


def test_a_run_stops_before_its_timeout_and_the_next_continues(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, second, *_ = create_releases(stage, project, 5)
    at = stage.platform.clock()
    # The clock advances by seven minutes at each reading, so each run only has time for one release.
    minutes = iter(range(0, 120, 7))
    short = evolve(stage.collector, clock=lambda: at + timedelta(minutes=next(minutes)))
    run_collector(stage, at, short)
    assert ["keys" in list_remaining_resources(stage, each) for each in (first, second)] == [False, True]
    run_collector(stage, at + HOUR, short)
    assert list_remaining_resources(stage, first) == {}
    run_collector(stage, at + HOUR, short)
    assert "keys" not in list_remaining_resources(stage, second)


def test_a_release_served_by_the_edge_is_kept_whatever_its_rows_say(stage: ReleasePlatform) -> None:
    """D6: the edge and the rows can differ, for example after a manual change of the edge's store."""
    project = stage.create_project()
    first, *_ = create_releases(stage, project, 4)
    host = stage.get_site(project).host
    stage.store.items[host] = stage.store.items[build_release_host(first.deployment_id, host)]
    before = list_remaining_resources(stage, first)
    run_both_steps(stage)
    assert list_remaining_resources(stage, first) == before
