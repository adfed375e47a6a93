"""Conversion of models to rows and back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.deploy.model import (
    Deployment,
    Failure,
    LivePointer,
    Project,
    Release,
    Source,
    Status,
    Variable,
)
from runtime.shared.converters import from_row, to_attribute_value, to_camel_case, to_row

TEXTS = st.text(max_size=20)
WHOLE = st.integers(-(10**38) + 1, 10**38 - 1)  # tests/runtime/data/test_round_trips.py tests more digits
TIMES = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 - zone below
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
)
PROJECTS = st.builds(
    Project,
    project_id=TEXTS,
    user_id=TEXTS,
    name=TEXTS,
    site=TEXTS,
    repository_url=TEXTS,
    branch=TEXTS,
    created_at=TIMES,
    updated_at=TIMES,
    webhook_version=WHOLE,
    sequence=WHOLE,
    variables=st.lists(
        st.builds(
            Variable,
            name=TEXTS,
            value=st.none() | TEXTS,
            is_secret=st.booleans(),
            secret_size=st.none() | WHOLE,
        ),
        max_size=3,
    ).map(tuple),
    active_build=st.none() | TEXTS,
    live=st.none() | st.builds(LivePointer, deployment_id=TEXTS, sequence=WHOLE),
    serving=st.none() | TEXTS,
    pinned=st.booleans(),
)
DEPLOYMENTS = st.builds(
    Deployment,
    project_id=TEXTS,
    deployment_id=TEXTS,
    user_id=TEXTS,
    site=TEXTS,
    sequence=WHOLE,
    status=st.sampled_from(Status),
    branch=TEXTS,
    commit_sha=TEXTS,
    commit_message=TEXTS,
    commit_author=TEXTS,
    source=st.sampled_from(Source),
    created_at=TIMES,
    updated_at=TIMES,
    build_id=st.none() | TEXTS,
    release=st.none()
    | st.builds(
        Release,
        alias=TEXTS,
        server_version=TEXTS,
        server_origin=TEXTS,
        image_version=TEXTS,
        image_origin=TEXTS,
        host=TEXTS,
        url=TEXTS,
        split_versions=st.none() | st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
        base_path=st.none() | TEXTS,
    ),
    failure=st.none()
    | st.builds(Failure, step=TEXTS, reason=TEXTS, log_tail=st.lists(TEXTS, max_size=3).map(tuple)),
    released_at=st.none() | TIMES,
    live_at=st.none() | TIMES,
)


@given(PROJECTS)
def test_a_project_is_unchanged_after_a_round_trip(project: Project) -> None:
    assert from_row(to_row(project), Project) == project


@given(DEPLOYMENTS)
def test_a_deployment_is_unchanged_after_a_round_trip(deployment: Deployment) -> None:
    assert from_row(to_row(deployment), Deployment) == deployment


@given(DEPLOYMENTS)
def test_attributes_of_a_later_version_are_ignored(deployment: Deployment) -> None:
    row = {**to_row(deployment), "priority": {"N": "3"}, "labels": {"SS": ["new"]}}
    assert from_row(row, Deployment) == deployment


def test_a_row_is_written_in_attribute_values_of_the_low_level_client() -> None:
    at = datetime(2026, 1, 31, 9, 30, 0, 125_000, tzinfo=UTC)
    project = Project(
        project_id="01P",
        user_id="user",
        name="My site",
        site="next-site",
        repository_url="https://github.com/a/b",
        branch="main",
        created_at=at,
        updated_at=at,
        variables=(Variable(name="A", value="1", is_secret=False), Variable(name="B", is_secret=True)),
        live=LivePointer(deployment_id="01D", sequence=4),
    )
    assert to_row(project, sk="METADATA") == {
        "projectId": {"S": "01P"},
        "sk": {"S": "METADATA"},
        "userId": {"S": "user"},
        "name": {"S": "My site"},
        "site": {"S": "next-site"},
        "repositoryUrl": {"S": "https://github.com/a/b"},
        "branch": {"S": "main"},
        "createdAt": {"S": "2026-01-31T09:30:00.125Z"},
        "updatedAt": {"S": "2026-01-31T09:30:00.125Z"},
        "webhookVersion": {"N": "1"},
        "sequence": {"N": "0"},
        "variables": {
            "L": [
                {"M": {"name": {"S": "A"}, "value": {"S": "1"}, "isSecret": {"BOOL": False}}},
                {"M": {"name": {"S": "B"}, "isSecret": {"BOOL": True}}},
            ]
        },
        "variablesVersion": {"N": "0"},
        "live": {"M": {"deploymentId": {"S": "01D"}, "sequence": {"N": "4"}}},
        "deployKeys": {"L": []},
        "hostKeys": {"L": []},
        "rootDirectory": {"S": ""},
        "securityHeaders": {"BOOL": False},
        "pinned": {"BOOL": False},
    }


def test_a_row_of_another_model_is_refused() -> None:
    with pytest.raises(KeyError, match="deploymentId"):
        from_row({"projectId": {"S": "01P"}, "sk": {"S": "DELIVERY#abc"}}, Deployment)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("text", {"S": "text"}),
        (3, {"N": "3"}),
        (True, {"BOOL": True}),
        (Status.LIVE, {"S": "live"}),
        ((), {"L": []}),
        (
            LivePointer(deployment_id="d", sequence=1),
            {"M": {"deploymentId": {"S": "d"}, "sequence": {"N": "1"}}},
        ),
    ],
)
def test_single_values_are_written_as_in_rows(value: object, written: object) -> None:
    assert to_attribute_value(value) == written
    assert type(to_attribute_value(Status.LIVE)["S"]) is str


def test_a_name_is_written_in_camel_case() -> None:
    assert [to_camel_case(name) for name in ("sk", "project_id", "revalidation_queue_url")] == [
        "sk",
        "projectId",
        "revalidationQueueUrl",
    ]
