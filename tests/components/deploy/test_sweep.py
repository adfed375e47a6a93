"""DeploymentSweep: schedule and permissions."""

from tests.components.policies import read_policy_statements
from tests.components.recorder import get_recording


def test_the_sweep_runs_once_a_minute() -> None:
    """Requirement P9."""
    recorded = get_recording("dev")
    rule = recorded.find_resource("aws:cloudwatch/eventRule:EventRule", "sweep-every-minute").inputs
    assert rule["scheduleExpression"] == "rate(1 minute)"
    target = recorded.find_resource("aws:cloudwatch/eventTarget:EventTarget", "sweep-every-minute").inputs
    assert target["arn"].endswith(":function:anchor-dev-sweep")
    function = recorded.find_resource("aws:lambda/function:Function", "sweep").inputs
    assert function["handler"] == "runtime.deploy.handlers.sweep.handle"
    assert function["environment"]["variables"].keys() == {
        "PROJECTS_TABLE",
        "DEPLOYMENTS_TABLE",
        "BUILD_QUEUE_URL",
        "CONCURRENT_BUILDS",
        "FUNCTION_TIMEOUT",
        "RELEASE_QUEUE_URL",
    }


def test_the_sweep_may_only_send_messages_and_read_builds() -> None:
    """Requirements P6 and P9."""
    actions = {
        action
        for statement in read_policy_statements(get_recording("dev"))
        if statement.resource_urn.endswith("$aws:iam/rolePolicy:RolePolicy::sweep")
        for action in statement.actions
    }
    assert {action for action in actions if action.startswith(("codebuild:", "sqs:"))} == {
        "codebuild:BatchGetBuilds",
        "codebuild:ListBuildsForProject",
        "sqs:SendMessage",
    }
    assert not {action for action in actions if action.startswith(("lambda:", "s3:", "ssm:", "cloudfront"))}
