"""BuildPipeline and PlatformApi: variables and permissions of each function."""

import json
from fnmatch import fnmatch
from typing import Any

import pytest

from tests.components.policies import read_policy_statements
from tests.components.recorder import get_recording, record_main_program

FUNCTION = "aws:lambda/function:Function"
PROJECT = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
SITE_PREFIX = "anchor-dev-site-"

DEPLOYMENT_QUOTAS = {
    "MAX_BUILD_MINUTES_PER_DAY",
    "MAX_MANUAL_DEPLOYMENTS_PER_HOUR",
    "MAX_QUEUED_DEPLOYMENTS",
}
VARIABLES = {
    "webhook": {"AUDIT_TABLE", "BUILD_QUEUE_URL", "SIGNING_KEY_ARN"} | DEPLOYMENT_QUOTAS,
    "orchestrator": {
        "ARTIFACTS_BUCKET",
        "BUILD_QUEUE_URL",
        "CONCURRENT_BUILDS",
        "DEPLOY_KEYS_PATH",
        "MAX_RECEIVE_COUNT",
        "SECRETS_KEY_ARN",
        "SIGNING_KEY_ARN",
    },
    "build-events": {"BUILD_QUEUE_URL", "CONCURRENT_BUILDS", "RELEASE_QUEUE_URL"},
    "release": {
        "ARTIFACTS_BUCKET",
        "ASSETS_BUCKET",
        "AUDIT_TABLE",
        "EDGE_RELEASE_BYTES",
        "KEPT_RELEASES",
        "KEY_VALUE_STORE_ARN",
        "MAX_RECEIVE_COUNT",
        "SECRETS_KEY_ARN",
        "SIGNING_KEY_ARN",
    },
    "promote": {
        "ASSETS_BUCKET",
        "AUDIT_TABLE",
        "DEPLOY_KEYS_PATH",
        "KEY_VALUE_STORE_ARN",
        "MAX_PROMOTIONS_PER_MINUTE",
        "SECRETS_KEY_ARN",
    },
    "api": {
        "AUDIT_TABLE",
        "SIGNING_KEY_ARN",
        "SECRETS_KEY_ARN",
        "API_ENDPOINT",
        "BUILD_QUEUE_URL",
        "CONCURRENT_BUILDS",
        "LOGS_BUCKET",
        "MAX_PROJECTS",
    }
    | DEPLOYMENT_QUOTAS,
}
TIMEOUTS = {"webhook": 10, "orchestrator": 60, "build-events": 60, "release": 300, "promote": 30, "api": 15}


def list_permissions(function: str) -> list[tuple[set[str], list[str]]]:
    """Return the actions and resources of each statement of a function's role."""
    return [
        (set(statement.actions), statement.resources)
        for statement in read_policy_statements(get_recording("dev"))
        if statement.resource_urn.endswith(f"$aws:iam/rolePolicy:RolePolicy::{function}")
    ]


@pytest.mark.parametrize("function", VARIABLES)
def test_each_function_has_its_environment_variables(function: str) -> None:
    inputs = get_recording("dev").find_resource(FUNCTION, function).inputs
    assert inputs["handler"] == f"runtime.deploy.handlers.{function.replace('-', '_')}.handle"
    assert inputs["timeout"] == TIMEOUTS[function]
    variables = inputs["environment"]["variables"]
    assert (
        variables.keys() == {"PROJECTS_TABLE", "DEPLOYMENTS_TABLE", "FUNCTION_TIMEOUT"} | VARIABLES[function]
    )
    assert all(variables.values())


