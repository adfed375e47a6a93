"""How a build ended, from CodeBuild's event or its own record, read as far as a deployment needs it.

Documents: CodeBuild's user guide, "Build notifications input format reference"; its API reference, "Build".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import frozen

from runtime.deploy.model import Deployment, Failure, Status

# What is logged of every build that ended; an alarm counts these lines (components/operations/alarms.py).
BUILD_ENDED = "build ended"
# What is logged, likewise, of builds that wait for room, and of one that CodeBuild has no room for.
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
    "FAULT": "CodeBuild had a fault of its own: push again",
    "TIMED_OUT": "the build took longer than it may",
    "STOPPED": "the build was stopped",
}


_Phase: TypeAlias = tuple[str, str | None, Sequence[str]]
"""A phase's name, its status, and what CodeBuild says of it."""

_QUEUED: Final = "QUEUED"


class ForeignBuildError(Exception):
    """The event is of a build that no deployment started, such as one started by hand."""


@frozen(kw_only=True)
class BuildEvent:
    """How one build ended.

    Attributes:
        build_id: As `StartBuild` returned it: `project:uuid`.
        outcome: What the deployment becomes.
        step: First phase that did not succeed, as CodeBuild calls it; empty for a build that succeeded.
        reason: A sentence on why, empty for a build that succeeded.
        queued: Seconds for which CodeBuild itself let it wait: a few, unless its quota was reached.
        log_group: Log group of the build's log; None when there is no log.
        log_stream: Its stream.
    """

    project_id: str
    deployment_id: str
    build_id: str
    outcome: Status
    step: str
    reason: str
    queued: int
    log_group: str | None
    log_stream: str | None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "BuildEvent":
        """Read EventBridge's event.

        Raises:
            ForeignBuildError: The build's environment names no deployment.
            KeyError: The event has not the documented form.
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
            raise ForeignBuildError(f"build {build_id} was started for no deployment")
        logs: Mapping[str, str] = information.get("logs") or {}
        phases = [
            (phase["phase-type"], phase.get("phase-status"), phase.get("phase-context", ()))
            for phase in information.get("phases", ())
        ]
        return cls(
            project_id=variables[PROJECT_VARIABLE],
            deployment_id=variables[DEPLOYMENT_VARIABLE],
            build_id=build_id,
            **_end(status, phases),
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
        """Read the record of a deployment's build that has ended, as `BatchGetBuilds` returns it."""
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
            **_end(build["buildStatus"], phases),
            queued=sum(
                phase.get("durationInSeconds", 0)
                for phase in build.get("phases", ())
                if phase["phaseType"] == _QUEUED
            ),
            log_group=logs.get("groupName"),
            log_stream=logs.get("streamName"),
        )

    def failure(self, log_tail: tuple[str, ...]) -> Failure | None:
        """Return why the build came to nothing; None for a build that succeeded."""
        if self.outcome is Status.BUILT:
            return None
        return Failure(step=self.step, reason=self.reason, log_tail=log_tail)


def is_build_of(build: Mapping[str, Any], deployment: Deployment) -> bool:
    """Tell whether a build's record says that it was started for this deployment."""
    variables: Sequence[Mapping[str, str]] = build["environment"].get("environmentVariables", ())
    return any(
        variable["name"] == DEPLOYMENT_VARIABLE and variable["value"] == deployment.deployment_id
        for variable in variables
    )


def _end(status: str, phases: Sequence[_Phase]) -> dict[str, Any]:
    """Return outcome, step and reason."""
    outcome = _OUTCOMES[status]
    if outcome is Status.BUILT:
        return {"outcome": outcome, "step": "", "reason": ""}
    step, reason = _first_trouble(phases)
    return {
        "outcome": outcome,
        "step": step,
        "reason": _REASONS.get(status) or reason or f"the build ended as {status}",
    }


def _first_trouble(phases: Sequence[_Phase]) -> tuple[str, str]:
    """Return the first phase that did not succeed and what CodeBuild says of it.

    The first, because later ones follow from it: CodeBuild runs POST_BUILD after a failed BUILD.
    """
    for name, status, said in phases:
        # The last phase, COMPLETED, has no status.
        if status not in {None, "SUCCEEDED"}:
            return name, "; ".join(text.strip() for text in said if text.strip(" :"))
    return "COMPLETED", ""
