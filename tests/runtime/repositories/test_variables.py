"""A3, A4: environment variables and secrets."""

import json
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis.strategies import from_regex

from runtime.deploy.errors import ProjectChangedError, SiteNotFoundError
from runtime.deploy.model import Project, Variable
from runtime.deploy.repositories.variables import (
    _NAME,
    MAX_TOTAL_BYTES,
    NewVariable,
    NewVariables,
    SecretStore,
)
from runtime.shared.api.inputs import read_input
from runtime.shared.environment import LAMBDA_NAME
from runtime.shared.errors import InvalidInputError
from tests.runtime.calls import get_real_client, make_client_error
from tests.runtime.platform_fixture import OWNER, SECRETS_KEY, Platform

SECRET = "s3cr3t-value-of-a-token"


def set_variables(platform: Platform, project: Project, *variables: dict[str, Any]) -> Project:
    wanted = read_input(NewVariables, {"variables": list(variables)}).variables
    return platform.project_service.variables.replace(OWNER, project.project_id, wanted)


def read_problems(platform: Platform, project: Project, *variables: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidInputError) as error:
        set_variables(platform, project, *variables)
    assert platform.projects.get(project.project_id) == project
    return {problem.field: problem.problem for problem in error.value.problems}


def make_plain_variable(name: str, value: str = "1") -> dict[str, Any]:
    return {"name": name, "value": value, "isSecret": False}


def make_secret_variable(name: str, value: str | None = SECRET) -> dict[str, Any]:
    return {"name": name, "isSecret": True} | ({} if value is None else {"value": value})


def read_secrets(project: Project) -> dict[str, str]:
    path = f"/anchor/dev/sites/{project.site}/{project.project_id}/"
    answer = get_real_client("ssm").get_parameters_by_path(Path=path, WithDecryption=True)
    return {each["Name"].removeprefix(path): each["Value"] for each in answer["Parameters"]}


def test_plain_variables_are_kept_in_the_row(platform: Platform) -> None:
    project = set_variables(
        platform,
        platform.create_project(),
        make_plain_variable("API_URL", "https://x"),
        make_plain_variable("EMPTY", ""),
    )
    assert project.variables == (
        Variable(name="API_URL", value="https://x", is_secret=False),
        Variable(name="EMPTY", value="", is_secret=False),
    )


def test_a_secret_goes_to_the_parameter_store_and_not_into_the_row(platform: Platform) -> None:
    """Requirement A4."""
    project = set_variables(platform, platform.create_project(), make_secret_variable("TOKEN"))
    assert read_secrets(project) == {"TOKEN": SECRET}
    assert SECRET not in str(platform.read_all_rows())
    name = f"/anchor/dev/sites/next-site/{project.project_id}/TOKEN"
    parameter = get_real_client("ssm").describe_parameters(
        ParameterFilters=[{"Key": "Name", "Values": [name]}]
    )["Parameters"][0]
    assert (parameter["Type"], parameter["KeyId"]) == (
        "SecureString",
        SECRETS_KEY,
    )


def test_a_secret_without_a_value_keeps_its_stored_value(platform: Platform) -> None:
    """Requirement A4."""
    project = set_variables(
        platform, platform.create_project(), make_secret_variable("TOKEN"), make_plain_variable("AA")
    )
    project = set_variables(platform, project, make_secret_variable("TOKEN", None))
    assert [variable.name for variable in project.variables] == ["TOKEN"]
    assert read_secrets(project) == {"TOKEN": SECRET}
    assert read_secrets(set_variables(platform, project, make_secret_variable("TOKEN", "new"))) == {
        "TOKEN": "new"
    }


def test_a_secret_that_is_left_out_or_becomes_plain_is_deleted(platform: Platform) -> None:
    """Requirement A4."""
    project = set_variables(
        platform,
        platform.create_project(),
        make_secret_variable("ONE"),
        make_secret_variable("TWO"),
        make_secret_variable("THREE"),
    )
    project = set_variables(platform, project, make_secret_variable("ONE", None), make_plain_variable("TWO"))
    assert read_secrets(project) == {"ONE": SECRET}


def test_a_plain_variable_that_becomes_a_secret_needs_its_value_again(platform: Platform) -> None:
    project = set_variables(platform, platform.create_project(), make_plain_variable("TOKEN"))
    assert "variables.TOKEN.value" in read_problems(platform, project, make_secret_variable("TOKEN", None))


def test_a_value_is_required(platform: Platform) -> None:
    project = platform.create_project()
    assert read_problems(
        platform,
        project,
        {"name": "AA", "isSecret": False},
        make_secret_variable("BB", None),
        make_secret_variable("CC", ""),
    ) == {
        "variables.AA.value": "is required",
        "variables.BB.value": "must not be empty: this secret has no value yet",
        "variables.CC.value": "must not be empty: this secret has no value yet",
    }


