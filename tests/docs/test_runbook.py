"""The runbook's steps for operators work.

`make demo` and the end-to-end tests cover the steps of users: sign-in, projects, pushes and promotions.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from components.core.stage import StageConfig
from runtime.deploy.model import Project
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.signing import Signer
from tests.components.recorder import ROOT, get_recording, list_dynamodb_tables, read_configuration
from tests.components.stages import REGION
from tests.docs.pages import read_page, read_pages
from tests.docs.shell import parse_commands

RUNBOOK = read_page("docs/operations.md")
PROJECT = "01JD3Q4Z6W8XN5T7V9YB2C4D6F"
TABLE = "anchor-production-projects"
# The name of a resource begins with `anchor-<stage>-`. The pattern captures the rest of the name.
NAME = re.compile(r"anchor-(?:<stage>|dev|staging|production)-((?:<site>|[a-z])[a-z<>-]*[a-z])(?![\w<])")
# Resources that the operator creates with a command of the runbook.
MADE_MANUALLY = {"projects-restored"}


def read_options(operation: str, *names: str) -> dict[str, Any]:
    """Return the named options of the first command with this DynamoDB operation in the runbook."""
    for block in RUNBOOK.blocks:
        if block.language != "sh":
            continue
        for command in parse_commands(block.text):
            if command[1:3] == ["dynamodb", operation]:
                return {name: command[command.index(f"--{name}") + 1] for name in names}
    raise AssertionError(f"the runbook has no {operation}")


def make_project() -> Project:
    at = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    return Project(
        project_id=PROJECT,
        user_id="ada",
        name="Shop",
        site="next-site",
        repository_url="https://github.com/acme/shop",
        branch="main",
        created_at=at,
        updated_at=at,
    )


def test_rotating_a_webhook_secret_increments_the_version_only_if_the_project_exists() -> None:
    options = read_options(
        "update-item", "key", "update-expression", "condition-expression", "expression-attribute-values"
    )
    arguments = {
        "Key": json.loads(options["key"]),
        "UpdateExpression": options["update-expression"],
        "ConditionExpression": options["condition-expression"],
        "ExpressionAttributeValues": json.loads(options["expression-attribute-values"]),
    }
    (table,) = [each for each in list_dynamodb_tables("production") if each["TableName"] == TABLE]
    with mock_aws():
        client = boto3.client("dynamodb", region_name=REGION)
        client.create_table(**table)
        with pytest.raises(client.exceptions.ConditionalCheckFailedException):
            client.update_item(TableName=TABLE, **arguments)
        projects = ProjectRepository(client=client, table=TABLE)
        site = {"projectId": {"S": "SITE#next-site"}, "sk": {"S": "SITE"}}
        client.put_item(TableName=TABLE, Item=site)
        projects.create(make_project())
        client.update_item(TableName=TABLE, **arguments)
        assert projects.get(PROJECT).webhook_version == 2


def test_the_runbook_computes_the_secret_that_the_webhook_expects() -> None:
    messages: list[bytes] = []

    class Kms:
        def generate_mac(self, *, KeyId: str, MacAlgorithm: str, Message: bytes) -> Any:  # noqa: ANN401, N803
            messages.append(Message)
            assert f"--mac-algorithm {MacAlgorithm}" in RUNBOOK.text
            return {"KeyId": KeyId, "Mac": b"\x01" * 32}

    secret = Signer(Kms(), "key").derive_webhook_secret(PROJECT, 2)
    assert secret == "01" * 32  # the format of `od -tx1`
    (message,) = messages
    assert f'echo -n "{message.decode().removesuffix("2")}$VERSION"' in RUNBOOK.text
    keys = {each.inputs["name"] for each in get_recording("production").find_by_type("aws:kms/alias:Alias")}
    assert "alias/anchor-production-signing" in keys


def test_removing_a_site_unprotects_exactly_its_protected_resources() -> None:
    """G3: if a resource of the site stays protected, `pulumi up` fails. Other sites must stay protected."""
    (pattern,) = re.findall(r"grep -oE '(urn:[^']*<site>[^']*)'", RUNBOOK.text)
    found = re.compile(pattern.replace("<site>", "docs"))
    resources = [each for each in get_recording("production").resources if each.protect]
    of_the_site = {each.urn for each in resources if each.name.startswith("site-docs-")}
    assert len(of_the_site) > 5
    assert {each.urn for each in resources if found.fullmatch(f'{each.urn}"')} == of_the_site
    below_sites = {each.urn for each in resources if ":ZeroDowntimeSite" in each.urn and "docs" in each.name}
    assert below_sites == of_the_site


def test_the_program_logs_each_message_that_a_query_of_the_runbook_searches() -> None:
    searched = set(re.findall(r'\$\.message = "([^"]+)"', RUNBOOK.text))
    assert "swept" in searched
    sources = "".join(file.read_text() for file in (ROOT / "runtime").rglob("*.py"))
    assert {message for message in searched if f'"{message}"' not in sources} == set()


def test_the_runbook_deletes_secrets_below_the_path_that_the_program_uses() -> None:
    stage = StageConfig.parse(
        "dev", REGION, read_configuration("dev")["anchor-deploy:stage"], allow_placeholders=True
    )
    assert f"--path {stage.secrets_path} " in RUNBOOK.text


def test_resources_named_in_the_documents_are_declared() -> None:
    declared = {
        re.sub(r"site-docs(?=-|$)", "site-<site>", str(name).partition("anchor-production-")[2])
        for each in get_recording("production").resources
        for name in (each.inputs.get("name"), each.inputs.get("bucket"))
        if name
    }
    named = {(each.name, name) for each in read_pages() for name in NAME.findall(each.text)}
    assert len(named) > 15
    missing = {
        (where, name)
        for where, name in named
        if name not in declared | MADE_MANUALLY and not any(each.startswith(f"{name}.") for each in declared)
    }
    assert missing == set()
