"""Checks of what the functions have done: their logs, the rows of builds, and the alarms."""

from typing import Final

from first_account.model import (
    CLOUDFRONT_REGION,
    Check,
    Finding,
    Permission,
    Stage,
    create_finding,
    create_pending_finding,
)

_LOG_GROUPS: Final = "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/lambda/anchor-STAGE-*"
_READ_LOGS: Final = (
    Permission(action="lambda:ListFunctions"),
    Permission(action="logs:FilterLogEvents", resource=_LOG_GROUPS),
)
_BUILDS: Final = "BUILDS"


def describe_log_matches(stage: Stage, *words: str, functions: tuple[str, ...] = ()) -> list[str]:
    """Return one text for each platform function whose log has lines with all of these words.

    A text contains the number of lines, such as "3 lines in the log of anchor-dev-api".

    Args:
        stage: The stage.
        words: The words.
        functions: Names of functions, without the prefix of the stage. By default, all functions except those
            of sites are searched.
    """
    client = stage.client("logs")
    pattern = " ".join(f'"{word}"' for word in words)
    found: list[str] = []
    for function in stage.list_functions():
        name = function["FunctionName"].removeprefix(f"{stage.prefix}-")
        if name.startswith("site-") or (functions and name not in functions):
            continue
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{stage.prefix}-{name}", filterPattern=pattern
        )
        count = sum(
            all(word in event["message"] for word in words) for page in pages for event in page["events"]
        )
        if count:
            found.append(f"{count} lines in the log of {stage.prefix}-{name}")
    return found


def check_permissions(stage: Stage) -> Finding:
    """Check that IAM has refused no call of a function."""
    return create_finding(describe_log_matches(stage, "AccessDenied"), "no refused call")


def check_call_parameters(stage: Stage) -> Finding:
    """Check that boto3 has refused no AWS call of a function because of an unknown parameter."""
    return create_finding(describe_log_matches(stage, "ParamValidationError"), "no unknown parameter")


def check_secret_rate(stage: Stage) -> Finding:
    """Check that Parameter Store has not refused writes because of their rate."""
    setting = stage.client("ssm").get_service_setting(
        SettingId="/ssm/parameter-store/high-throughput-enabled"
    )["ServiceSetting"]["SettingValue"]
    problems = describe_log_matches(
        stage, "ThrottlingException", "PutParameter", functions=("api", "orchestrator")
    )
    return create_finding(problems, f"no write was refused (higher throughput: {setting})")


def check_build_row_deletion(stage: Stage) -> Finding:
    """Check that the functions may delete rows of builds in transactions with rows of projects."""
    refused = describe_log_matches(
        stage, "AccessDenied", functions=("orchestrator", "build-events", "sweep", "release", "api")
    )
    if refused:
        return create_finding(refused, "")
    rows = stage.client("dynamodb").query(
        TableName=stage.outputs["tables"]["projects"]["name"],
        KeyConditionExpression="projectId = :builds",
        ExpressionAttributeValues={":builds": {"S": _BUILDS}},
        Limit=1,
    )["Items"]
    if rows:
        return create_finding([], "a build was recorded")
    return create_pending_finding("no build was recorded")


def check_alarms(stage: Stage) -> Finding:
    """Check that no alarm is active."""
    problems: list[str] = []
    count = 0
    for region in dict.fromkeys((stage.region, CLOUDFRONT_REGION)):
        pages = (
            stage.client("cloudwatch", region)
            .get_paginator("describe_alarms")
            .paginate(AlarmNamePrefix=f"{stage.prefix}-")
        )
        for alarm in (each for page in pages for each in page["MetricAlarms"]):
            if not stage.has_resource(alarm["AlarmName"]):
                continue
            count += 1
            if alarm["StateValue"] == "ALARM":
                problems.append(f"{alarm['AlarmName']} is active in {region}")
    return create_finding(problems, f"{count} alarms, none of them active")


CHECKS: Final = (
    Check(
        name="permissions",
        fact="IAM has refused no call of a function of the platform.",
        run=check_permissions,
        permissions=_READ_LOGS,
        advice="The log line names the action. Report it: a permission of components/ is missing.",
    ),
    Check(
        name="parameters",
        fact="boto3 knows all parameters that the functions send.",
        run=check_call_parameters,
        permissions=_READ_LOGS,
        advice="Run `make package`, then `pulumi up`, so that the layer contains the tested boto3.",
    ),
    Check(
        name="rate of secrets",
        fact="Parameter Store has accepted all secrets of sites.",
        run=check_secret_rate,
        permissions=(
            *_READ_LOGS,
            Permission(
                action="ssm:GetServiceSetting",
                resource="arn:aws:ssm:REGION:ACCOUNT:servicesetting/ssm/parameter-store/high-throughput-enabled",
            ),
        ),
        advice="Enable the higher throughput of Parameter Store, which AWS charges per call.",
    ),
    Check(
        name="rows of builds",
        fact="`dynamodb:LeadingKeys` lets a transaction change a row of builds and a row of a project.",
        run=check_build_row_deletion,
        permissions=(
            *_READ_LOGS,
            Permission(
                action="dynamodb:Query",
                resource="arn:aws:dynamodb:REGION:ACCOUNT:table/anchor-STAGE-projects",
                condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [_BUILDS]}},
            ),
        ),
        advice="Report the refused call: the condition in components/deploy/store.py must be changed.",
    ),
    Check(
        name="alarms",
        fact="No alarm is active.",
        run=check_alarms,
        permissions=(Permission(action="cloudwatch:DescribeAlarms"),),
        advice="The alarm's description links to its section of docs/operations.md.",
    ),
)
