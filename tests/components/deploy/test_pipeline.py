"""BuildPipeline and PlatformApi: what each function is told and what it may do."""

import json
from typing import Any

import pytest

from tests.components.policies import statements
from tests.components.recorder import recording

FUNCTION = "aws:lambda/function:Function"
EVERY_SITE = "anchor-dev-site-"

VARIABLES = {
    "webhook": {"BUILD_QUEUE_URL", "SIGNING_KEY_ARN"},
    "orchestrator": {
        "ARTIFACTS_BUCKET",
        "BUILD_QUEUE_URL",
        "CONCURRENT_BUILDS",
        "MAX_RECEIVE_COUNT",
        "SECRETS_KEY_ARN",
        "SIGNING_KEY_ARN",
    },
    "build-events": {"BUILD_QUEUE_URL", "CONCURRENT_BUILDS", "RELEASE_QUEUE_URL"},
    "release": {
        "ARTIFACTS_BUCKET",
        "ASSETS_BUCKET",
        "KEY_VALUE_STORE_ARN",
        "MAX_RECEIVE_COUNT",
        "SIGNING_KEY_ARN",
    },
    "promote": {"KEY_VALUE_STORE_ARN"},
    "api": {
        "SIGNING_KEY_ARN",
        "SECRETS_KEY_ARN",
        "API_ENDPOINT",
        "BUILD_QUEUE_URL",
        "CONCURRENT_BUILDS",
        "LOGS_BUCKET",
    },
}
TIMEOUTS = {"webhook": 10, "orchestrator": 60, "build-events": 60, "release": 300, "promote": 30, "api": 15}


def allowed(function: str) -> list[tuple[set[str], list[str]]]:
    return [
        (set(statement.actions), statement.resources)
        for statement in statements(recording("dev"))
        if statement.of.endswith(f"$aws:iam/rolePolicy:RolePolicy::{function}")
    ]


@pytest.mark.parametrize("function", VARIABLES)
def test_a_function_is_told_where_its_things_are(function: str) -> None:
    inputs = recording("dev").one(FUNCTION, function).inputs
    assert inputs["handler"] == f"runtime.deploy.handlers.{function.replace('-', '_')}.handle"
    assert inputs["timeout"] == TIMEOUTS[function]
    variables = inputs["environment"]["variables"]
    assert (
        variables.keys() == {"PROJECTS_TABLE", "DEPLOYMENTS_TABLE", "FUNCTION_TIMEOUT"} | VARIABLES[function]
    )
    assert all(variables.values())


@pytest.mark.parametrize("function", VARIABLES)
def test_no_function_may_pass_a_role_or_change_rights(function: str) -> None:
    """P6: whoever takes over a function gets no further than that function."""
    actions = {action for granted, _ in allowed(function) for action in granted}
    assert actions
    assert not {action for action in actions if action.startswith(("iam:", "sts:"))}


def test_only_the_release_function_changes_functions() -> None:
    writers = {
        function
        for function in VARIABLES
        for actions, _ in allowed(function)
        if actions & {"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"}
    }
    assert writers == {"release"}


def test_the_release_function_changes_functions_of_sites_only() -> None:
    (resources,) = [
        resources for actions, resources in allowed("release") if "lambda:PublishVersion" in actions
    ]
    assert resources == ["arn:aws:lambda:ap-southeast-1:123456789012:function:anchor-dev-site-*"]


def test_only_release_and_promote_switch_the_edge() -> None:
    """D3."""
    writers = {
        function
        for function in VARIABLES
        for actions, _ in allowed(function)
        if "cloudfront-keyvaluestore:PutKey" in actions
    }
    assert writers == {"release", "promote"}


def test_only_promote_deletes_projects() -> None:
    """Others delete, in the same table, what waits for a build."""
    table = "arn:aws:dynamodb:ap-southeast-1:123456789012:table/anchor-dev-projects"
    deleting = {
        statement.of.rpartition("::")[2]: statement.document.get("Condition")
        for statement in statements(recording("dev"))
        if "dynamodb:DeleteItem" in statement.actions and table in statement.resources
    }
    assert deleting.pop("promote") is None
    waiting = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "BUILDS"}}
    assert deleting == dict.fromkeys(("api", "build-events", "orchestrator", "sweep"), waiting)


def test_the_api_writes_secrets_and_cannot_read_them() -> None:
    """A4."""
    actions = {action for granted, _ in allowed("api") for action in granted}
    assert {"ssm:PutParameter", "kms:Encrypt"} <= actions
    assert not {"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "kms:Decrypt"} & actions


def test_deleting_a_project_removes_its_secrets_and_cannot_read_them() -> None:
    """A4."""
    actions = {action for granted, _ in allowed("promote") for action in granted}
    assert "ssm:DeleteParameters" in actions
    assert not {"ssm:GetParameter", "ssm:GetParameters", "kms:Decrypt"} & actions


@pytest.mark.parametrize(("queue", "function"), [("builds", "orchestrator"), ("releases", "release")])
def test_a_queue_calls_its_function_one_message_at_a_time(queue: str, function: str) -> None:
    """P4."""
    mapping = recording("dev").one("aws:lambda/eventSourceMapping:EventSourceMapping", function).inputs
    assert mapping["eventSourceArn"].rsplit(":", 1)[1].startswith(f"anchor-dev-{queue}")
    assert mapping["batchSize"] == 1
    assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(("queue", "function"), [("builds", "orchestrator"), ("releases", "release")])
def test_a_function_knows_after_how_many_receives_its_queue_gives_up(queue: str, function: str) -> None:
    """With another number the last failure would never be told, or the first one would be the last."""
    recorded = recording("dev")
    redrive = json.loads(recorded.one("aws:sqs/queue:Queue", queue).inputs["redrivePolicy"])
    variables = recorded.one(FUNCTION, function).inputs["environment"]["variables"]
    assert variables["MAX_RECEIVE_COUNT"] == str(redrive["maxReceiveCount"])


def test_every_end_of_a_sites_build_is_told_to_build_events() -> None:
    """P7."""
    recorded = recording("dev")
    rule = recorded.one("aws:cloudwatch/eventRule:EventRule", "build-ended")
    pattern: dict[str, Any] = json.loads(rule.inputs["eventPattern"])
    assert pattern["source"] == ["aws.codebuild"]
    assert pattern["detail"] == {
        "project-name": [{"prefix": EVERY_SITE}],
        "build-status": ["SUCCEEDED", "FAILED", "FAULT", "STOPPED", "TIMED_OUT"],
    }
    target = recorded.one("aws:cloudwatch/eventTarget:EventTarget", "build-ended")
    assert target.inputs["arn"].endswith(":function:anchor-dev-build-events")
    permission = recorded.one("aws:lambda/permission:Permission", "build-events-build-ended").inputs
    assert permission["principal"] == "events.amazonaws.com"
