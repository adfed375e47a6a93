"""Functions: role, log group, grants, event sources and schedules."""

import json
from typing import Any

import pulumi
import pytest

from components.aws.function import Function, FunctionArgs, NodeFunction, PythonFunction, PythonFunctionArgs
from components.aws.queue import DeadLetterQueue, DeadLetterQueueArgs, Queue, QueueArgs
from components.core.errors import DeclarationError
from components.core.grants import Grant
from tests.components.recorder import Recording, record_program
from tests.components.stages import make_scope

FUNCTION = "aws:lambda/function:Function"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
GRANT = Grant(
    actions=("sqs:SendMessage",), resources=("arn:aws:sqs:::work",), conditions={"Bool": {"a": "true"}}
)
CODE = pulumi.AssetArchive({"main.py": pulumi.StringAsset("def handle(event, context): ...\n")})


def make_python_function(
    name: str = "hook",
    *,
    stage: str = "dev",
    **arguments: Any,  # noqa: ANN401
) -> Function:
    defaults: dict[str, Any] = {
        "handler": "main.handle",
        "timeout": 10,
        "memory": 256,
        "environment": {"ONE": "1"},
    }
    args = PythonFunctionArgs(scope=make_scope(stage), code=CODE, **{**defaults, **arguments})
    return PythonFunction(name, args)


def make_node_function(name: str = "site-shop-server", *, stage: str = "dev") -> Function:
    args = FunctionArgs(scope=make_scope(stage), handler="anchor-origin.handler", timeout=30, memory=1024)
    return NodeFunction(name, args)


def record_function(**arguments: Any) -> Recording:  # noqa: ANN401
    return record_program(lambda: make_python_function(**arguments))


def test_a_platform_function_uses_the_runtime_of_the_stage() -> None:
    inputs = record_function(layers=("arn:layer",)).find_resource(FUNCTION, "hook").inputs
    assert inputs["name"] == "anchor-dev-hook"
    assert (inputs["runtime"], inputs["architectures"], inputs["handler"]) == (
        "python3.13",
        ["arm64"],
        "main.handle",
    )
    assert (inputs["timeout"], inputs["memorySize"], inputs["layers"]) == (10, 256, ["arn:layer"])
    assert inputs["environment"] == {"variables": {"ONE": "1", "FUNCTION_TIMEOUT": "10"}}
    assert list(inputs["code"]["archive"]) == ["main.py"]


def test_a_function_has_its_own_role_and_log_group() -> None:
    recorded = record_function()
    role = recorded.find_resource("aws:iam/role:Role", "hook").inputs
    assert role["name"] == "anchor-dev-hook"
    assert json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"] == {
        "Service": "lambda.amazonaws.com"
    }
    log_group = recorded.find_resource("aws:cloudwatch/logGroup:LogGroup", "hook").inputs
    assert (log_group["name"], log_group["retentionInDays"]) == ("/aws/lambda/anchor-dev-hook", 14)
    inputs = recorded.find_resource(FUNCTION, "hook").inputs
    assert inputs["loggingConfig"] == {"logFormat": "Text", "logGroup": "/aws/lambda/anchor-dev-hook"}
    assert inputs["role"] == "arn:aws:iam::123456789012:role/anchor-dev-hook"


def test_a_role_allows_logging_tracing_and_the_grants() -> None:
    policy = json.loads(
        record_function(grants=(GRANT,))
        .find_resource("aws:iam/rolePolicy:RolePolicy", "hook")
        .inputs["policy"]
    )
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": ["arn:aws:logs:ap-southeast-1:123456789012:log-group:/aws/lambda/anchor-dev-hook:*"],
        },
        {
            "Effect": "Allow",
            "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
            "Resource": ["*"],
        },
        {
            "Effect": "Allow",
            "Action": ["sqs:SendMessage"],
            "Resource": ["arn:aws:sqs:::work"],
            "Condition": {"Bool": {"a": "true"}},
        },
    ]


