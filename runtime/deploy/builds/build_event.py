"""The result of a build, read from CodeBuild's event or from its build record.

Documents: CodeBuild's user guide, "Build notifications input format reference"; its API reference, "Build".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import frozen

from runtime.deploy.model import Deployment, Status

# Log message for each ended build. An alarm counts these lines (components/operations/alarms.py).
BUILD_ENDED = "build ended"
# Log messages for waiting builds and for a reached CodeBuild quota. Metric filters read the seconds of
# waiting from these lines.
BUILDS_WAIT = "builds wait"
CODEBUILD_FULL = "CodeBuild is full"
PROJECT_VARIABLE = "ANCHOR_PROJECT_ID"
DEPLOYMENT_VARIABLE = "ANCHOR_DEPLOYMENT_ID"

_OUTCOMES: Mapping[str, Status] = {
    "SUCCEEDED": Status.BUILT,
    "FAILED": Status.FAILED,
    "FAULT": Status.FAILED,
    "TIMED_OUT": Status.FAILED,
    "STOPPED": Status.CANCELLED,
}
_REASONS: Mapping[str, str] = {
    "FAULT": "CodeBuild had an internal fault: push again",
    "TIMED_OUT": "the build exceeded its time limit",
    "STOPPED": "the build was stopped",
}


_Phase: TypeAlias = tuple[str, str | None, Sequence[str]]
"""A phase's name, its status, and CodeBuild's messages about it."""

_QUEUED: Final = "QUEUED"


class ForeignBuildError(Exception):
    """No deployment started the build of the event. For example, a person started the build manually."""


@frozen(kw_only=True)
class BuildEvent:
    """The result of one build.

    Attributes:
        build_id: The id from `StartBuild`: `project:uuid`.
        outcome: New status of the deployment.
        step: CodeBuild's name of the first failed phase. Empty for a successful build.
        reason: A sentence about the failure. Empty for a successful build.
        minutes: Time limit of a build that exceeded it. None for all other builds.
        queued: Seconds that the build waited in CodeBuild's own queue. The number is only high if the
            account's quota was reached.
        log_group: Log group of the build's log. None if the build has no log.
        log_stream: Log stream of the build's log. None if the build has no log.
    """

    project_id: str
    deployment_id: str
    build_id: str
    outcome: Status
    step: str
    reason: str
    minutes: int | None = None
    queued: int
    log_group: str | None
    log_stream: str | None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "BuildEvent":
        """Parse the event from EventBridge.

        Raises:
            ForeignBuildError: The build's environment names no deployment.
            KeyError: The event does not have the documented form.
        """
        detail: Mapping[str, Any] = event["detail"]
        information: Mapping[str, Any] = detail["additional-information"]
        variables: Mapping[str, str] = {
            variable["name"]: variable["value"]
            for variable in information["environment"]["environment-variables"]
        }
        status: str = detail["build-status"]
        build_id: str = detail["build-id"].rpartition(":build/")[2]
        if PROJECT_VARIABLE not in variables or DEPLOYMENT_VARIABLE not in variables:
            raise ForeignBuildError(f"build {build_id} does not belong to a deployment")
        logs: Mapping[str, str] = information.get("logs") or {}
        phases = [
            (phase["phase-type"], phase.get("phase-status"), phase.get("phase-context", ()))
            for phase in information.get("phases", ())
        ]
        return cls(
            project_id=variables[PROJECT_VARIABLE],
            deployment_id=variables[DEPLOYMENT_VARIABLE],
            build_id=build_id,
            **_read_outcome(status, phases),
            minutes=_read_minutes(status, information.get("timeout-in-minutes")),
            queued=sum(
                phase.get("duration-in-seconds", 0)
                for phase in information.get("phases", ())
                if phase["phase-type"] == _QUEUED
            ),
            log_group=logs.get("group-name"),
            log_stream=logs.get("stream-name"),
        )

    @classmethod
    def from_build(cls, build: Mapping[str, Any], deployment: Deployment) -> "BuildEvent":
        """Parse the record of a deployment's ended build, as `BatchGetBuilds` returns it."""
        logs: Mapping[str, str] = build.get("logs") or {}
        phases = [
            (
                phase["phaseType"],
                phase.get("phaseStatus"),
                [
                    f"{context.get('statusCode', '')}: {context.get('message', '')}"
                    for context in phase.get("contexts", ())
                ],
            )
            for phase in build.get("phases", ())
        ]
        return cls(
            project_id=deployment.project_id,
            deployment_id=deployment.deployment_id,
            build_id=build["id"],
            **_read_outcome(build["buildStatus"], phases),
            minutes=_read_minutes(build["buildStatus"], build.get("timeoutInMinutes")),
            queued=sum(
                phase.get("durationInSeconds", 0)
                for phase in build.get("phases", ())
                if phase["phaseType"] == _QUEUED
            ),
            log_group=logs.get("groupName"),
            log_stream=logs.get("streamName"),
        )


def is_build_of(build: Mapping[str, Any], deployment: Deployment) -> bool:
    """Return whether a build record says that the build was started for this deployment."""
    variables: Sequence[Mapping[str, str]] = build["environment"].get("environmentVariables", ())
    return any(
        variable["name"] == DEPLOYMENT_VARIABLE and variable["value"] == deployment.deployment_id
        for variable in variables
    )


def _read_minutes(status: str, minutes: float | None) -> int | None:
    return int(minutes) if status == "TIMED_OUT" and minutes else None


def _read_outcome(status: str, phases: Sequence[_Phase]) -> dict[str, Any]:
    """Return the attributes `outcome`, `step` and `reason` of the event."""
    outcome = _OUTCOMES[status]
    if outcome is Status.BUILT:
        return {"outcome": outcome, "step": "", "reason": ""}
    step, reason = _find_failed_phase(phases)
    return {
        "outcome": outcome,
        "step": step,
        "reason": _REASONS.get(status) or reason or f"the build ended as {status}",
    }


def _find_failed_phase(phases: Sequence[_Phase]) -> tuple[str, str]:
    """Return the name of the first failed phase, and CodeBuild's messages about this phase.

    Failures of later phases are consequences, because CodeBuild runs POST_BUILD after a failed BUILD. If no
    phase failed, the name is `COMPLETED` and the messages are empty.
    """
    for name, status, messages in phases:
        # The last phase, COMPLETED, has no status.
        if status not in {None, "SUCCEEDED"}:
            return name, "; ".join(text.strip() for text in messages if text.strip(" :"))
    return "COMPLETED", ""