@pytest.mark.parametrize(
    "name",
    [
        "ANCHOR_COMMIT_SHA",
        "AWS_REGION",
        "BASH_ENV",
        "BUCKET_NAME",
        "CACHE_BUCKET_NAME",
        "CODEBUILD_BUILD_ID",
        "HOME",
        "CURL_HOME",
        "LAMBDA_TASK_ROOT",
        "NODE_22_VERSION",
        "NODE_OPTIONS",
        "NODE_PATH",
        "N_NODE_MIRROR",
        "OPEN_NEXT_BUILD_ID",
        "PATH",
        "REVALIDATION_QUEUE_URL",
        "SSL_CERT_FILE",
    ],
)
def test_names_of_the_platform_are_reserved(platform: Platform, name: str) -> None:
    problems = read_problems(platform, platform.create_project(), make_plain_variable(name))
    assert problems.keys() == {"variables[0].name"}
    assert "reserved for the platform" in problems["variables[0].name"]


@pytest.mark.parametrize(
    "name",
    ["", "AB\n", "A", "a", "lower_case", "1A", "A-B", "A B", "ÄÄ", "A=B", "A" * 101, "_X", "_HANDLER", "__"],
)
def test_a_name_that_lambda_or_the_platform_does_not_allow_is_refused(platform: Platform, name: str) -> None:
    """A3: Lambda refuses names with one character."""
    problems = read_problems(platform, platform.create_project(), make_plain_variable(name))
    assert problems == {
        "variables[0].name": "must be 2 to 100 of A-Z, 0-9 and _, and start with a letter",
    }


@given(name=from_regex(_NAME, fullmatch=True))
def test_lambda_accepts_every_name_that_the_api_accepts(name: str) -> None:
    """Requirement A3."""
    assert LAMBDA_NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["AB", "A1", "A_", "A" * 100])
def test_a_name_with_capitals_digits_and_underscores_is_accepted(platform: Platform, name: str) -> None:
    assert (
        set_variables(platform, platform.create_project(), make_plain_variable(name)).variables[0].name
        == name
    )


def test_two_variables_with_the_same_name_are_refused(platform: Platform) -> None:
    problems = read_problems(
        platform,
        platform.create_project(),
        make_plain_variable("AA"),
        make_plain_variable("BB"),
        make_secret_variable("AA"),
    )
    assert problems == {"variables.AA.name": "appears more than once"}


def test_a_project_has_at_most_a_hundred_variables(platform: Platform) -> None:
    project = platform.create_project()
    assert read_problems(
        platform, project, *(make_plain_variable(f"A{number}") for number in range(101))
    ) == {"variables": "must have at most 100 entries"}
    assert (
        len(
            set_variables(
                platform, project, *(make_plain_variable(f"A{number}") for number in range(100))
            ).variables
        )
        == 100
    )


def test_a_request_sets_at_most_twenty_secrets(platform: Platform) -> None:
    """A3: Parameter Store sometimes accepts only three writes per second."""
    project = platform.create_project()
    secrets = [make_secret_variable(f"A{number}", "x") for number in range(21)]
    problems = read_problems(platform, project, *secrets)
    assert problems["variables"].startswith(
        "must set at most 20 secrets in one request, but sets 21: send the"
    )
    project = set_variables(platform, project, *secrets[:20])
    stored = [make_secret_variable(f"A{number}", None) for number in range(20)]
    assert len(set_variables(platform, project, *stored, secrets[20]).variables) == 21


def test_secrets_are_written_slowly_if_the_parameter_store_is_throttled(platform: Platform) -> None:
    """Requirement A4."""
    left = throttle_writes(platform, times=3)
    project = set_variables(
        platform, platform.create_project(), make_secret_variable("ONE"), make_secret_variable("TWO")
    )
    assert read_secrets(project) == {"ONE": SECRET, "TWO": SECRET}
    assert left == [0]
    assert platform.sleeps == [0.5] * 3


def test_a_request_ends_before_the_timeout_if_the_parameter_store_stays_throttled(
    platform: Platform,
) -> None:
    """Q1: the API answers this error with status 503, and the user can repeat the request."""
    project = platform.create_project()
    throttle_writes(platform, times=100)
    with pytest.raises(ClientError, match="ThrottlingException"):
        set_variables(platform, project, make_secret_variable("ONE"), make_secret_variable("TWO"))
    assert sum(platform.sleeps) == 5
    assert platform.projects.get(project.project_id) == project


def throttle_writes(platform: Platform, *, times: int) -> list[int]:
    """Refuse the next `times` writes to Parameter Store.

    Returns:
        A list whose only element is the number of writes that will still be refused.
    """
    left = [times]

    def throttle_call(operation: str) -> None:
        if operation == "put_parameter" and left[0]:
            left[0] -= 1
            raise make_client_error("ThrottlingException", "PutParameter")

    platform.calls.before = throttle_call
    return left


