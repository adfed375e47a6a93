"""Functions load their secrets from encrypted objects, and older releases lose replaced values (X2)."""

import json
from collections.abc import Mapping

import pytest

from runtime.deploy.model import Deployment, Project
from runtime.deploy.releases.release_secrets import build_secrets_object_key
from runtime.deploy.repositories.variables import NewVariable
from tests.runtime.platform_fixture import OWNER, SECRETS_KEY
from tests.runtime.releases.release_fixture import ASSETS, ReleasePlatform, answer_with_status
from tests.runtime.stand_ins import decrypt
from tests.runtime.upkeep.collection import run_both_steps


def set_secrets(stage: ReleasePlatform, project: Project, secrets: Mapping[str, str]) -> None:
    """Replace the secret variables of a project."""
    site = stage.get_site(project)
    stage.secrets.values = {
        site.build_secret_parameter_name(project.project_id, name): value for name, value in secrets.items()
    }
    wanted = [NewVariable(name=name, value=value, is_secret=True) for name, value in secrets.items()]
    stage.platform.project_service.variables.replace(OWNER, project.project_id, wanted)


def read_secrets(stage: ReleasePlatform, deployment: Deployment) -> Mapping[str, str] | None:
    """Return the secrets that the functions of a release load. None if the release has no object."""
    stored = stage.objects.stored.get((ASSETS, build_secrets_object_key(deployment)))
    if stored is None:
        return None
    context = {"site": deployment.site, "project": deployment.project_id}
    return json.loads(decrypt(SECRETS_KEY, stored[0], **context)) if stored[0] else {}


def release_with_secrets(stage: ReleasePlatform, project: Project, **secrets: str) -> Deployment:
    set_secrets(stage, project, secrets)
    return stage.create_live(project)


def test_older_releases_get_the_secrets_of_a_newer_live_release(stage: ReleasePlatform) -> None:
    """A rollback then starts with the values of today, and no release has a replaced value any more."""
    project = stage.create_project()
    oldest = release_with_secrets(stage, project, TOKEN="leaked", OLD="removed")
    older = release_with_secrets(stage, project, TOKEN="leaked")
    newest = release_with_secrets(stage, project, TOKEN="rotated", NEW="added")
    assert newest.status == "live"
    for deployment in (oldest, older, newest):
        assert read_secrets(stage, deployment) == {"TOKEN": "rotated", "NEW": "added"}
    stage.switch.promote(OWNER, oldest.deployment_id)
    assert read_secrets(stage, newest) == read_secrets(stage, oldest) == {"TOKEN": "rotated", "NEW": "added"}


def test_older_releases_lose_their_secrets_if_the_project_has_none_any_more(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    older = release_with_secrets(stage, project, TOKEN="leaked")
    newest = release_with_secrets(stage, project)
    assert newest.status == "live"
    assert read_secrets(stage, older) == {}
    assert read_secrets(stage, newest) is None


def test_a_release_that_does_not_become_live_changes_no_other_release(stage: ReleasePlatform) -> None:
    """D2: the new value can be the reason why the release fails."""
    project = stage.create_project()
    live = release_with_secrets(stage, project, TOKEN="works")
    stage.functions.answer = answer_with_status(500)
    failed = release_with_secrets(stage, project, TOKEN="wrong")
    assert failed.status == "failed"
    assert read_secrets(stage, live) == {"TOKEN": "works"}


def test_a_ready_release_changes_older_releases_when_it_is_promoted(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    live = release_with_secrets(stage, project, TOKEN="leaked")
    stage.switch.promote(OWNER, live.deployment_id, pin=True)
    ready = release_with_secrets(stage, project, TOKEN="rotated")
    assert ready.status == "ready"
    assert read_secrets(stage, live) == {"TOKEN": "leaked"}
    stage.switch.promote(OWNER, ready.deployment_id)
    assert read_secrets(stage, live) == {"TOKEN": "rotated"}


def test_releases_of_other_projects_keep_their_secrets(stage: ReleasePlatform) -> None:
    neighbour = stage.create_project(site="next-site-2")
    theirs = release_with_secrets(stage, neighbour, TOKEN="of the neighbour")
    project = stage.create_project()
    release_with_secrets(stage, project, TOKEN="leaked")
    release_with_secrets(stage, project, TOKEN="rotated")
    assert read_secrets(stage, theirs) == {"TOKEN": "of the neighbour"}


@pytest.mark.parametrize("size", [1, 1000])
def test_every_page_of_older_releases_is_replaced(stage: ReleasePlatform, size: int) -> None:
    stage.objects.page = size
    project = stage.create_project()
    older = [release_with_secrets(stage, project, TOKEN=f"leaked {number}") for number in range(3)]
    release_with_secrets(stage, project, TOKEN="rotated")
    assert [read_secrets(stage, each) for each in older] == [{"TOKEN": "rotated"}] * 3


def test_a_switch_writes_no_secrets_if_older_releases_have_the_same(stage: ReleasePlatform) -> None:
    project = stage.create_project()
    first = release_with_secrets(stage, project, TOKEN="open sesame")
    second = release_with_secrets(stage, project, TOKEN="open sesame")
    with stage.platform.calls.record_calls() as made:
        stage.switch.promote(OWNER, first.deployment_id)
        stage.switch.promote(OWNER, second.deployment_id)
    assert not {"get_object", "put_object"} & set(made)


def test_collected_releases_and_deleted_projects_leave_no_secrets(stage: ReleasePlatform) -> None:
    """X2: a later project on the same site finds nothing."""
    project = stage.create_project()
    releases = [release_with_secrets(stage, project, TOKEN="open sesame") for _ in range(5)]
    run_both_steps(stage)
    assert [read_secrets(stage, each) is None for each in releases] == [True, True, False, False, False]
    stage.deletion.delete(OWNER, project.project_id)
    assert [read_secrets(stage, each) for each in releases] == [None, None, {}, {}, {}]
    run_both_steps(stage)
    assert stage.objects.list_keys(ASSETS, "secrets/") == []
