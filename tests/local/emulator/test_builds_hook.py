"""The API of the embedded CodeBuild: overrides, idempotency tokens, and events of builds (P5, P7)."""

import datetime as dt
import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator.build_request import BuildArtifacts, BuildPhase, EnvironmentVariable, PhaseContext
from local.emulator.emulator import BuildRequest, BuildResult, Emulator, NodeInvocation, NodeResult
from tests.local.emulator.probe import allow_rule_to_invoke, make_function, make_role, wait_for_result

STARTED = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
ENDED = dt.datetime(2026, 1, 2, 13, 4, 15, tzinfo=dt.UTC)
Client = Any  # boto3's clients have no types


def succeed_build(_request: BuildRequest) -> BuildResult:
    phase = BuildPhase(type="BUILD", started_at=STARTED, ended_at=ENDED, status="SUCCEEDED")
    return BuildResult(status="SUCCEEDED", phases=(phase,))


@pytest.fixture
def codebuild(emulator: Emulator) -> Client:
    client = emulator.client("codebuild")
    client.create_project(
        name="site",
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        artifacts={"type": "S3", "location": "artifacts", "path": "artifacts/default", "packaging": "NONE"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [
                {"name": "ANCHOR_LAMBDA_ARCH", "value": "x64"},
                {"name": "CI", "value": "of the project"},
            ],
        },
        serviceRole=make_role(emulator, "build"),
        timeoutInMinutes=30,
        queuedTimeoutInMinutes=60,
        cache={"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]},
        logsConfig={"s3Logs": {"status": "ENABLED", "location": "logs/logs/builds/site"}},
    )
    return client


@pytest.fixture
def events(emulator: Emulator) -> list[dict[str, Any]]:
    """The build events that a function receives from EventBridge."""
    seen: list[dict[str, Any]] = []

    def record_event(invocation: NodeInvocation) -> NodeResult:
        seen.append(invocation.event)
        return NodeResult()

    emulator.set_node_invoker(record_event)
    target = make_function(emulator, runtime="nodejs22.x")
    pattern = {"source": ["aws.codebuild"], "detail": {"project-name": [{"prefix": "sit"}]}}
    rule = emulator.client("events").put_rule(Name="builds", EventPattern=json.dumps(pattern))
    allow_rule_to_invoke(emulator, rule["RuleArn"])
    emulator.client("events").put_targets(Rule="builds", Targets=[{"Id": "1", "Arn": target}])
    return seen


def test_a_build_project_keeps_all_its_settings(codebuild: Client) -> None:
    (project,) = codebuild.batch_get_projects(names=["site"])["projects"]
    assert project["timeoutInMinutes"] == 30
    assert project["queuedTimeoutInMinutes"] == 60
    assert project["cache"]["type"] == "LOCAL"
    assert project["logsConfig"]["s3Logs"]["location"] == "logs/logs/builds/site"


def test_the_runner_gets_the_settings_of_the_project_with_the_overrides_of_the_build(
    emulator: Emulator, codebuild: Client
) -> None:
    requests: list[BuildRequest] = []

    def run_build(request: BuildRequest) -> BuildResult:
        requests.append(request)
        return succeed_build(request)

    emulator.set_build_runner(run_build)
    build = codebuild.start_build(
        projectName="site",
        environmentVariablesOverride=[
            {"name": "CI", "value": "of this build", "type": "PLAINTEXT"},
            {"name": "TOKEN", "value": "/anchor/token", "type": "PARAMETER_STORE"},
        ],
        artifactsOverride={
            "type": "S3",
            "location": "artifacts",
            "path": "artifacts/site",
            "name": "01J",
            "packaging": "NONE",
        },
    )["build"]
    wait_for_result(lambda: requests)
    (request,) = requests
    assert request.build_id == build["id"]
    assert request.environment_variables == (
        EnvironmentVariable(name="ANCHOR_LAMBDA_ARCH", value="x64"),
        EnvironmentVariable(name="CI", value="of this build"),
        EnvironmentVariable(name="TOKEN", value="/anchor/token", type="PARAMETER_STORE"),
    )
    assert request.artifacts == BuildArtifacts(location="artifacts", path="artifacts/site", name="01J")
    assert (request.log_group, request.log_stream) == ("/aws/codebuild/site", build["id"].partition(":")[2])
    assert request.log_archive == "logs/logs/builds/site"
    assert (request.timeout_minutes, request.buildspec) == (30, "version: 0.2")
    assert request.service_role_arn.endswith("role/build")


def test_a_build_is_in_progress_until_its_runner_returns(emulator: Emulator, codebuild: Client) -> None:
    may_end = threading.Event()

    def run_build(request: BuildRequest) -> BuildResult:
        may_end.wait(10)
        return succeed_build(request)

    emulator.set_build_runner(run_build)
    build = codebuild.start_build(projectName="site")["build"]
    assert build["buildStatus"] == "IN_PROGRESS"
    assert not build["buildComplete"]
    may_end.set()

    def find_ended_build() -> dict[str, Any] | None:
        (record,) = codebuild.batch_get_builds(ids=[build["id"]])["builds"]
        return record if record["buildComplete"] else None

    record = wait_for_result(find_ended_build)
    assert record["buildStatus"] == "SUCCEEDED"
    assert [phase["phaseType"] for phase in record["phases"]] == ["SUBMITTED", "QUEUED", "BUILD", "COMPLETED"]
    assert record["phases"][2]["durationInSeconds"] == 36_010


def test_the_same_token_gives_the_same_build_and_other_parameters_are_refused(
    emulator: Emulator, codebuild: Client
) -> None:
    """P5: the platform uses the deployment id as the token, so a retry does not start a second build."""
    emulator.set_build_runner(succeed_build)
    first = codebuild.start_build(projectName="site", idempotencyToken="01J")["build"]
    second = codebuild.start_build(projectName="site", idempotencyToken="01J")["build"]
    assert second["id"] == first["id"]
    assert len(codebuild.list_builds()["ids"]) == 1
    with pytest.raises(ClientError, match="InvalidInputException"):
        codebuild.start_build(projectName="site", idempotencyToken="01J", sourceVersion="other")


def test_a_failed_builds_event_has_the_phase_and_the_cause(
    emulator: Emulator, codebuild: Client, events: list[dict[str, Any]]
) -> None:
    def fail_build(_request: BuildRequest) -> BuildResult:
        context = PhaseContext(status_code="COMMAND_EXECUTION_ERROR", message="npm ci: exit status 1")
        phase = BuildPhase(
            type="INSTALL", started_at=STARTED, ended_at=ENDED, status="FAILED", contexts=(context,)
        )
        return BuildResult(status="FAILED", phases=(phase,))

    emulator.set_build_runner(fail_build)
    build = codebuild.start_build(
        projectName="site",
        environmentVariablesOverride=[{"name": "ANCHOR_DEPLOYMENT_ID", "value": "01J", "type": "PLAINTEXT"}],
    )["build"]
    wait_for_result(lambda: len(events) == 2)
    by_status = {event["detail"]["build-status"]: event for event in events}
    assert set(by_status) == {"IN_PROGRESS", "FAILED"}
    event = by_status["FAILED"]
    assert (event["source"], event["detail-type"]) == ("aws.codebuild", "CodeBuild Build State Change")
    assert event["resources"] == [build["arn"]]
    detail = event["detail"]
    assert (detail["build-id"], detail["project-name"]) == (build["arn"], "site")
    information = detail["additional-information"]
    variables = {
        variable["name"]: variable for variable in information["environment"]["environment-variables"]
    }
    assert variables["ANCHOR_DEPLOYMENT_ID"] == {
        "name": "ANCHOR_DEPLOYMENT_ID",
        "value": "01J",
        "type": "PLAINTEXT",
    }
    assert information["logs"] == {
        "group-name": "/aws/codebuild/site",
        "stream-name": build["id"].partition(":")[2],
    }
    assert information["build-complete"] is True
    install = information["phases"][2]
    assert install == {
        "phase-type": "INSTALL",
        "phase-status": "FAILED",
        "phase-context": ["COMMAND_EXECUTION_ERROR: npm ci: exit status 1"],
        "start-time": "Jan 2, 2026 3:04:05 AM",
        "end-time": "Jan 2, 2026 1:04:15 PM",
        "duration-in-seconds": 36_010,
    }


def test_stopping_a_build_notifies_its_runner(
    emulator: Emulator, codebuild: Client, events: list[dict[str, Any]]
) -> None:
    def run_build(request: BuildRequest) -> BuildResult:
        assert request.stop_requested.wait(10)
        return BuildResult(status="STOPPED", phases=())

    emulator.set_build_runner(run_build)
    build = codebuild.start_build(projectName="site")["build"]
    codebuild.stop_build(id=build["id"])
    wait_for_result(lambda: any(event["detail"]["build-status"] == "STOPPED" for event in events))


def test_an_error_of_the_runner_becomes_the_build_status_fault(
    emulator: Emulator, codebuild: Client, events: list[dict[str, Any]]
) -> None:
    def raise_os_error(_request: BuildRequest) -> BuildResult:
        raise OSError("no space left")

    emulator.set_build_runner(raise_os_error)
    codebuild.start_build(projectName="site")
    wait_for_result(lambda: any(event["detail"]["build-status"] == "FAULT" for event in events))
    event = next(event for event in events if event["detail"]["build-status"] == "FAULT")
    contexts = [phase["phase-context"] for phase in event["detail"]["additional-information"]["phases"]]
    assert ["INTERNAL_ERROR: OSError: no space left"] in contexts


def test_an_emulator_that_is_stopped_stops_its_builds(emulator: Emulator, codebuild: Client) -> None:
    stopped: list[bool] = []

    def run_build(request: BuildRequest) -> BuildResult:
        stopped.append(request.stop_requested.wait(10))
        return BuildResult(status="STOPPED", phases=())

    emulator.set_build_runner(run_build)
    codebuild.start_build(projectName="site")
    emulator.reset()
    assert stopped == [True]
