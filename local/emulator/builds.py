"""CodeBuild hooks for the emulator: the local runner runs the builds, and their state changes are published.

The emulator (ministack 1.5.33) reports every build as succeeded at once. It ignores the overrides and the
idempotency token of `StartBuild` and publishes no events. `install_build_hooks` replaces these parts.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import contextvars
import datetime as dt
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any, cast

from attrs import define, field, frozen
from ministack.core.responses import error_response_json, get_region, json_response
from ministack.services import codebuild, eventbridge

from local.emulator.build_request import (
    BuildArtifacts,
    BuildPhase,
    BuildRequest,
    BuildResult,
    BuildSource,
    EnvironmentVariable,
    PhaseContext,
    VariableType,
)

Json = dict[str, Any]
RunBuild = Callable[[BuildRequest], BuildResult]

# Fields of `CreateProject` that this module stores, because the emulator does not store them.
STORED_PROJECT_FIELDS = ("logsConfig", "cache", "queuedTimeoutInMinutes", "concurrentBuildLimit")
# Lifetime of an idempotency token: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
TOKEN_LIFETIME = dt.timedelta(minutes=5)
STOP_DEADLINE_SECONDS = 15.0


@frozen(kw_only=True)
class _StartToken:
    build_id: str
    parameters: str
    started_at: dt.datetime


@define(kw_only=True)
class BuildManager:
    """The builds of the running emulator and their runner."""

    run: RunBuild | None = None
    running: dict[str, tuple[BuildRequest, threading.Thread]] = field(factory=dict)
    tokens: dict[tuple[str, str], _StartToken] = field(factory=dict)
    lock: threading.Lock = field(factory=threading.Lock)

    def stop(self) -> None:
        """Stop all running builds. Wait until they have ended, but at most 15 seconds for each build."""
        running = list(self.running.values())
        for request, _thread in running:
            request.stop_requested.set()
        for _request, thread in running:
            thread.join(STOP_DEADLINE_SECONDS)


def install_build_hooks(builds: BuildManager) -> None:
    """Replace the emulator's `CreateProject`, `StartBuild` and `StopBuild`."""

    def start_build(data: Json) -> tuple[int, Json, bytes]:
        return _start_build(builds, data)

    def stop_build(data: Json) -> tuple[int, Json, bytes]:
        return _stop_build(builds, data)

    codebuild._create_project = _create_project
    codebuild._project_shape = _describe_project
    codebuild._start_build = start_build
    codebuild._stop_build = stop_build


_ORIGINAL_CREATE_PROJECT = cast("Callable[[Json], tuple[int, Json, bytes]]", codebuild._create_project)
_ORIGINAL_PROJECT_SHAPE = cast("Callable[[Json], Json]", codebuild._project_shape)


def _create_project(data: Json) -> tuple[int, Json, bytes]:
    """Handle `CreateProject`: also store the fields of the project that the emulator would ignore."""
    response = _ORIGINAL_CREATE_PROJECT(data)
    project = codebuild._projects.get(data.get("name", ""))
    if response[0] == 200 and project is not None:  # noqa: PLR2004 - an HTTP status
        project.update({name: data[name] for name in STORED_PROJECT_FIELDS if name in data})
    return response


def _describe_project(project: Json) -> Json:
    kept = {name: project[name] for name in STORED_PROJECT_FIELDS if name in project}
    return {**_ORIGINAL_PROJECT_SHAPE(project), **kept}


def _start_build(builds: BuildManager, data: Json) -> tuple[int, Json, bytes]:
    """Handle `StartBuild` with its overrides and its idempotency token."""
    name: str = data.get("projectName", "")
    project: Json | None = codebuild._projects.get(name)
    if project is None:
        return error_response_json("ResourceNotFoundException", f"Project not found: {name}", 400)
    if builds.run is None:
        message = "no build runner is registered: call Emulator.set_build_runner first"
        return error_response_json("InvalidInputException", message, 400)
    token: str = data.get("idempotencyToken", "")
    parameters = json.dumps(
        {key: value for key, value in data.items() if key != "idempotencyToken"}, sort_keys=True
    )
    with builds.lock:
        now = dt.datetime.now(dt.UTC)
        seen = builds.tokens.get((name, token))
        if token and seen and now - seen.started_at < TOKEN_LIFETIME:
            if seen.parameters != parameters:
                message = "The idempotency token was used before with other parameters."
                return error_response_json("InvalidInputException", message, 400)
            return json_response({"build": _copy_build(codebuild._builds[seen.build_id])})
        build = _create_build(project, data, now)
        codebuild._builds[build["id"]] = build
        if token:
            builds.tokens[(name, token)] = _StartToken(
                build_id=build["id"], parameters=parameters, started_at=now
            )
        response = json_response({"build": _copy_build(build)})
        request = _create_build_request(build, project)
        _publish_state_change(build)
        # The thread needs the context variables of this request: they select the account and the region.
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run,
            args=(_run_build, builds, build, request),
            name=f"build {build['id']}",
            daemon=True,
        )
        builds.running[build["id"]] = (request, thread)
    thread.start()
    return response


