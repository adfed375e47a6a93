"""The sweep: moves on what was lost, be it a message, an event or a function that died (P9).

Who moves a deployment on gives it a lease (`deployment_rows.py`). What is past its lease is looked at here,
as it stands: sent again, told how its build ended, or failed with the reason. Everything can be repeated, and
several sweeps can run at once: it is the same work that messages and events bring about, which may come late
and twice anyway.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from attrs import frozen

from runtime.deploy.builds.build_event import BuildEvent
from runtime.deploy.builds.build_records import RUNS, record_of
from runtime.deploy.builds.build_results import BuildResults
from runtime.deploy.builds.turns import Turns
from runtime.deploy.builds.waiting import newest_waiting
from runtime.deploy.errors import (
    BuildSlotTakenError,
    DeploymentNotFoundError,
    ProjectNotFoundError,
    SiteNotFoundError,
    StaleDeploymentError,
)
from runtime.deploy.messages import BuildQueue, DeploymentMessage, ReleaseQueue
from runtime.deploy.model import Deployment, Failure, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployment_rows import BUILD_LEASE, LEASES
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.leases import Leased, LeaseRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.aws import CodeBuildClient
from runtime.shared.clock import Clock
from runtime.shared.logging import Log

STEP: Final = "sweep"

_REDRIVES: Final[Mapping[Status, int]] = {
    Status.QUEUED: 5,
    Status.BUILDING: 5,  # an hour and a half: CodeBuild may have an outage
    Status.BUILT: 3,
    Status.DEPLOYING: 3,
}
_STUCK: Final[Mapping[Status, str]] = {
    Status.QUEUED: "its build was asked for again and again, and nothing took it up: push again",
    Status.BUILDING: "its build could not be started, again and again: push again later",
    Status.BUILT: "its release was asked for again and again, and nothing took it up: push again",
    Status.DEPLOYING: "its release was begun again and again, and never ended: push again",
}
_LONGEST: Final = timedelta(hours=1)
_DOUBLINGS: Final = 5  # lead beyond the longest lease


class SweepIncompleteError(Exception):
    """Some deployments could not be looked at; the next sweep tries again."""


@frozen(kw_only=True)
class Sweeper:
    """Moves deployments on that have stayed as they are for too long."""

    projects: ProjectRepository
    deployments: DeploymentRepository
    slot: BuildSlotRepository
    turns: Turns
    leases: LeaseRepository
    results: BuildResults
    build_queue: BuildQueue
    release_queue: ReleaseQueue
    codebuild: CodeBuildClient
    clock: Clock

    def sweep(self, log: Log) -> None:
        """Look at what is past its lease, a hundred deployments at most.

        What fails is looked at again ever later, so that it cannot take the place of others.

        Raises:
            SweepIncompleteError: Some failed, each for itself, and were logged: somebody should look.
        """
        failed = 0
        looked_at: set[Status] = set()
        for named in self.leases.overdue(at=self.clock()):
            own = log.bind(projectId=named.project_id, deploymentId=named.deployment_id)
            try:
                looked_at |= self._look_at(named, own)
            except Exception as error:  # noqa: BLE001 - one that cannot be read must not keep others waiting
                own.failure("a deployment could not be swept", error)
                failed += 1
                self._put_off(named, own)
        if Status.QUEUED in looked_at:
            # One that waits for its turn may wait because a call was lost.
            self.turns.look_after(log)
        if failed:
            raise SweepIncompleteError(f"{failed} deployments could not be swept")

    def _put_off(self, named: DeploymentMessage, log: Log) -> None:
        try:
            self.leases.put_off(named, at=self.clock())
        except Exception as error:  # noqa: BLE001 - nor must this keep others waiting
            log.failure("a lease could not be prolonged", error)

    def _look_at(self, named: DeploymentMessage, log: Log) -> set[Status]:
        """Move a deployment on, and return the status it was in, if it was past its lease."""
        try:
            leased = self.leases.get(named)
        except DeploymentNotFoundError:
            return set()  # the index is behind
        if leased.until is None or leased.until > self.clock().timestamp():
            return set()  # moved on meanwhile
        match leased.deployment.status:
            case Status.QUEUED:
                self._queued(leased, log)
            case Status.BUILDING:
                self._building(leased, log)
            case Status.RETIRED | Status.LIVE:
                self._promoted(leased, log)
            case _:
                self._released(leased, log)
        return {leased.deployment.status}

    # Queued

    def _queued(self, leased: Leased, log: Log) -> None:
        deployment = leased.deployment
        try:
            holder = self.projects.get(deployment.project_id).active_build
        except ProjectNotFoundError:
            self._give_up(deployment, "its project is gone", log)
            return
        if holder and self._is_taken(deployment, holder, log):
            self._wait(leased, LEASES[Status.QUEUED], "another build of the project runs", log)
            return
        newest = newest_waiting(self.deployments, deployment, at=self.clock())
        if newest is None:
            log.info("moved on meanwhile")
        elif newest.deployment_id != deployment.deployment_id:
            log.info("swept", decision="leave it to a newer one", next=newest.deployment_id)
            self.build_queue.send(newest)
        elif self.turns.keeps_waiting(deployment):
            self._wait(leased, LEASES[Status.QUEUED], "it is not its turn", log)
        else:
            self._again(leased, "its message was lost", self.build_queue.send, log)

    def _is_taken(self, deployment: Deployment, holder: str, log: Log) -> bool:
        """Tell whether the holder of the project's slot builds; free the slot where it does not."""
        try:
            if self.deployments.get(deployment.project_id, holder).status is Status.BUILDING:
                return True
        except DeploymentNotFoundError:
            pass  # as little as one that has ended
        freed = self.slot.release_abandoned(deployment.project_id, holder)
        log.warning("swept", decision="free the build slot", reason=f"{holder} does not build", freed=freed)
        return not freed

    # Building

    def _building(self, leased: Leased, log: Log) -> None:
        deployment = leased.deployment
        try:
            build = record_of(self.codebuild, self.projects, deployment)
        except SiteNotFoundError as gone:
            self._fail_build(deployment, str(gone), log)
            return
        if build is None and deployment.build_id:
            self._fail_build(deployment, "CodeBuild does not know its build any more: push again", log)
        elif build is None:
            self._again(leased, "its build was not started", self.build_queue.send, log)
        elif build["buildStatus"] != RUNS:
            log.info("swept", decision="end", reason="the event of its build was lost", buildId=build["id"])
            self.results.receive(BuildEvent.from_build(build, deployment), log)
        elif deployment.build_id:
            with suppress(BuildSlotTakenError, StaleDeploymentError):
                if self.turns.note_running(deployment):
                    log.warning("swept", decision="note its build", reason="it runs and takes no room")
            self._wait(leased, BUILD_LEASE, "its build runs", log)
        else:
            log.info("swept", decision="record the build", reason="it runs", buildId=build["id"])
            with suppress(StaleDeploymentError):  # its event has come
                self.slot.record_build(deployment, build["id"], at=self.clock())

    def _fail_build(self, deployment: Deployment, reason: str, log: Log) -> None:
        failure = Failure(step=STEP, reason=reason)
        try:
            failed = self.slot.free(
                deployment,
                Status.FAILED,
                at=self.clock(),
                build_id=deployment.build_id,
                failure=failure,
            )
        except StaleDeploymentError as stale:
            log.info("moved on meanwhile", status=stale.found)
            return
        log.warning("swept", decision="fail", reason=reason)
        self.turns.pass_on(failed, log)

    # Released

    def _released(self, leased: Leased, log: Log) -> None:
        def send(deployment: Deployment) -> None:
            self.release_queue.send_again(deployment, number=leased.redrives + 1)

        self._again(leased, "its message was lost, or its release broke off", send, log)

    # Promoted

    def _promoted(self, leased: Leased, log: Log) -> None:
        """Let the release function finish a switch that a promote has left.

        To whatever the pointer is at by now: a promote back to what was live has no lease of its own.
        """
        with suppress(ProjectNotFoundError, DeploymentNotFoundError):
            project = self.projects.get(leased.deployment.project_id)
            if project.live:
                pointed = self.deployments.get(project.project_id, project.live.deployment_id)
                log.warning("swept", decision="send", reason="a promote broke off", to=pointed.deployment_id)
                # The end of a lease: a later promote that breaks off, too, is another message.
                self.release_queue.send_again(pointed, number=leased.until or 0)
        self.leases.end(leased)

    # All

    def _wait(self, leased: Leased, lease: timedelta, reason: str, log: Log) -> None:
        log.info("swept", decision="wait", reason=reason)
        self.leases.prolong(leased, lease, at=self.clock(), redrives=leased.redrives)

    def _again(self, leased: Leased, reason: str, send: Callable[[Deployment], None], log: Log) -> None:
        """Send a deployment again, after which its lease is twice as long; or fail it, when that was often.

        The one that the project's pointer is at never fails: visitors see it, or are about to.
        """
        deployment, status, times = leased.deployment, leased.deployment.status, leased.redrives + 1
        if times > _REDRIVES[status] and self._give_up(deployment, _STUCK[status], log):
            return
        log.warning("swept", decision="send again", reason=reason, status=status, times=times)
        send(deployment)
        # After it: a sweep that dies between the two sends twice, which does no harm.
        lease = min(LEASES[status] * 2 ** min(times, _DOUBLINGS), _LONGEST)
        self.leases.prolong(leased, lease, at=self.clock(), redrives=times)

    def _give_up(self, deployment: Deployment, reason: str, log: Log) -> bool:
        """Fail a deployment; False when it cannot be, because the project's pointer is at it."""
        if deployment.status is Status.BUILDING:
            self._fail_build(deployment, reason, log)
            return True
        try:
            self.deployments.fail(deployment, Failure(step=STEP, reason=reason), at=self.clock())
        except StaleDeploymentError as stale:
            log.info("not given up", reason=str(stale))
            return stale.found is not None
        log.warning("swept", decision="fail", reason=reason)
        return True