def test_all_variables_together_fit_into_lambdas_environment(platform: Platform) -> None:
    """The size of a stored secret counts too. The row contains the size instead of the value."""
    overhead = len(json.dumps({"AA": ""}))
    project = set_variables(
        platform, platform.create_project(), make_secret_variable("AA", "x" * (MAX_TOTAL_BYTES - overhead))
    )
    problems = read_problems(
        platform, project, make_secret_variable("AA", None), make_plain_variable("BB", "")
    )
    assert problems["variables"].startswith(f"must have at most {MAX_TOTAL_BYTES} bytes in total")
    assert read_problems(
        platform, project, make_plain_variable("AA", '"' * (MAX_TOTAL_BYTES // 2))
    ).keys() == {"variables"}
    assert read_problems(
        platform, project, make_plain_variable("AA", "ü" * (MAX_TOTAL_BYTES // 2))
    ).keys() == {"variables"}


def test_a_value_with_a_nul_character_is_refused(platform: Platform) -> None:
    problems = read_problems(platform, platform.create_project(), make_plain_variable("AA", "a\0b"))
    assert problems == {"variables.AA.value": "must not contain the NUL character"}


def test_a_concurrent_change_of_variables_is_refused(platform: Platform) -> None:
    project = platform.create_project()

    def change_concurrently(operation: str) -> None:
        if operation == "transact_write_items":
            platform.calls.before = lambda _: None
            set_variables(platform, project, make_plain_variable("RIVAL"))

    platform.calls.before = change_concurrently
    with pytest.raises(ProjectChangedError):
        set_variables(platform, project, make_plain_variable("MINE"))
    assert platform.projects.get(project.project_id).variables[0].name == "RIVAL"


def test_a_crash_at_any_call_leaves_no_secret_without_its_parameter(platform: Platform) -> None:
    """A4: every secret in the row has a parameter, and a repeated request completes."""
    project = set_variables(
        platform, platform.create_project(), make_secret_variable("OLD"), make_secret_variable("KEPT")
    )
    wanted = [make_secret_variable("NEW"), make_secret_variable("KEPT", None)]
    for crash_after in range(1, 8):
        assert platform.calls.crash_during(
            lambda project=project: set_variables(platform, project, *wanted), after=crash_after
        )
        named = {variable.name for variable in platform.projects.get(project.project_id).variables}
        assert named <= set(read_secrets(project))
        platform.clock.now += timedelta(seconds=21)  # after the reservation of the crashed request
        done = set_variables(platform, project, *wanted)
        assert {variable.name for variable in done.variables} == {"NEW", "KEPT"}
        assert {"NEW", "KEPT"} <= set(read_secrets(project))
        project = set_variables(
            platform, project, make_secret_variable("OLD"), make_secret_variable("KEPT", None)
        )


def test_plain_variables_cost_two_calls_and_a_secret_costs_three_more(platform: Platform) -> None:
    project = platform.create_project()
    with platform.calls.record_calls() as made:
        set_variables(platform, project, make_plain_variable("AA"))
    assert made == ["get_item", "transact_write_items"]
    with platform.calls.record_calls() as made:
        set_variables(platform, project, make_secret_variable("AA"))
    assert made == ["get_item", "get_item", "transact_write_items", "put_parameter", "update_item"]
    with platform.calls.record_calls() as made:
        set_variables(platform, project)
    begun = ["get_item", "get_item", "transact_write_items"]
    assert made == [*begun, "update_item", "delete_parameter", "update_item"]


def test_secrets_of_a_site_that_is_no_longer_declared_cannot_change(platform: Platform) -> None:
    project = platform.create_project()
    platform.dynamodb._target.delete_item(
        TableName=platform.projects.table, Key={"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
    )
    with pytest.raises(SiteNotFoundError, match="is not declared"):
        set_variables(platform, project, make_secret_variable("AA"))


class RefusingStore:
    def __init__(self, code: str) -> None:
        self.code = code

    def delete_parameter(self, **_: object) -> None:
        raise make_client_error(self.code, "DeleteParameter")


def create_refusing_store(code: str) -> SecretStore:
    client: Any = RefusingStore(code)
    return SecretStore(client=client, key="k", pause=list[float]().append)


def test_deleting_a_missing_secret_succeeds() -> None:
    create_refusing_store("ParameterNotFound").delete("x")
    with pytest.raises(ClientError, match="AccessDenied"):
        create_refusing_store("AccessDeniedException").delete("x")


def test_values_are_not_in_the_repr() -> None:
    """Requirement A4."""
    assert SECRET not in repr(NewVariable(name="AA", value=SECRET, is_secret=True))
    assert SECRET not in repr(Variable(name="AA", value=SECRET, is_secret=False))
    project = evolve(_PROJECT, variables=(Variable(name="AA", value=SECRET, is_secret=False),))
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