def test_only_platform_functions_are_traced() -> None:
    """Q2: functions of sites run much more often, and their traces would contain data of visitors."""
    assert record_function().find_resource(FUNCTION, "hook").inputs["tracingConfig"] == {"mode": "Active"}
    assert (
        "tracingConfig"
        not in record_program(make_node_function).find_resource(FUNCTION, "site-shop-server").inputs
    )


def test_an_event_moves_to_the_dead_letter_queue_after_three_attempts() -> None:
    """Requirement I2."""

    def define_resources() -> None:
        dead = DeadLetterQueue("hook-dead", DeadLetterQueueArgs(scope=make_scope()))
        make_python_function(grants=(dead.grant_send(),)).send_failures_to(dead)

    recorded = record_program(define_resources)
    (config,) = recorded.find_by_type("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    assert config.inputs == {
        "functionName": "anchor-dev-hook",
        "maximumRetryAttempts": 2,
        "maximumEventAgeInSeconds": 6 * 3600,
        "destinationConfig": {
            "onFailure": {"destination": "arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-hook-dead"}
        },
    }


def test_pulumi_does_not_reset_released_code() -> None:
    """Requirement G8."""
    function = record_program(make_node_function).find_resource(FUNCTION, "site-shop-server")
    assert set(function.ignore_changes) == {"code", "environment", "layers"}
    assert list(function.inputs["code"]["archive"]) == ["anchor-origin.mjs"]


def test_pulumi_encrypts_the_environment_of_site_functions_in_its_state() -> None:
    """G11: a release stores secrets in the environment, and `pulumi refresh` copies it to the state."""
    function = record_program(make_node_function).find_resource(FUNCTION, "site-shop-server")
    assert set(function.secret_outputs) == {"environment"}


