"""Helpers for tests of the emulator. Most of them create or use the Lambda function `probe`."""

import io
import json
import textwrap
import time
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from local.emulator.emulator import Emulator

T = TypeVar("T")


def make_zip(files: Mapping[str, str | bytes]) -> bytes:
    """Return a zip file with these files. Common indentation is removed from text files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, textwrap.dedent(content) if isinstance(content, str) else content)
    return buffer.getvalue()


def make_policy(actions: str | list[str], resource: str | list[str]) -> dict[str, Any]:
    """Return a policy with one statement, which allows the actions on the resources."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}],
    }


def make_role(emulator: Emulator, name: str = "probe", policy: Mapping[str, Any] | None = None) -> str:
    """Create a role that Lambda and CodeBuild may assume, and return its ARN."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["lambda.amazonaws.com", "codebuild.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = emulator.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    if policy:
        put_policy(emulator, policy, name)
    arn: str = role["Role"]["Arn"]
    return arn


def put_policy(emulator: Emulator, policy: Mapping[str, Any], role: str = "probe") -> None:
    """Replace the inline policy of a role."""
    emulator.client("iam").put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(policy))


def make_function(
    emulator: Emulator,
    code: str = "",
    *,
    runtime: str = "python3.13",
    policy: Mapping[str, Any] | None = None,
    **options: object,
) -> str:
    """Create the function `probe`, whose code is one file that defines `handle`, and return its ARN."""
    file = "probe.py" if runtime.startswith("python") else "probe.mjs"
    created = emulator.client("lambda").create_function(
        FunctionName="probe",
        Runtime=runtime,
        Handler="probe.handle",
        Role=make_role(emulator, policy=policy),
        Code={"ZipFile": make_zip({file: code})},
        Timeout=10,
        **options,
    )
    arn: str = created["FunctionArn"]
    return arn


def allow_rule_to_invoke(emulator: Emulator, rule_arn: str) -> None:
    """Allow an EventBridge rule to call the function `probe`."""
    emulator.client("lambda").add_permission(
        FunctionName="probe",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule_arn,
    )


def invoke_probe(emulator: Emulator, event: object = None) -> Any:  # noqa: ANN401 - any JSON
    """Invoke the function `probe`, and return its result."""
    answer = emulator.client("lambda").invoke(FunctionName="probe", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def read_log_messages(emulator: Emulator) -> list[str]:
    """Return the messages in the log group of the function `probe`."""
    events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/probe")["events"]
    return [event["message"].strip() for event in events]


def wait_for_result(check: Callable[[], T], seconds: float = 10.0) -> T:
    """Call `check` until its result is true, and return the result.

    Tests need this because the emulator does some of its work in other threads.
    """
    deadline = time.monotonic() + seconds
    while not (seen := check()):
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.01)
    return seen
