"""Environment variables and secrets (A3, A4)."""

import json
from typing import Any

import pytest
from attrs import evolve
from botocore.exceptions import ClientError

from runtime.deploy.errors import ProjectChangedError, SiteNotFoundError
from runtime.deploy.model import Project, Variable
from runtime.deploy.repositories.variables import MAX_TOTAL_BYTES, NewVariable, NewVariables, SecretStore
from runtime.shared.api.inputs import read
from runtime.shared.errors import InvalidInputError
from tests.runtime.calls import client_error, real_client
from tests.runtime.platform_fixture import OWNER, SECRETS_KEY, World

SECRET = "s3cr3t-value-of-a-token"


def put(world: World, project: Project, *variables: dict[str, Any]) -> Project:
    wanted = read(NewVariables, {"variables": list(variables)}).variables
    return world.management.set_variables(OWNER, project.project_id, wanted)


def refused(world: World, project: Project, *variables: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidInputError) as error:
        put(world, project, *variables)
    assert world.projects.get(project.project_id) == project
    return {problem.field: problem.problem for problem in error.value.problems}


def plain(name: str, value: str = "1") -> dict[str, Any]:
    return {"name": name, "value": value, "isSecret": False}


def secret(name: str, value: str | None = SECRET) -> dict[str, Any]:
    return {"name": name, "isSecret": True} | ({} if value is None else {"value": value})


def stored(project: Project) -> dict[str, str]:
    path = f"/anchor/dev/sites/{project.site}/{project.project_id}/"
    answer = real_client("ssm").get_parameters_by_path(Path=path, WithDecryption=True)
    return {each["Name"].removeprefix(path): each["Value"] for each in answer["Parameters"]}


def test_plain_variables_are_kept_in_the_row(world: World) -> None:
    project = put(world, world.project(), plain("API_URL", "https://x"), plain("EMPTY", ""))
    assert project.variables == (
        Variable(name="API_URL", value="https://x", is_secret=False),
        Variable(name="EMPTY", value="", is_secret=False),
    )


def test_a_secret_goes_to_the_parameter_store_and_not_into_the_row(world: World) -> None:
    """A4."""
    project = put(world, world.project(), secret("TOKEN"))
    assert stored(project) == {"TOKEN": SECRET}
    assert SECRET not in str(world.everything())
    name = f"/anchor/dev/sites/next-site/{project.project_id}/TOKEN"
    parameter = real_client("ssm").describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])[
        "Parameters"
    ][0]
    assert (parameter["Type"], parameter["KeyId"]) == (
        "SecureString",
        SECRETS_KEY,
    )


def test_a_secret_without_a_value_keeps_its_stored_one(world: World) -> None:
    """A4."""
    project = put(world, world.project(), secret("TOKEN"), plain("A"))
    project = put(world, project, secret("TOKEN", None))
    assert [variable.name for variable in project.variables] == ["TOKEN"]
    assert stored(project) == {"TOKEN": SECRET}
    assert stored(put(world, project, secret("TOKEN", "new"))) == {"TOKEN": "new"}


def test_a_secret_that_is_left_out_or_becomes_plain_is_deleted(world: World) -> None:
    """A4."""
    project = put(world, world.project(), secret("ONE"), secret("TWO"), secret("THREE"))
    project = put(world, project, secret("ONE", None), plain("TWO"))
    assert stored(project) == {"ONE": SECRET}


def test_a_secret_that_was_plain_needs_its_value_again(world: World) -> None:
    project = put(world, world.project(), plain("TOKEN"))
    assert "variables[0].value" in refused(world, project, secret("TOKEN", None))


def test_a_value_is_needed(world: World) -> None:
    project = world.project()
    assert refused(world, project, {"name": "A", "isSecret": False}, secret("B", None), secret("C", "")) == {
        "variables[0].value": "is required",
        "variables[1].value": "must not be empty: this secret has no value yet",
        "variables[2].value": "must not be empty: this secret has no value yet",
    }


@pytest.mark.parametrize(
    "name",
    [
        "_X",
        "ANCHOR_COMMIT_SHA",
        "AWS_REGION",
        "BUCKET_NAME",
        "CACHE_BUCKET_NAME",
        "CODEBUILD_BUILD_ID",
        "HOME",
        "LAMBDA_TASK_ROOT",
        "NODE_OPTIONS",
        "OPEN_NEXT_BUILD_ID",
        "PATH",
        "REVALIDATION_QUEUE_URL",
        "_HANDLER",
    ],
)
def test_names_of_the_platform_are_reserved(world: World, name: str) -> None:
    said = refused(world, world.project(), plain(name))
    assert said == {"variables[0].name": "is reserved for the platform: choose another name"}


@pytest.mark.parametrize("name", ["", "a", "lower_case", "1A", "A-B", "A B", "Ä", "A\n", "A=B", "A" * 101])
def test_other_names_than_capitals_digits_and_underscores_are_refused(world: World, name: str) -> None:
    """A3."""
    said = refused(world, world.project(), plain(name))
    assert said["variables[0].name"].startswith("must be A-Z")


