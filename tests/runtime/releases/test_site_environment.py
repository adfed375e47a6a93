"""Environment variables of a site's functions. No environment contains a secret (A4, X2)."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from attrs import evolve

from runtime.deploy.model import Deployment, Project, Site, Source, Status, Variable
from runtime.deploy.releases.site_environment import (
    SiteEnvironment,
    SiteEnvironmentError,
    make_site_environment,
    read_secrets,
)
from tests.runtime.calls import REGION
from tests.runtime.releases.release_fixture import Secrets

AT = datetime(2026, 1, 31, tzinfo=UTC)
SITE = Site(
    site="next-site",
    host="next-site.example.com",
    url_pattern="https://{host}",
    server_function="server",
    image_function="image",
    revalidation_function="revalidate",
    tag_table="tags",
    revalidation_queue_url="https://sqs.example.com/revalidate.fifo",
    build_project="build",
    secrets_path="/anchor/dev/sites/next-site",
)
PROJECT = Project(
    project_id="01PROJECT",
    user_id="user",
    name="My site",
    site="next-site",
    repository_url="https://example.com/repository",
    branch="main",
    created_at=AT,
    updated_at=AT,
    variables=(
        Variable(name="GREETING", value="hello", is_secret=False),
        Variable(name="EMPTY", is_secret=False),
        Variable(name="TOKEN", is_secret=True),
    ),
)
DEPLOYMENT = Deployment(
    project_id="01PROJECT",
    deployment_id="01DEPLOYMENT",
    user_id="user",
    site="next-site",
    sequence=1,
    status=Status.DEPLOYING,
    branch="main",
    commit_sha="c0ffee",
    commit_message="m",
    commit_author="a",
    source=Source.PUSH,
    created_at=AT,
    updated_at=AT,
)


# The SHA-256 hash of the key "0f0f".
KEY_HASH = "49a20bf657ddd9b80f2ec63a1810a02bd5301b6a022baa5b15c90ad1e5d875f7"


def make_environment(project: Project = PROJECT, secrets: Mapping[str, str] | None = None) -> SiteEnvironment:
    return make_site_environment(
        project=project,
        deployment=DEPLOYMENT,
        site=SITE,
        secrets={"TOKEN": "open sesame"} if secrets is None else secrets,
        origin_key="0f0f",
        assets_bucket="assets",
        region=REGION,
    )


def test_the_server_gets_the_variables_of_the_project_and_of_open_next() -> None:
    assert make_environment().server == {
        "GREETING": "hello",
        "EMPTY": "",
        "ANCHOR_ORIGIN_KEY_HASH": KEY_HASH,
        "ANCHOR_DEPLOYMENT_ID": "01DEPLOYMENT",
        "ANCHOR_COMMIT_SHA": "c0ffee",
        "ANCHOR_SECRETS_OBJECT": "secrets/next-site/01PROJECT/01DEPLOYMENT/variables",
        "CACHE_BUCKET_NAME": "assets",
        "CACHE_BUCKET_KEY_PREFIX": "cache/next-site/01PROJECT/01DEPLOYMENT",
        "CACHE_BUCKET_REGION": REGION,
        "ANCHOR_FILES_PREFIX": "assets/next-site/01PROJECT",
        "CACHE_DYNAMO_TABLE": "tags",
        "REVALIDATION_QUEUE_URL": "https://sqs.example.com/revalidate.fifo",
        "REVALIDATION_QUEUE_REGION": REGION,
    }


def test_security_headers_are_a_variable_of_both_functions() -> None:
    """Requirement D8."""
    changed = make_environment(evolve(PROJECT, security_headers=True))
    for variables in (changed.server, changed.image):
        assert variables["ANCHOR_SECURITY_HEADERS"] == "1"


def test_the_error_names_a_stored_variable_that_lambda_refuses() -> None:
    """Q1: earlier versions of the API accepted names with one character."""
    variables = (*PROJECT.variables, Variable(name="X", value="hidden", is_secret=False))
    with pytest.raises(SiteEnvironmentError, match=r"Lambda refuses .*: X; use at least two") as refused:
        make_environment(evolve(PROJECT, variables=variables))
    assert "hidden" not in str(refused.value)


def test_the_image_function_gets_none_of_the_projects_variables() -> None:
    assert make_environment().image == {
        "ANCHOR_ORIGIN_KEY_HASH": KEY_HASH,
        "ANCHOR_DEPLOYMENT_ID": "01DEPLOYMENT",
        "ANCHOR_COMMIT_SHA": "c0ffee",
        "BUCKET_NAME": "assets",
        "BUCKET_KEY_PREFIX": "assets/next-site/01PROJECT/01DEPLOYMENT",
    }


def test_a_variable_cannot_override_a_variable_of_the_platform() -> None:
    project = evolve(
        PROJECT, variables=(Variable(name="ANCHOR_ORIGIN_KEY_HASH", value="mine", is_secret=False),)
    )
    assert make_environment(project).server["ANCHOR_ORIGIN_KEY_HASH"] == KEY_HASH


def test_a_secret_cannot_override_a_variable_of_the_platform() -> None:
    """Earlier versions of the API accepted such names. The wrapper sets the secrets when the site starts."""
    made = make_environment(secrets={"CACHE_BUCKET_NAME": "mine", "TOKEN": "open sesame"})
    assert made.secrets == {"TOKEN": "open sesame"}
    assert made.server["CACHE_BUCKET_NAME"] == "assets"


def test_the_error_about_too_large_variables_contains_their_names_but_no_values() -> None:
    """Secrets do not count, because they are not in the environment."""
    variables = (*PROJECT.variables, Variable(name="LONG", value="open sesame" * 400, is_secret=False))
    with pytest.raises(SiteEnvironmentError) as refused:
        make_environment(evolve(PROJECT, variables=variables))
    assert str(refused.value).endswith("4096 are allowed: shorten EMPTY, GREETING, LONG")
    assert "sesame" not in str(refused.value)


def test_values_are_in_no_repr_and_are_masked_in_texts() -> None:
    told = make_environment(secrets={"TOKEN": "open sesame", "LONGER": "open sesame street", "SHORT": "abc"})
    assert repr(told) == "SiteEnvironment()"
    said = told.mask_secrets("abc: cannot 'open sesame street' with open sesame")
    assert said == "abc: cannot '***' with ***"


def make_parameter_store(**values: str) -> Secrets:
    return Secrets({f"{SITE.secrets_path}/01PROJECT/{name}": value for name, value in values.items()})


def make_project_with_secrets(*names: str) -> Project:
    return evolve(PROJECT, variables=tuple(Variable(name=name, is_secret=True) for name in names))


def test_secrets_are_read_decrypted_from_every_page_of_the_projects_folder() -> None:
    store = make_parameter_store(A="1", LEFT_OVER="0", B="2", C="3", D="4")
    store.values["/anchor/dev/sites/next-site/01OTHER/A"] = "of another project"
    assert read_secrets(store, make_project_with_secrets("D", "A", "B"), SITE) == {
        "A": "1",
        "B": "2",
        "D": "4",
    }
    assert store.asked == [
        {"Path": "/anchor/dev/sites/next-site/01PROJECT", "WithDecryption": True} for _ in range(3)
    ]


def test_the_error_names_a_secret_without_a_value() -> None:
    with pytest.raises(SiteEnvironmentError, match="secret variables without a value: B, C; set them again"):
        read_secrets(make_parameter_store(A="open sesame"), make_project_with_secrets("C", "A", "B"), SITE)


def test_a_project_without_secrets_makes_no_call() -> None:
    store = make_parameter_store(A="1")
    assert read_secrets(store, evolve(PROJECT, variables=PROJECT.variables[:2]), SITE) == {}
    assert store.asked == []