@pytest.mark.parametrize("timeout", [0, 901])
def test_an_invalid_timeout_is_refused(timeout: int) -> None:
    with pytest.raises(DeclarationError, match="Lambda allows 1 to 900"):
        record_function(timeout=timeout)


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"A": "1"}, "variable 'A'; Lambda allows names of at least two"),
        ({"_HANDLER": "1"}, "variable '_HANDLER'; Lambda allows names"),
        ({"A-B": "1"}, "variable 'A-B'; Lambda allows names"),
        ({"AWS_REGION": "x"}, "'AWS_REGION', which Lambda itself sets"),
        ({"AWS_LAMBDA_FUNCTION_NAME": "x"}, "'AWS_LAMBDA_FUNCTION_NAME', which Lambda itself sets"),
        ({"ONE": "x" * 4063}, "have 4097 bytes; Lambda allows 4096"),
        ({"TWO": "", "ONE": "ü" * 2027}, "have 4097 bytes"),
    ],
)
def test_variables_that_lambda_refuses_are_refused(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        record_function(environment=environment)


def test_a_long_function_name_is_refused() -> None:
    with pytest.raises(DeclarationError, match="has 65 characters; Lambda allows 64"):
        record_function(name="x" * 54)


def record_consumer(
    visibility_timeout: int = 60, *, max_receive_count: int = 5, max_concurrency: int = 2
) -> Recording:
    def define_resources() -> None:
        queue = Queue(
            "work",
            QueueArgs(
                scope=make_scope(), visibility_timeout=visibility_timeout, max_receive_count=max_receive_count
            ),
        )
        function = make_python_function(grants=(queue.grant_consume(),))
        function.consume(queue, batch_size=5, max_concurrency=max_concurrency)

    return record_program(define_resources)


def test_a_consumer_reports_failed_messages() -> None:
    """Requirement P4."""
    mapping = record_consumer().find_resource(MAPPING, "hook").inputs
    assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["batchSize"] == 5
    assert mapping["eventSourceArn"] == "arn:aws:sqs:ap-southeast-1:123456789012:anchor-dev-work"


def test_a_short_visibility_timeout_is_refused() -> None:
    """Requirement P4."""
    with pytest.raises(DeclarationError, match="use at least 60 s"):
        record_consumer(59)


def test_a_consumer_processes_a_limited_number_of_batches_at_the_same_time() -> None:
    """P4: at the limit, Lambda leaves further messages in the queue. They do not count as received."""
    mapping = record_consumer(max_concurrency=7).find_resource(MAPPING, "hook").inputs
    assert mapping["scalingConfig"] == {"maximumConcurrency": 7}


@pytest.mark.parametrize("max_concurrency", [0, 1, 1001])
def test_a_concurrency_outside_the_limits_of_lambda_is_refused(max_concurrency: int) -> None:
    with pytest.raises(
        DeclarationError, match=f"max_concurrency of {max_concurrency}; Lambda allows 2 to 1000"
    ):
        record_consumer(max_concurrency=max_concurrency)


def test_a_consumed_queue_with_a_low_max_receive_count_is_refused() -> None:
    """P4: a message counts as received even if Lambda throttles the function, so it needs more attempts."""
    with pytest.raises(DeclarationError, match="permits 4 receives of a message; use at least 5"):
        record_consumer(max_receive_count=4)


def test_allow_recursion_sets_recursive_loop_to_allow() -> None:
    """P4: without this setting, Lambda drops a message after about 16 calls in one chain of messages."""
    recorded = record_program(lambda: make_python_function().allow_recursion())
    (setting,) = recorded.find_by_type("aws:lambda/functionRecursionConfig:FunctionRecursionConfig")
    assert setting.inputs == {"functionName": "anchor-dev-hook", "recursiveLoop": "Allow"}


def test_a_service_may_call_a_function_for_one_resource_only() -> None:
    recorded = record_program(
        lambda: make_python_function().allow_invoke(
            "rule", service="events.amazonaws.com", source_arn="arn:aws:events:::rule/a"
        )
    )
    inputs = recorded.find_resource("aws:lambda/permission:Permission", "hook-rule").inputs
    assert inputs["sourceArn"] == "arn:aws:events:::rule/a"
    assert (inputs["principal"], inputs["action"]) == ("events.amazonaws.com", "lambda:InvokeFunction")
    assert inputs["statementId"] == "rule"


def test_a_scheduled_call_is_not_repeated_when_it_fails() -> None:
    """Requirement P9."""
    recorded = record_program(lambda: make_python_function().schedule("hourly", "rate(1 hour)"))
    rule = recorded.find_resource("aws:cloudwatch/eventRule:EventRule", "hook-hourly").inputs
    assert (rule["name"], rule["scheduleExpression"]) == ("anchor-dev-hook-hourly", "rate(1 hour)")
    target = recorded.find_resource("aws:cloudwatch/eventTarget:EventTarget", "hook-hourly").inputs
    assert (target["rule"], target["targetId"]) == ("anchor-dev-hook-hourly", "hook")
    assert target["arn"].endswith(":function:anchor-dev-hook")
    permission = recorded.find_resource("aws:lambda/permission:Permission", "hook-hourly").inputs
    assert permission["principal"] == "events.amazonaws.com"
    assert permission["sourceArn"].endswith("/anchor-dev-hook-hourly")
    (config,) = recorded.find_by_type("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    assert (config.inputs["maximumRetryAttempts"], config.inputs["maximumEventAgeInSeconds"]) == (0, 60)


@pytest.mark.parametrize(
    "schedule",
    ["rate(1 minutes)", "rate(2 minute)", "rate(0 hours)", "rate(30 seconds)", "hourly", "cron(0 3 * *)"],
)
def test_an_invalid_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(DeclarationError, match="six fields"):
        record_program(lambda: make_python_function().schedule("often", schedule))


@pytest.mark.parametrize(
    "schedule", ["rate(1 minute)", "rate(10 hours)", "rate(7 days)", "cron(0 3 * * ? *)"]
)
def test_a_valid_schedule_is_accepted(schedule: str) -> None:
    recorded = record_program(lambda: make_python_function().schedule("often", schedule))
    (rule,) = recorded.find_by_type("aws:cloudwatch/eventRule:EventRule")
    assert rule.inputs["scheduleExpression"] == schedule


def test_a_long_rule_name_is_refused() -> None:
    with pytest.raises(DeclarationError, match="EventBridge allows 64"):
        record_program(lambda: make_python_function().schedule("x" * 50, "rate(1 minute)"))
