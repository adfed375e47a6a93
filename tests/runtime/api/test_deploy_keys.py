"""H6: the owner of a project makes, sees, rotates and removes its deploy key."""

import json
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runtime.deploy.api.key_pairs import make_key_pair
from runtime.deploy.errors import DeployKeyNotFoundError, ProjectChangedError, ProjectDeletedError
from runtime.deploy.handlers import promote
from runtime.deploy.model import DeployKey, Project
from tests.runtime.calls import get_real_client
from tests.runtime.events import make_api_event
from tests.runtime.platform_fixture import DEPLOY_KEYS, OTHER, OWNER, Platform
from tests.runtime.releases.release_fixture import ReleasePlatform

PATH = "/projects/{projectId}/key"
METHODS = ("POST", "GET", "DELETE")


@pytest.fixture
def project(stage: ReleasePlatform) -> Project:
    return stage.platform.create_project()


def call(
    stage: ReleasePlatform, method: str, project_id: str, user: str | None = OWNER
) -> tuple[int, dict[str, Any]]:
    event = make_api_event(f"{method} {PATH}", user_id=user, projectId=project_id)
    response = promote.handle_event(event, stage.services)
    return response["statusCode"], json.loads(response.get("body") or "{}")


def read_parameters() -> dict[str, str]:
    """Return the private halves of all keys, by the name of the parameter."""
    found = get_real_client("ssm").get_parameters_by_path(
        Path=DEPLOY_KEYS, Recursive=True, WithDecryption=True
    )
    return {parameter["Name"]: parameter["Value"] for parameter in found["Parameters"]}


def test_a_key_is_made_and_shown_with_the_page_where_it_is_added(
    stage: ReleasePlatform, project: Project
) -> None:
    status, made = call(stage, "POST", project.project_id)
    assert status == 201
    assert call(stage, "GET", project.project_id) == (200, made)
    (key,) = stage.platform.projects.get(project.project_id).deploy_keys
    assert made == {
        "publicKey": f"{key.public_key} anchor-deploy:{project.site}",
        "fingerprint": key.fingerprint,
        "createdAt": made["createdAt"],
        "sshUrl": "ssh://git@github.com/Codertocat/Hello-World.git",
        "settingsPage": "https://github.com/Codertocat/Hello-World/settings/keys",
        "isHostKnown": True,
        "previous": None,
    }


def test_the_private_half_is_only_in_parameter_store(stage: ReleasePlatform, project: Project) -> None:
    """A4: the rows and the answers do not contain it."""
    _, made = call(stage, "POST", project.project_id)
    ((name, private),) = read_parameters().items()
    assert name.startswith(f"{DEPLOY_KEYS}/{project.project_id}/")
    secret = private.splitlines()[2]
    assert secret not in str(stage.platform.read_all_rows())
    assert secret not in str(made)


def test_openssh_reads_a_new_key_pair(tmp_path: Path) -> None:
    pair = make_key_pair()
    assert "PRIVATE" not in repr(pair)
    file = tmp_path / "key"
    file.write_text(pair.private_key)
    file.chmod(0o600)

    def run_keygen(*arguments: str) -> str:
        return subprocess.run(
            ["/usr/bin/ssh-keygen", *arguments, "-f", str(file)], capture_output=True, text=True, check=True
        ).stdout

    assert run_keygen("-y").split()[:2] == pair.public_key.split()
    key = DeployKey(key_id="1", public_key=pair.public_key, created_at=Platform().clock())
    assert run_keygen("-l").split()[1] == key.fingerprint


def test_a_rotation_keeps_the_previous_key_for_a_week(stage: ReleasePlatform, project: Project) -> None:
    _, first = call(stage, "POST", project.project_id)
    stage.platform.clock.now += timedelta(days=30)
    status, second = call(stage, "POST", project.project_id)
    assert status == 201
    assert second["publicKey"] != first["publicKey"]
    assert second["previous"]["fingerprint"] == first["fingerprint"]
    assert second["previous"]["usableUntil"] > second["createdAt"]
    assert len(read_parameters()) == 2
    stage.platform.clock.now += timedelta(days=7)
    assert call(stage, "GET", project.project_id)[1] == second | {"previous": None}


@pytest.mark.parametrize(("days", "previous"), [(0, 0), (6, 0), (7, 1)])
def test_a_second_rotation_within_a_week_keeps_the_key_that_was_in_use(
    stage: ReleasePlatform, project: Project, days: int, previous: int
) -> None:
    """The second key was perhaps never added to the git server."""
    made = [call(stage, "POST", project.project_id)[1]]
    stage.platform.clock.now += timedelta(days=30)
    made.append(call(stage, "POST", project.project_id)[1])
    stage.platform.clock.now += timedelta(days=days)
    made.append(call(stage, "POST", project.project_id)[1])
    assert made[2]["previous"]["fingerprint"] == made[previous]["fingerprint"]
    keys = stage.platform.projects.get(project.project_id).deploy_keys
    assert [key.fingerprint for key in keys] == [made[2]["fingerprint"], made[previous]["fingerprint"]]
    assert set(read_parameters()) == {f"{DEPLOY_KEYS}/{project.project_id}/{key.key_id}" for key in keys}