def test_the_functions_get_the_quotas_of_the_stage() -> None:
    """Requirement X21."""
    quotas = {
        "projects": 2,
        "queuedDeployments": 3,
        "pendingImages": 4,
        "storedImages": 5,
        "storedMegabytes": 60,
        "promotionsPerMinute": 7,
        "manualDeploymentsPerHour": 8,
        "buildMinutesPerDay": 9,
        "imageDeletionsPerDay": 10,
    }
    variables = {
        name: value
        for resource in record_main_program("dev", {"quotas": quotas}).resources
        if resource.type == FUNCTION
        for name, value in resource.inputs.get("environment", {}).get("variables", {}).items()
        if name.startswith("MAX_") and name != "MAX_RECEIVE_COUNT"
    }
    assert variables == {
        "MAX_PROJECTS": "2",
        "MAX_QUEUED_DEPLOYMENTS": "3",
        "MAX_PENDING_IMAGES": "4",
        "MAX_STORED_IMAGES": "5",
        "MAX_STORED_BYTES": str(60 * 1024 * 1024),
        "MAX_PROMOTIONS_PER_MINUTE": "7",
        "MAX_MANUAL_DEPLOYMENTS_PER_HOUR": "8",
        "MAX_BUILD_MINUTES_PER_DAY": "9",
        "MAX_IMAGE_DELETIONS_PER_DAY": "10",
    }


@pytest.mark.parametrize("function", VARIABLES)
def test_no_function_may_pass_a_role_or_change_permissions(function: str) -> None:
    """P6: an attacker who controls a function cannot gain the permissions of another function."""
    actions = {action for granted, _ in list_permissions(function) for action in granted}
    assert actions
    assert not {action for action in actions if action.startswith(("iam:", "sts:"))}


def test_only_the_orchestrator_may_read_deploy_keys_and_no_role_of_a_site() -> None:
    """H6, P6: code of a repository has the rights of a site's build role."""
    keys = "arn:aws:ssm:ap-southeast-1:123456789012:parameter/anchor/dev/deploy-keys/*"
    handovers = "arn:aws:s3:::anchor-dev-123456789012-artifacts/deploy-keys/*"
    readers = {
        statement.resource_urn.rpartition("::")[2]
        for statement in read_policy_statements(get_recording("dev"))
        for resource in statement.resources
        if ("ssm:GetParameters" in statement.actions and fnmatch(keys, resource))
        or ("s3:GetObject" in statement.actions and fnmatch(handovers, resource))
    }
    assert readers == {"orchestrator"}


def test_only_the_release_function_may_change_functions() -> None:
    writers = {
        function
        for function in VARIABLES
        for actions, _ in list_permissions(function)
        if actions & {"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"}
    }
    assert writers == {"release"}


def test_the_release_function_may_change_only_functions_of_sites() -> None:
    (resources,) = [
        resources for actions, resources in list_permissions("release") if "lambda:PublishVersion" in actions
    ]
    assert resources == ["arn:aws:lambda:ap-southeast-1:123456789012:function:anchor-dev-site-*"]


def test_only_release_and_promote_may_switch_releases() -> None:
    """Requirement D3."""
    writers = {
        function
        for function in VARIABLES
        for actions, _ in list_permissions(function)
        if "cloudfront-keyvaluestore:PutKey" in actions
    }
    assert writers == {"release", "promote"}


@pytest.mark.parametrize("function", ["api", "build-events", "orchestrator", "sweep"])
@pytest.mark.parametrize(
    ("keys", "transaction", "allowed"),
    [
        (("BUILDS",), False, True),
        (("BUILDS",), True, True),
        # AWS does not document which keys IAM compares for one operation of a transaction: only the keys
        # of this operation, or the keys of all operations. This test case has the keys of all operations.
        (("BUILDS", PROJECT), True, True),
        ((PROJECT,), False, False),
        ((PROJECT,), True, False),
        ((), False, False),
    ],
)
def test_functions_may_delete_rows_of_the_build_schedule_but_no_project(
    function: str, keys: tuple[str, ...], *, transaction: bool, allowed: bool
) -> None:
    """The rows of the build schedule are in a partition of the projects table."""
    context = {
        "dynamodb:LeadingKeys": keys,
        "dynamodb:EnclosingOperation": ("TransactWriteItems",) if transaction else (),
    }
    conditions = list_delete_conditions(function)
    assert any(meets_conditions(condition, context) for condition in conditions) is allowed


def test_promote_may_delete_projects() -> None:
    assert list_delete_conditions("promote") == [{}]


