"""A former live release can become live again within seconds. A pin on the project keeps it live (D5)."""

import json
from datetime import timedelta
from typing import Any

import pytest

from runtime.deploy.errors import (
    DeploymentNotFoundError,
    NotReleasedError,
    ProjectChangedError,
    SwitchOvertakenError,
)
from runtime.deploy.handlers import promote as promote_handler
from runtime.deploy.model import Deployment, Project
from runtime.deploy.releases.switching import Promotion
from tests.runtime.calls import CrashError, get_real_client
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import OTHER, OWNER, RELEASE_QUEUE
from tests.runtime.releases.release_fixture import (
    ReleasePlatform,
    find_served_deployment_id,
    list_live_versions,
)
from tests.runtime.tables import PROJECTS


def test_an_older_release_becomes_live_again_without_a_build(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)
    with stage.platform.calls.record_calls() as made:
        promoted = stage.switch.promote(OWNER, first.deployment_id)
    assert (promoted.deployment.deployment_id, promoted.deployment.status) == (first.deployment_id, "live")
    assert (promoted.pinned, promoted.replaced) == (True, second.deployment_id)
    assert stage.platform.read_statuses(first, second) == ["live", "retired"]
    assert find_served_deployment_id(stage, project) == first.deployment_id
    assert list_live_versions(stage, project) == ["1", "1", "1"]
    writes = {"put_key", "update_alias", "transact_write_items"}
    reads = {"query", "get_item", "describe_key_value_store", "get_key", "list_objects_v2"}
    assert set(made) == writes | reads
    assert len(made) <= 20


def test_later_automatic_releases_do_not_undo_a_promotion(stage: ReleasePlatform) -> None:
    """A later release is complete and tested, and can be promoted."""
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)
    stage.switch.promote(OWNER, first.deployment_id)
    third = stage.create_live(project)
    assert stage.platform.read_statuses(first, third) == ["live", "ready"]
    assert third.status_reason == (
        f"the project is pinned to deployment {first.deployment_id}: promote this deployment to make it live"
    )
    assert find_served_deployment_id(stage, project) == first.deployment_id
    promoted = stage.switch.promote(OWNER, third.deployment_id)
    assert promoted.deployment == stage.platform.reload(third)
    assert (promoted.deployment.status, promoted.deployment.status_reason) == ("live", None)
    assert stage.platform.read_statuses(first, second) == ["retired", "retired"]
    assert find_served_deployment_id(stage, project) == third.deployment_id
    assert list_live_versions(stage, project) == ["3", "3", "1"]


@pytest.mark.parametrize("pinned", [True, False])
def test_promoting_the_live_release_does_not_change_the_pin_by_default(
    stage: ReleasePlatform, *, pinned: bool
) -> None:
    project = stage.create_project()
    live = stage.create_live(project)
    stage.switch.promote(OWNER, live.deployment_id, pin=pinned)
    promoted = stage.switch.promote(OWNER, live.deployment_id)
    assert promoted == Promotion(
        deployment=live, pinned=pinned, live=live.deployment_id, replaced=live.deployment_id
    )
    assert stage.platform.projects.get(project.project_id).pinned is pinned


def test_a_promotion_without_a_pin_lets_newer_builds_go_live(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)
    assert not stage.switch.promote(OWNER, first.deployment_id, pin=False).pinned
    third = stage.create_live(project)
    assert stage.platform.read_statuses(first, second, third) == ["retired", "retired", "live"]


def test_a_promotion_without_a_pin_removes_the_pin(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)
    stage.switch.promote(OWNER, first.deployment_id)
    assert not stage.switch.promote(OWNER, second.deployment_id, pin=False).pinned
    assert not stage.platform.projects.get(project.project_id).pinned


def test_the_pin_of_a_live_release_is_not_kept_if_another_release_becomes_live(
    stage: ReleasePlatform,
) -> None:
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)

    def promote_first(called: str) -> None:
        if called == "transact_write_items":
            stage.platform.calls.before = lambda _: None
            stage.switch.promote(OWNER, first.deployment_id)

    stage.platform.calls.before = promote_first
    with pytest.raises(ProjectChangedError):
        stage.switch.promote(OWNER, second.deployment_id)
    assert stage.platform.read_statuses(first, second) == ["live", "retired"]