def test_a_removed_key_is_gone(stage: ReleasePlatform, project: Project) -> None:
    call(stage, "POST", project.project_id)
    call(stage, "POST", project.project_id)
    assert call(stage, "DELETE", project.project_id) == (204, {})
    assert read_parameters() == {}
    for method in ("GET", "DELETE"):
        status, problem = call(stage, method, project.project_id)
        assert status == 404
        assert "anchor projects key create" in problem["detail"]


def test_a_deleted_project_leaves_no_key(stage: ReleasePlatform, project: Project) -> None:
    """Requirement H6."""
    call(stage, "POST", project.project_id)
    stage.deletion.delete(OWNER, project.project_id)
    assert read_parameters() == {}


@pytest.mark.parametrize("method", METHODS)
def test_the_key_of_another_tenant_is_answered_as_missing(
    stage: ReleasePlatform, project: Project, method: str
) -> None:
    """Requirement A5."""
    call(stage, "POST", project.project_id)
    before = stage.platform.read_all_rows(), read_parameters()
    answer = call(stage, method, project.project_id, OTHER)
    assert answer[0] == 404
    assert answer == call(stage, method, stage.platform.ids(), OTHER) == call(stage, method, "x" * 3000)
    assert (stage.platform.read_all_rows(), read_parameters()) == before
    assert call(stage, method, project.project_id, None)[0] == 401


def rotate_before_next_update(stage: ReleasePlatform, project: Project) -> None:
    """Rotate the key, as another request does, immediately before the next update of a row."""

    def rotate(operation: str) -> None:
        if operation == "transact_write_items":
            stage.platform.calls.before = lambda _: None
            stage.platform.deploy_key_service.create(OWNER, project.project_id)

    stage.platform.calls.before = rotate


def test_two_rotations_at_the_same_time_leave_one_new_key(stage: ReleasePlatform, project: Project) -> None:
    service = stage.platform.deploy_key_service
    rotate_before_next_update(stage, project)
    with pytest.raises(ProjectChangedError):
        service.create(OWNER, project.project_id)
    (key,) = stage.platform.projects.get(project.project_id).deploy_keys
    assert list(read_parameters()) == [f"{DEPLOY_KEYS}/{project.project_id}/{key.key_id}"]