def list_delete_conditions(function: str) -> list[dict[str, Any]]:
    """Return the conditions of the statements that allow a function to delete rows of the projects table."""
    table = "arn:aws:dynamodb:ap-southeast-1:123456789012:table/anchor-dev-projects"
    return [
        statement.document.get("Condition", {})
        for statement in read_policy_statements(get_recording("dev"))
        if "dynamodb:DeleteItem" in statement.actions
        and table in statement.resources
        and statement.resource_urn.rpartition("::")[2] == function
    ]


def meets_conditions(conditions: dict[str, dict[str, str]], context: dict[str, tuple[str, ...]]) -> bool:
    """Return whether a request meets conditions that use IAM's set operators.

    In IAM, a `ForAllValues` condition also holds for a request without the condition key. This function
    returns False for such a request, because DynamoDB's actions on rows always have the key.
    """
    quantifiers = {
        "ForAllValues:StringEquals": lambda values, wanted: bool(values) and set(values) <= {wanted},
        "ForAnyValue:StringEquals": lambda values, wanted: wanted in values,
    }
    return all(
        quantifiers[operator](context[key], wanted)
        for operator, wanted_values in conditions.items()
        for key, wanted in wanted_values.items()
    )


def test_the_api_may_write_secrets_but_not_read_them() -> None:
    """Requirement A4."""
    actions = {action for granted, _ in list_permissions("api") for action in granted}
    assert {"ssm:PutParameter", "kms:Encrypt"} <= actions
    assert not {"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "kms:Decrypt"} & actions


def test_promote_may_delete_secrets_but_not_read_them() -> None:
    """Requirement A4."""
    actions = {action for granted, _ in list_permissions("promote") for action in granted}
    assert "ssm:DeleteParameters" in actions
    assert not {"ssm:GetParameter", "ssm:GetParameters", "kms:Decrypt"} & actions


@pytest.mark.parametrize(("queue", "function"), [("builds", "orchestrator"), ("releases", "release")])
def test_a_queue_calls_its_function_with_one_message_at_a_time(queue: str, function: str) -> None:
    """Requirement P4."""
    mapping = (
        get_recording("dev")
        .find_resource("aws:lambda/eventSourceMapping:EventSourceMapping", function)
        .inputs
    )
    assert mapping["eventSourceArn"].rsplit(":", 1)[1].startswith(f"anchor-dev-{queue}")
    assert mapping["batchSize"] == 1
    assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(("queue", "function"), [("builds", "orchestrator"), ("releases", "release")])
def test_a_function_gets_the_maximum_receive_count_of_its_queue(queue: str, function: str) -> None:
    """With another number, the function would treat the wrong delivery of a message as the last one."""
    recorded = get_recording("dev")
    redrive = json.loads(recorded.find_resource("aws:sqs/queue:Queue", queue).inputs["redrivePolicy"])
    variables = recorded.find_resource(FUNCTION, function).inputs["environment"]["variables"]
    assert variables["MAX_RECEIVE_COUNT"] == str(redrive["maxReceiveCount"])


def test_the_build_events_function_receives_the_end_of_every_build() -> None:
    """Requirement P7."""
    recorded = get_recording("dev")
    rule = recorded.find_resource("aws:cloudwatch/eventRule:EventRule", "build-ended")
    pattern: dict[str, Any] = json.loads(rule.inputs["eventPattern"])
    assert pattern["source"] == ["aws.codebuild"]
    assert pattern["detail"] == {
        "project-name": [{"prefix": SITE_PREFIX}],
        "build-status": ["SUCCEEDED", "FAILED", "FAULT", "STOPPED", "TIMED_OUT"],
    }
    target = recorded.find_resource("aws:cloudwatch/eventTarget:EventTarget", "build-ended")
    assert target.inputs["arn"].endswith(":function:anchor-dev-build-events")
    permission = recorded.find_resource("aws:lambda/permission:Permission", "build-events-build-ended").inputs
    assert permission["principal"] == "events.amazonaws.com"