def test_a_superseded_release_can_be_promoted(stage: ReleasePlatform) -> None:
    """D5: an older build that ended after a newer one went live has a release of its own."""
    project = stage.create_project()
    older = stage.create_built(project)
    newer = stage.create_built(project)
    overtaken = False

    def release_newer(called: str) -> None:
        nonlocal overtaken
        if called == "invoke" and not overtaken:
            overtaken = True
            stage.release(newer)

    stage.platform.calls.before = release_newer
    superseded = stage.release(older)
    assert (superseded.status, superseded.status_reason) == (
        "superseded",
        f"deployment {newer.deployment_id} is newer and already live",
    )
    assert stage.switch.promote(OWNER, older.deployment_id).deployment.status_reason is None
    assert stage.platform.read_statuses(older, newer) == ["live", "retired"]
    assert find_served_deployment_id(stage, project) == older.deployment_id


def test_a_superseded_deployment_without_a_release_cannot_be_promoted(stage: ReleasePlatform) -> None:
    queued = stage.platform.push(stage.create_project())
    stage.platform.deployments.supersede(queued, at=stage.platform.clock())
    with pytest.raises(NotReleasedError, match="is superseded: only a deployment"):
        stage.switch.promote(OWNER, queued.deployment_id)


def test_a_build_goes_live_if_the_pin_is_removed_during_its_release(stage: ReleasePlatform) -> None:
    """The deployment is not left `ready` in a project without a pin."""
    project = stage.create_project()
    stage.switch.promote(OWNER, stage.create_live(project).deployment_id, pin=True)
    deployment = stage.create_built(project)
    transactions = 0

    def unpin(called: str) -> None:
        nonlocal transactions
        transactions += called == "transact_write_items"
        if transactions == 2:  # the first one was refused because of the pin
            stage.platform.calls.before = lambda _: None
            stage.platform.projects.change_owned(
                OWNER, project.project_id, {"pinned": False}, at=stage.platform.clock()
            )

    stage.platform.calls.before = unpin
    assert stage.release(deployment).status == "live"
    assert stage.pauses == [1.0]


def test_the_response_says_what_is_live_now_and_what_was_before(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)

    def promote(deployment: Deployment, body: object) -> dict[str, Any]:
        route = "POST /deployments/{deploymentId}/promote"
        event = make_api_event(route, user_id=OWNER, body=body, deploymentId=deployment.deployment_id)
        response = promote_handler.handle_event(event, stage.services)
        return {"status": response["statusCode"], **json.loads(response["body"])}

    expected = {"status": 200, "deploymentId": first.deployment_id}
    now, before = {"deploymentId": first.deployment_id}, {"deploymentId": second.deployment_id}
    for deployment, body, changed in (
        (first, None, {"pinned": True, "live": now, "previous": before}),
        (first, {}, {"pinned": True, "live": now, "previous": now}),
        (first, {"pin": False}, {"pinned": False, "live": now, "previous": now}),
    ):
        answer = promote(deployment, body)
        answer["status"] = 200 if answer["status"] == "live" else answer["status"]
        assert {name: answer[name] for name in (*expected, *changed)} == {**expected, **changed}
    refused = promote(second, {"pin": "no"})
    assert refused["errors"] == [{"field": "pin", "problem": "must be true or false"}]


def test_another_tenants_deployment_cannot_be_promoted(stage: ReleasePlatform) -> None:
    """Requirement A5."""
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)
    with pytest.raises(DeploymentNotFoundError):
        stage.switch.promote(OTHER, first.deployment_id)
    assert stage.platform.read_statuses(first, second) == ["retired", "live"]


def test_a_deployment_that_does_not_exist_cannot_be_promoted(stage: ReleasePlatform) -> None:
    with pytest.raises(DeploymentNotFoundError):
        stage.switch.promote(OWNER, "01JB0000000000000000000000")


def test_a_deployment_that_was_never_live_cannot_be_promoted(stage: ReleasePlatform) -> None:
    built = stage.create_built(stage.create_project())
    with pytest.raises(
        NotReleasedError, match="is built: only a deployment that was built and released successfully"
    ):
        stage.switch.promote(OWNER, built.deployment_id)