def _stop_build(builds: BuildManager, data: Json) -> tuple[int, Json, bytes]:
    """Handle `StopBuild`: request the stop and return at once. The build later ends with status STOPPED."""
    build: Json | None = codebuild._builds.get(data.get("id", ""))
    if build is None:
        return error_response_json("ResourceNotFoundException", f"Build not found: {data.get('id', '')}", 400)
    running = builds.running.get(build["id"])
    if running:
        running[0].stop_requested.set()
    return json_response({"build": _copy_build(build)})


def _create_build(project: Json, data: Json, now: dt.datetime) -> Json:
    build: Json = codebuild._make_build_record(
        project, codebuild._build_id(project["name"]), data.get("sourceVersion") or None
    )
    del build["endTime"]
    variables = {
        variable["name"]: {"type": "PLAINTEXT", **variable}
        for variable in [
            *(project["environment"].get("environmentVariables") or []),
            *(data.get("environmentVariablesOverride") or []),
        ]
    }
    source: Json = dict(project["source"])
    if "buildspecOverride" in data:
        source["buildspec"] = data["buildspecOverride"]
    group: Json = (project.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    stream = str(build["id"]).rpartition(":")[2]
    build.update(
        startTime=now.timestamp(),
        buildStatus="IN_PROGRESS",
        buildComplete=False,
        currentPhase="QUEUED",
        phases=[_create_instant_phase("SUBMITTED", now), _create_instant_phase("QUEUED", now)],
        source=source,
        artifacts=data.get("artifactsOverride") or project["artifacts"],
        environment={**project["environment"], "environmentVariables": list(variables.values())},
        serviceRole=data.get("serviceRoleOverride") or project["serviceRole"],
        timeoutInMinutes=data.get("timeoutInMinutesOverride") or project["timeoutInMinutes"],
        queuedTimeoutInMinutes=project.get("queuedTimeoutInMinutes", 480),
        logs={
            "groupName": group.get("groupName") or f"/aws/codebuild/{project['name']}",
            "streamName": stream,
        },
    )
    return build


def _create_instant_phase(phase: str, at: dt.datetime) -> Json:
    moment = at.timestamp()
    return {
        "phaseType": phase,
        "phaseStatus": "SUCCEEDED",
        "startTime": moment,
        "endTime": moment,
        "durationInSeconds": 0,
    }


def _create_build_request(build: Json, project: Json) -> BuildRequest:
    artifacts: Json = build["artifacts"]
    archive: Json = (project.get("logsConfig") or {}).get("s3Logs") or {}
    return BuildRequest(
        build_id=build["id"],
        arn=build["arn"],
        build_number=build["buildNumber"],
        project_name=build["projectName"],
        region=get_region(),
        initiator=build["initiator"],
        service_role_arn=build["serviceRole"],
        buildspec=build["source"].get("buildspec", ""),
        source=BuildSource(type=build["source"]["type"], location=build["source"].get("location", "")),
        log_group=build["logs"]["groupName"],
        log_stream=build["logs"]["streamName"],
        timeout_minutes=float(build["timeoutInMinutes"]),
        environment_variables=tuple(
            EnvironmentVariable(
                name=variable["name"], value=variable["value"], type=cast("VariableType", variable["type"])
            )
            for variable in build["environment"]["environmentVariables"]
        ),
        artifacts=BuildArtifacts(
            location=artifacts["location"],
            path=artifacts.get("path", ""),
            name=artifacts.get("name") or build["projectName"],
        )
        if artifacts.get("type") == "S3"
        else None,
        log_archive=archive.get("location", "") if archive.get("status") == "ENABLED" else "",
        image=build["environment"]["image"],
    )


def _run_build(builds: BuildManager, build: Json, request: BuildRequest) -> None:
    """Run one build and publish its end. If the runner raises an exception, the build ends as FAULT."""
    run = cast("RunBuild", builds.run)
    build["currentPhase"] = "PROVISIONING"
    started = dt.datetime.now(dt.UTC)
    try:
        result = run(request)
    except Exception as error:  # noqa: BLE001 - the build must end after any exception of the runner
        context = PhaseContext(status_code="INTERNAL_ERROR", message=f"{type(error).__name__}: {error}")
        failed = BuildPhase(
            type="PROVISIONING",
            started_at=started,
            ended_at=dt.datetime.now(dt.UTC),
            status="FAULT",
            contexts=(context,),
        )
        result = BuildResult(status="FAULT", phases=(failed,))
    finish_build(build, result)
    builds.running.pop(request.build_id, None)


def finish_build(build: Json, result: BuildResult) -> None:
    """Write the result into the build's record for `BatchGetBuilds`, and publish the state change."""
    now = dt.datetime.now(dt.UTC)
    phases = [_create_phase_record(phase) for phase in result.phases]
    if not phases or phases[-1]["phaseType"] != "COMPLETED":
        phases.append({"phaseType": "COMPLETED", "startTime": now.timestamp()})
    build["phases"] = [*build["phases"][:2], *phases]
    build.update(
        buildStatus=result.status, currentPhase="COMPLETED", buildComplete=True, endTime=now.timestamp()
    )
    _publish_state_change(build)


def _create_phase_record(phase: BuildPhase) -> Json:
    record: Json = {"phaseType": phase.type, "startTime": phase.started_at.timestamp()}
    if phase.status is not None:
        record["phaseStatus"] = phase.status
    if phase.ended_at is not None:
        record["endTime"] = phase.ended_at.timestamp()
        record["durationInSeconds"] = phase.duration_seconds
    if phase.contexts:
        record["contexts"] = [
            {"statusCode": context.status_code, "message": context.message} for context in phase.contexts
        ]
    return record


def _copy_build(build: Json) -> Json:
    return cast("Json", json.loads(json.dumps(build)))


def _publish_state_change(build: Json) -> None:
    """Publish `CodeBuild Build State Change` on the default bus.

    https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html#sample-build-notifications-ref
    """
    entry = {
        "Source": "aws.codebuild",
        "DetailType": "CodeBuild Build State Change",
        "Resources": [build["arn"]],
        "Detail": json.dumps(create_state_change_detail(build)),
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def create_state_change_detail(build: Json) -> Json:
    """Return the `detail` of a build's event, as CodeBuild documents it."""
    environment: Json = build["environment"]
    artifacts: Json = build["artifacts"]
    logs: Json = build["logs"]
    place = "/".join(filter(None, (artifacts.get("location"), artifacts.get("path"), artifacts.get("name"))))
    return {
        "build-status": build["buildStatus"],
        "project-name": build["projectName"],
        "build-id": build["arn"],
        "current-phase": build["currentPhase"],
        "current-phase-context": "[]",
        "version": "1",
        "additional-information": {
            "artifact": {"location": f"arn:aws:s3:::{place}"} if artifacts.get("type") == "S3" else {},
            "build-complete": build["buildComplete"],
            "build-number": build["buildNumber"],
            "build-start-time": _format_event_time(build["startTime"]),
            "cache": {"type": "NO_CACHE"},
            "environment": {
                "image": environment.get("image"),
                "privileged-mode": bool(environment.get("privilegedMode")),
                "compute-type": environment.get("computeType"),
                "type": environment.get("type"),
                "environment-variables": environment["environmentVariables"],
            },
            "initiator": build["initiator"],
            "logs": {"group-name": logs["groupName"], "stream-name": logs["streamName"]},
            "phases": [_create_event_phase(phase) for phase in cast("Iterable[Json]", build["phases"])],
            "queued-timeout-in-minutes": build["queuedTimeoutInMinutes"],
            "source": {name: build["source"].get(name, "") for name in ("type", "buildspec")},
            "timeout-in-minutes": build["timeoutInMinutes"],
        },
    }


def _create_event_phase(phase: Json) -> Json:
    contexts = cast("Iterable[Json]", phase.get("contexts", []))
    event: Json = {
        "phase-type": phase["phaseType"],
        "start-time": _format_event_time(phase["startTime"]),
        "phase-context": [f"{context['statusCode']}: {context['message']}" for context in contexts],
    }
    if "endTime" in phase:
        event["end-time"] = _format_event_time(phase["endTime"])
        event["duration-in-seconds"] = phase["durationInSeconds"]
    if "phaseStatus" in phase:
        event["phase-status"] = phase["phaseStatus"]
    return event


def _format_event_time(seconds: float) -> str:
    """Return a time in the format of CodeBuild's events: `Jul 12, 2017 12:42:28 AM`."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{moment:%b} {moment.day}, {moment:%Y} {moment:%I}:{moment:%M:%S %p}".replace(" 0", " ")