@pytest.fixture
def lost_answers(stage: ReleasePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write of keys is applied, its answer is lost, and it is made again."""
    update = stage.platform.database.transact_write_items

    def update_twice(**arguments: Any) -> Any:  # noqa: ANN401 - of boto3
        answer = update(**arguments)
        return update(**arguments) if "#deployKeys" in str(arguments) else answer

    monkeypatch.setattr(stage.platform.database, "transact_write_items", update_twice)


@pytest.mark.usefixtures("lost_answers")
def test_a_key_whose_update_is_repeated_keeps_its_private_half(
    stage: ReleasePlatform, project: Project
) -> None:
    for count in (1, 2, 2):
        status, made = call(stage, "POST", project.project_id)
        assert status == 201
        keys = stage.platform.projects.get(project.project_id).deploy_keys
        assert made["fingerprint"] == keys[0].fingerprint
        assert len(keys) == count
        assert set(read_parameters()) == {f"{DEPLOY_KEYS}/{project.project_id}/{key.key_id}" for key in keys}


@pytest.mark.usefixtures("lost_answers")
def test_a_removal_whose_update_is_repeated_leaves_no_key(stage: ReleasePlatform, project: Project) -> None:
    call(stage, "POST", project.project_id)
    assert call(stage, "DELETE", project.project_id) == (204, {})
    assert stage.platform.projects.get(project.project_id).deploy_keys == ()
    assert read_parameters() == {}


def test_a_private_half_stays_if_a_later_rotation_still_names_its_key(
    stage: ReleasePlatform, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = stage.platform.deploy_key_service
    update = stage.platform.database.transact_write_items
    rotations = iter([lambda: service.create(OWNER, project.project_id)])

    def update_and_rotate(**arguments: Any) -> Any:  # noqa: ANN401 - of boto3
        answer = update(**arguments)
        for rotate in rotations:
            rotate()
            return update(**arguments)
        return answer

    monkeypatch.setattr(stage.platform.database, "transact_write_items", update_and_rotate)
    with pytest.raises(ProjectChangedError):
        service.create(OWNER, project.project_id)
    keys = stage.platform.projects.get(project.project_id).deploy_keys
    assert len(keys) == 2
    assert set(read_parameters()) == {f"{DEPLOY_KEYS}/{project.project_id}/{key.key_id}" for key in keys}


def test_a_removal_that_loses_against_a_rotation_changes_nothing(
    stage: ReleasePlatform, project: Project
) -> None:
    service = stage.platform.deploy_key_service
    service.create(OWNER, project.project_id)
    rotate_before_next_update(stage, project)
    with pytest.raises(ProjectChangedError):
        service.delete(OWNER, project.project_id)
    assert len(read_parameters()) == 2


def test_a_repeated_removal_completes_an_interrupted_one(stage: ReleasePlatform, project: Project) -> None:
    for _ in range(2):
        call(stage, "POST", project.project_id)
    stage.platform.clock.now += timedelta(days=1)
    service = stage.platform.deploy_key_service
    assert stage.platform.calls.crash_during(lambda: service.delete(OWNER, project.project_id), after=2)
    assert len(read_parameters()) == 2
    assert call(stage, "DELETE", project.project_id) == (204, {})
    assert read_parameters() == {}
    assert call(stage, "DELETE", project.project_id)[0] == 404


def test_a_repeated_removal_keeps_the_private_half_that_another_request_is_about_to_name(
    stage: ReleasePlatform, project: Project
) -> None:
    service = stage.platform.deploy_key_service

    def remove_too(operation: str) -> None:
        if operation == "transact_write_items":
            stage.platform.calls.before = lambda _: None
            with pytest.raises(DeployKeyNotFoundError):
                service.delete(OWNER, project.project_id)

    stage.platform.calls.before = remove_too
    service.create(OWNER, project.project_id)
    (key,) = stage.platform.projects.get(project.project_id).deploy_keys
    assert list(read_parameters()) == [f"{DEPLOY_KEYS}/{project.project_id}/{key.key_id}"]


def test_more_private_halves_than_one_call_deletes_are_removed(
    stage: ReleasePlatform, project: Project
) -> None:
    for _ in range(11):
        stage.platform.deploy_keys.put(project.project_id, stage.platform.ids(), "private")
    stage.platform.clock.now += timedelta(days=1)
    assert call(stage, "DELETE", project.project_id) == (204, {})
    assert read_parameters() == {}


def test_a_project_that_is_being_deleted_gets_no_key(stage: ReleasePlatform, project: Project) -> None:
    stage.deletion.rows.begin_owned(OWNER, project, at=stage.platform.clock())
    with pytest.raises(ProjectDeletedError):
        stage.platform.deploy_key_service.create(OWNER, project.project_id)
    assert read_parameters() == {}


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        (
            {"repository_url": "git@gitlab.com:team/site.git"},
            {
                "sshUrl": "git@gitlab.com:team/site.git",
                "settingsPage": "https://gitlab.com/team/site/-/settings/repository",
                "isHostKnown": True,
            },
        ),
        (
            {"repository_url": "https://bitbucket.org/team/site/"},
            {
                "sshUrl": "ssh://git@bitbucket.org/team/site.git",
                "settingsPage": "https://bitbucket.org/team/site/admin/access-keys/",
                "isHostKnown": True,
            },
        ),
        (
            {"repository_url": "ssh://git@git.example.com:2222/site.git"},
            {
                "sshUrl": "ssh://git@git.example.com:2222/site.git",
                "settingsPage": None,
                "isHostKnown": False,
            },
        ),
        (
            {"repository_url": "git@git.example.com:site", "host_keys": ("ssh-ed25519 AAAA",)},
            {"sshUrl": "git@git.example.com:site", "settingsPage": None, "isHostKnown": True},
        ),
    ],
)
def test_the_answer_names_the_address_and_the_page_of_the_server(
    stage: ReleasePlatform, project: Project, changes: Mapping[str, object], answer: Mapping[str, object]
) -> None:
    stage.platform.projects.change_owned(OWNER, project.project_id, changes, at=stage.platform.clock())
    _, made = call(stage, "POST", project.project_id)
    assert {name: made[name] for name in answer} == answer


def test_a_repository_whose_ssh_address_is_unknown_gets_no_key(
    stage: ReleasePlatform, project: Project
) -> None:
    changes = {"repository_url": "https://git.example.com:8443/team/site"}
    stage.platform.projects.change_owned(OWNER, project.project_id, changes, at=stage.platform.clock())
    status, problem = call(stage, "POST", project.project_id)
    assert status == 409
    assert "SSH address" in problem["detail"]
    assert read_parameters() == {}


def test_a_failed_write_of_the_key_changes_nothing(stage: ReleasePlatform, project: Project) -> None:
    before = stage.platform.read_all_rows()

    def refuse(operation: str) -> None:
        if operation == "put_parameter":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, operation)

    stage.platform.calls.before = refuse
    with pytest.raises(ClientError):
        stage.platform.deploy_key_service.create(OWNER, project.project_id)
    assert stage.platform.read_all_rows() == before