def test_of_two_promotes_the_later_one_wins_everywhere(stage: ReleasePlatform) -> None:
    """D3. The earlier promotion raises an error, and changes nothing that the later promotion wrote."""
    project = stage.create_project()
    first, second, third = (stage.create_live(project) for _ in range(3))

    def promote_second(called: str) -> None:
        if called == "put_key":
            stage.platform.calls.before = lambda _: None
            stage.switch.promote(OWNER, second.deployment_id)

    stage.platform.calls.before = promote_second
    with pytest.raises(SwitchOvertakenError):
        stage.switch.promote(OWNER, first.deployment_id)
    assert stage.platform.read_statuses(first, second, third) == ["retired", "live", "retired"]
    assert find_served_deployment_id(stage, project) == second.deployment_id
    assert list_live_versions(stage, project) == ["2", "2", "1"]


@pytest.mark.parametrize("operation", ["put_key", "update_alias", "transact_write_items"])
def test_an_interrupted_promote_is_finished_by_a_repeated_promote(
    stage: ReleasePlatform, operation: str
) -> None:
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)

    def crash_at_call(called: str) -> None:
        if called == operation:
            raise CrashError

    stage.platform.calls.before = crash_at_call
    with pytest.raises(CrashError):
        stage.switch.promote(OWNER, first.deployment_id)
    stage.platform.calls.before = lambda _: None
    stage.switch.promote(OWNER, first.deployment_id)
    assert stage.platform.read_statuses(first, second) == ["live", "retired"]
    assert json.loads(stage.store.items[stage.get_site(project).host])["r"] == first.deployment_id


def promote_and_crash(
    stage: ReleasePlatform, project: Project, operation: str
) -> tuple[Deployment, Deployment]:
    """Create two releases, and promote the first one until a crash. Return both releases.

    The crash happens after the pointer has moved, immediately before the next call of `operation`.
    """
    first, second = stage.create_live(project), stage.create_live(project)
    moved = False

    def crash_at_call(called: str) -> None:
        nonlocal moved
        if moved and called == operation:
            raise CrashError
        moved = moved or called == "transact_write_items"

    stage.platform.calls.before = crash_at_call
    with pytest.raises(CrashError):
        stage.switch.promote(OWNER, first.deployment_id)
    stage.platform.calls.before = lambda _: None
    return first, second


def run_sweep(stage: ReleasePlatform) -> list[str]:
    """Run the sweep three minutes later. Return the ids of the deployments whose messages it sends."""
    before = len(stage.platform.queues.list_bodies(RELEASE_QUEUE))
    stage.platform.clock.now += timedelta(minutes=3)
    stage.platform.sweeper.sweep(stage.platform.log)
    return [
        json.loads(body)["deploymentId"] for body in stage.platform.queues.list_bodies(RELEASE_QUEUE)[before:]
    ]


@pytest.mark.parametrize("operation", ["get_item", "put_key", "update_alias", "transact_write_items"])
def test_an_interrupted_promote_is_finished_by_the_sweep(stage: ReleasePlatform, operation: str) -> None:
    """Requirement P9."""
    project = stage.create_project()
    first, second = promote_and_crash(stage, project, operation)
    assert run_sweep(stage) == [first.deployment_id]
    stage.release(first)
    assert stage.platform.read_statuses(first, second) == ["live", "retired"]
    assert find_served_deployment_id(stage, project) == first.deployment_id
    assert list_live_versions(stage, project) == ["1", "1", "1"]
    assert run_sweep(stage) == []