def test_a_name_appears_once(world: World) -> None:
    said = refused(world, world.project(), plain("A"), plain("B"), secret("A"))
    assert said == {
        "variables[0].name": "appears more than once",
        "variables[2].name": "appears more than once",
    }


def test_there_are_at_most_a_hundred(world: World) -> None:
    project = world.project()
    assert refused(world, project, *(plain(f"A{number}") for number in range(101))) == {
        "variables": "must have at most 100 entries"
    }
    assert len(put(world, project, *(plain(f"A{number}") for number in range(100))).variables) == 100


def test_all_together_fit_into_lambdas_environment(world: World) -> None:
    """Stored secrets count with the size that they had when they were written."""
    overhead = len(json.dumps({"A": ""}))
    project = put(world, world.project(), secret("A", "x" * (MAX_TOTAL_BYTES - overhead)))
    said = refused(world, project, secret("A", None), plain("B", ""))
    assert said["variables"].startswith(f"must have at most {MAX_TOTAL_BYTES} bytes in total")
    assert refused(world, project, plain("A", '"' * (MAX_TOTAL_BYTES // 2))).keys() == {"variables"}
    assert refused(world, project, plain("A", "ü" * (MAX_TOTAL_BYTES // 2))).keys() == {"variables"}


def test_a_value_without_a_place_in_any_environment_is_refused(world: World) -> None:
    said = refused(world, world.project(), plain("A", "a\0b"))
    assert said == {"variables[0].value": "must not contain the NUL character"}


def test_who_changes_variables_at_the_same_moment_is_told(world: World) -> None:
    project = world.project()

    def rival(operation: str) -> None:
        if operation == "update_item":
            world.calls.before = lambda _: None
            put(world, project, plain("RIVAL"))

    world.calls.before = rival
    with pytest.raises(ProjectChangedError):
        put(world, project, plain("MINE"))
    assert world.projects.get(project.project_id).variables[0].name == "RIVAL"


def test_a_function_that_dies_anywhere_leaves_no_secret_without_its_parameter(world: World) -> None:
    """A4: what the row names, the store has; the same request again finishes."""
    project = put(world, world.project(), secret("OLD"), secret("KEPT"))
    wanted = [secret("NEW"), secret("KEPT", None)]
    for dies_after in range(1, 6):
        assert world.calls.die(lambda project=project: put(world, project, *wanted), after=dies_after)
        named = {variable.name for variable in world.projects.get(project.project_id).variables}
        assert named <= set(stored(project))
        done = put(world, project, *wanted)
        assert {variable.name for variable in done.variables} == {"NEW", "KEPT"}
        assert {"NEW", "KEPT"} <= set(stored(project))
        project = put(world, project, secret("OLD"), secret("KEPT", None))


def test_plain_variables_cost_two_calls_and_secrets_one_more(world: World) -> None:
    project = world.project()
    with world.calls.counted() as made:
        put(world, project, plain("A"))
    assert made == ["get_item", "update_item"]
    with world.calls.counted() as made:
        put(world, project, secret("A"))
    assert made == ["get_item", "get_item", "put_parameter", "update_item"]
    with world.calls.counted() as made:
        put(world, project)
    assert made == ["get_item", "get_item", "update_item", "delete_parameter"]


def test_secrets_of_a_site_that_is_no_longer_declared_cannot_change(world: World) -> None:
    project = world.project()
    world.dynamodb._target.delete_item(
        TableName=world.projects.table, Key={"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    )
    with pytest.raises(SiteNotFoundError, match="is not declared"):
        put(world, project, secret("A"))


class RefusingStore:
    def __init__(self, code: str) -> None:
        self.code = code

    def delete_parameter(self, **_: object) -> None:
        raise client_error(self.code, "DeleteParameter")


def test_a_secret_that_is_gone_already_is_deleted() -> None:
    SecretStore(client=RefusingStore("ParameterNotFound"), key="k").delete("x")  # type: ignore[arg-type]
    with pytest.raises(ClientError, match="AccessDenied"):
        SecretStore(client=RefusingStore("AccessDeniedException"), key="k").delete("x")  # type: ignore[arg-type]


def test_no_value_is_in_a_repr() -> None:
    """A4."""
    assert SECRET not in repr(NewVariable(name="A", value=SECRET, is_secret=True))
    assert SECRET not in repr(Variable(name="A", value=SECRET, is_secret=False))
    project = evolve(_PROJECT, variables=(Variable(name="A", value=SECRET, is_secret=False),))
    assert SECRET not in repr(project)


_PROJECT = Project(
    project_id="p",
    user_id="u",
    name="n",
    site="s",
    repository_url="https://example.com/r",
    branch="main",
    created_at=None,  # type: ignore[arg-type]
    updated_at=None,  # type: ignore[arg-type]
)
