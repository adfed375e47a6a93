"""H6: the platform hands the deploy keys of a project over to its builds."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import evolve

from runtime.deploy.builds.host_keys import PUBLISHED
from runtime.deploy.model import KEY_HANDOVER_FOLDER, Deployment, Project, Status, Variable
from runtime.shared.converters import to_row
from tests.runtime.calls import make_client_error
from tests.runtime.platform_fixture import ARTIFACTS, DEPLOY_KEYS, OWNER, Platform
from tests.runtime.tables import PROJECTS


def create_project(platform: Platform, **changes: Any) -> Project:  # noqa: ANN401 - fields of the project
    """Create a project with these fields and with a deploy key."""
    project = platform.create_project()
    platform.deploy_key_service.create(OWNER, project.project_id)
    project = evolve(platform.projects.get(project.project_id), **changes)
    platform.database.put_item(TableName=PROJECTS, Item=to_row(project, sk="METADATA"))
    return project


def push(platform: Platform, project: Project) -> Deployment:
    deployment = platform.push(project)
    platform.deliver_build_message(deployment)
    return platform.deployments.get(project.project_id, deployment.deployment_id)


def read_variables(platform: Platform, deployment: Deployment) -> dict[str, str]:
    started = platform.codebuild.builds[deployment.deployment_id]
    return {each["name"]: each["value"] for each in started["environmentVariablesOverride"]}


def read_document(platform: Platform) -> tuple[str, dict[str, Any]]:
    ((name, body),) = platform.artifacts_bucket.objects.items()
    return name, json.loads(body)


def test_a_build_gets_a_url_of_the_key_and_not_the_key(platform: Platform) -> None:
    project = create_project(platform)
    deployment = push(platform, project)
    assert deployment.status is Status.BUILDING
    variables = read_variables(platform, deployment)
    name, document = read_document(platform)
    assert name.startswith(KEY_HANDOVER_FOLDER)
    assert len(name) == len(KEY_HANDOVER_FOLDER) + 64
    (key,) = project.deploy_keys
    private = platform.deploy_keys.read(project.project_id, [key.key_id])[key.key_id]
    assert document["privateKeys"] == [private]
    assert document["fingerprints"] == [key.fingerprint]
    assert document["url"] == "ssh://git@github.com/Codertocat/Hello-World.git"
    assert document["host"] == "github.com"
    assert document["hostKeys"] == list(PUBLISHED["github.com"])
    for url in (variables["ANCHOR_DEPLOY_KEY_URL"], document["deleteUrl"]):
        parts = urlsplit(url)
        assert parts.path == f"/{name}"
        assert parts.hostname == f"{ARTIFACTS}.s3.ap-southeast-1.amazonaws.com"
        assert parse_qs(parts.query)["X-Amz-Expires"] == ["2400"]
    assert "PRIVATE KEY" not in str(variables)
    assert "PRIVATE KEY" not in str(platform.read_all_rows())


def test_a_project_without_a_key_is_built_without_calls_for_keys(platform: Platform) -> None:
    deployment = push(platform, platform.create_project())
    assert "ANCHOR_DEPLOY_KEY_URL" not in read_variables(platform, deployment)
    assert platform.artifacts_bucket.objects == {}
    assert not {"get_parameters", "put_object"} & set(platform.calls.operations)


@pytest.mark.parametrize(("days", "count"), [(6, 2), (7, 1)])
def test_builds_can_use_the_previous_key_for_a_week_after_a_rotation(
    platform: Platform, days: int, count: int
) -> None:
    project = create_project(platform)
    platform.deploy_key_service.create(OWNER, project.project_id)
    platform.clock.now += timedelta(days=days)
    push(platform, project)
    keys = platform.projects.get(project.project_id).deploy_keys
    _, document = read_document(platform)
    assert document["fingerprints"] == [key.fingerprint for key in keys][:count]


def test_the_host_keys_of_the_project_replace_the_published_ones(platform: Platform) -> None:
    own = ("ssh-ed25519 AAAA",)
    push(platform, create_project(platform, host_keys=own))
    assert read_document(platform)[1]["hostKeys"] == list(own)


def fail(platform: Platform, project: Project) -> str:
    """Push to the project and return the reason for which its deployment has failed."""
    deployment = push(platform, project)
    assert deployment.status is Status.FAILED
    assert deployment.failure
    assert platform.codebuild.builds == {}
    assert platform.artifacts_bucket.objects == {}
    return deployment.failure.reason


def test_a_repository_with_an_ssh_address_needs_a_key(platform: Platform) -> None:
    """Q1: the reason names the command that makes a key."""
    project = create_project(
        platform, repository_url="git@github.com:Codertocat/Hello-World.git", deploy_keys=()
    )
    reason = fail(platform, project)
    assert f"`anchor projects key create {project.project_id}`" in reason


def test_an_unknown_server_needs_a_host_key(platform: Platform) -> None:
    """H6: there is no trust on first use."""
    project = create_project(platform, repository_url="ssh://git@git.example.com/team/site")
    reason = fail(platform, project)
    assert reason.startswith("The host key of git.example.com is unknown.")
    assert f"`anchor projects key trust {project.project_id} " in reason


def test_an_unknown_ssh_address_is_refused(platform: Platform) -> None:
    project = create_project(platform, repository_url="https://git.example.com:8443/team/site")
    assert "The SSH address of https://git.example.com:8443/team/site is unknown" in fail(platform, project)


def test_a_missing_private_half_is_told_with_the_next_step(platform: Platform) -> None:
    project = create_project(platform)
    platform.deploy_keys.remove(project.project_id, [key.key_id for key in project.deploy_keys])
    reason = fail(platform, project)
    assert reason.startswith("The private half of the deploy key is missing.")
    assert f"`anchor projects key rotate {project.project_id}`" in reason


@pytest.mark.parametrize(
    "name", ["BASH_ENV", "LD_PRELOAD", "SHELLOPTS", "OPENSSL_CONF", "NODE_22_VERSION", "N_NODE_MIRROR"]
)
def test_a_variable_that_runs_code_before_the_fetch_is_refused(platform: Platform, name: str) -> None:
    """H6: projects can have such a variable from the time before it was reserved."""
    variable = Variable(name=name, value="x", is_secret=False)
    reason = fail(platform, create_project(platform, variables=(variable,)))
    assert reason.startswith(f"The variable {name} could run code before the repository is fetched")


def test_a_refused_build_leaves_no_key_behind(platform: Platform) -> None:
    project = create_project(platform)
    platform.codebuild.errors.append(make_client_error("InvalidInputException", "StartBuild"))
    assert "CodeBuild refused the build" in fail(platform, project)


def test_a_repeated_start_gets_another_object(platform: Platform) -> None:
    """H6: code in the build of the first attempt cannot read the object of the second one."""
    project = create_project(platform)
    first = platform.builder.handovers.create(project)
    second = platform.builder.handovers.create(project)
    assert first
    assert second
    assert first.name != second.name
    assert first.url not in repr(first)
    assert len(platform.artifacts_bucket.objects) == 2


def test_a_key_is_encrypted_for_its_own_parameter(platform: Platform) -> None:
    """A4: Parameter Store uses the name of the parameter as the encryption context."""
    project = create_project(platform)
    (key,) = project.deploy_keys
    position = platform.calls.operations.index("put_parameter")
    written = platform.calls.arguments[position]
    assert written["Name"] == f"{DEPLOY_KEYS}/{project.project_id}/{key.key_id}"
    assert written["Type"] == "SecureString"