def test_an_overtaken_promote_is_not_resumed(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first, second = promote_and_crash(stage, project, "put_key")
    stage.switch.promote(OWNER, second.deployment_id)
    # The sweep sends a message, because it cannot determine whether the second promotion has finished.
    assert run_sweep(stage) == [second.deployment_id]
    stage.release(second)
    stage.release(first)  # as if this message was sent just before the second promotion
    assert stage.platform.read_statuses(first, second) == ["retired", "live"]
    assert find_served_deployment_id(stage, project) == second.deployment_id


def test_a_resumed_promote_that_is_overtaken_changes_nothing(stage: ReleasePlatform) -> None:
    """D3. A user promotes the second release while the promotion of the first one is resumed."""
    project = stage.create_project()
    first, second = promote_and_crash(stage, project, "put_key")

    def promote_second(called: str) -> None:
        if called == "put_key":
            stage.platform.calls.before = lambda _: None
            stage.switch.promote(OWNER, second.deployment_id)

    stage.platform.calls.before = promote_second
    stage.release(first)
    assert stage.platform.read_statuses(first, second) == ["retired", "live"]
    assert find_served_deployment_id(stage, project) == second.deployment_id


@pytest.mark.parametrize("change", ["promoted again", "project deleted"])
def test_the_lease_of_a_promote_always_ends(stage: ReleasePlatform, change: str) -> None:
    """The change happens after the promotion crashed, and before the sweep ends the lease."""
    project = stage.create_project()
    first, _ = promote_and_crash(stage, project, "put_key")
    if change == "project deleted":
        key = {"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}}
        get_real_client("dynamodb").delete_item(TableName=PROJECTS, Key=key)
        assert run_sweep(stage) == []
    else:

        def promote_first(called: str) -> None:
            if called == "update_item":
                stage.platform.calls.before = lambda _: None
                stage.switch.promote(OWNER, first.deployment_id)

        stage.platform.calls.before = promote_first
        assert run_sweep(stage) == [first.deployment_id]
        assert stage.platform.read_statuses(first) == ["live"]
    assert run_sweep(stage) == []


@pytest.mark.parametrize("pointer", [None, "built"])
def test_a_removed_pointer_or_one_to_a_deployment_without_release_is_not_followed(
    stage: ReleasePlatform, pointer: str | None
) -> None:
    """Only a manual change of the project's row can cause this. The site still serves a release."""
    project = stage.create_project()
    first, second, built = stage.create_live(project), stage.create_live(project), stage.create_built(project)
    change: dict[str, Any] = (
        {
            "UpdateExpression": "SET #live.#deploymentId = :built",
            "ExpressionAttributeNames": {"#live": "live", "#deploymentId": "deploymentId"},
            "ExpressionAttributeValues": {":built": {"S": built.deployment_id}},
        }
        if pointer
        else {"UpdateExpression": "REMOVE #live", "ExpressionAttributeNames": {"#live": "live"}}
    )

    def change_row(called: str) -> None:
        if called == ("update_alias" if pointer else "put_key"):
            stage.platform.calls.before = lambda _: None
            key = {"projectId": {"S": project.project_id}, "sk": {"S": "METADATA"}}
            get_real_client("dynamodb").update_item(TableName=PROJECTS, Key=key, **change)

    stage.platform.calls.before = change_row
    with pytest.raises(SwitchOvertakenError):
        stage.switch.promote(OWNER, first.deployment_id)
    assert find_served_deployment_id(stage, project) == first.deployment_id
    assert stage.platform.read_statuses(first, second, built) == ["retired", "live", "built"]


def test_after_two_concurrent_promotes_of_one_release_the_lease_ends(stage: ReleasePlatform) -> None:
    """P9. The second promotion gives a lease to the release that the first promotion made live."""
    project = stage.create_project()
    first, second = stage.create_live(project), stage.create_live(project)

    def promote_first(called: str) -> None:
        if called == "transact_write_items":
            stage.platform.calls.before = lambda _: None
            stage.switch.promote(OWNER, first.deployment_id)

    stage.platform.calls.before = promote_first
    stage.switch.promote(OWNER, first.deployment_id)
    run_sweep(stage)
    stage.release(first)
    assert run_sweep(stage) == []
    assert stage.platform.read_statuses(first, second) == ["live", "retired"]
    assert find_served_deployment_id(stage, project) == first.deployment_id


def test_an_interrupted_promote_of_a_live_release_is_finished(stage: ReleasePlatform) -> None:
    """D3. At first, the edge serves the first release, although the second one has the status `live`."""
    project = stage.create_project()
    first, second = promote_and_crash(stage, project, "update_alias")
    assert find_served_deployment_id(stage, project) == first.deployment_id

    def crash_at_call(called: str) -> None:
        if called == "put_key":
            raise CrashError

    stage.platform.calls.before = crash_at_call
    with pytest.raises(CrashError):
        stage.switch.promote(OWNER, second.deployment_id)
    stage.platform.calls.before = lambda _: None
    for deployment_id in run_sweep(stage):
        stage.release({each.deployment_id: each for each in (first, second)}[deployment_id])
    assert stage.platform.read_statuses(first, second) == ["retired", "live"]
    assert find_served_deployment_id(stage, project) == second.deployment_id
    assert list_live_versions(stage, project) == ["2", "2", "1"]
    assert run_sweep(stage) == []
