"""The sweep: it recovers deployments that stopped because of a lost message, a lost event or a crash.

Each change to a status in progress starts a lease (`deployment_rows.py`). The sweep examines
deployments with an expired lease: it resends their message, records the result of their build, or fails them
with the reason. Each action is idempotent, and several sweeps can run at the same time. If a message or an
event was not lost but late, it arrives after the sweep has handled the deployment. This is harmless.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from attrs import frozen

from runtime.deploy.builds.build_event import BuildEvent
from runtime.deploy.builds.build_records import IN_PROGRESS, find_build
from runtime.deploy.builds.build_results import BuildResultRecorder
from runtime.deploy.builds.scheduling import BuildScheduler
from runtime.deploy.builds.superseding import supersede_all_but_newest
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
from runtime.deploy.repositories.leases import LeasedDeployment, LeaseRepository
from runtime.deploy.repositories.projects import ProjectRepository
from runtime.shared.aws import CodeBuildClient
from runtime.shared.clock import Clock
from runtime.shared.logging import Log

STEP: Final = "sweep"

_MAX_REDRIVES: Final[Mapping[Status, int]] = {
    Status.QUEUED: 5,
    Status.BUILDING: 5,  # the last retry is after about 90 minutes, because CodeBuild can have an outage
    Status.BUILT: 3,
    Status.DEPLOYING: 3,
}
_GIVE_UP_REASONS: Final[Mapping[Status, str]] = {
    Status.QUEUED: "its build was requested repeatedly, but never started: push again",
    Status.BUILDING: "its build repeatedly failed to start: push again later",
    Status.BUILT: "its release was requested repeatedly, but never started: push again",
    Status.DEPLOYING: "its release was started repeatedly, but never finished: push again",
}
_MAX_LEASE: Final = timedelta(hours=1)
_MAX_DOUBLINGS: Final = 5  # enough to reach the longest lease


class SweepIncompleteError(Exception):
    """Some deployments could not be examined. The next sweep retries."""


@frozen(kw_only=True)
class Sweeper:
    """The service that recovers deployments that do not progress."""

    projects: ProjectRepository
    deployments: DeploymentRepository
    slot: BuildSlotRepository
    scheduler: BuildScheduler
    leases: LeaseRepository
    results: BuildResultRecorder
    build_queue: BuildQueue
    release_queue: ReleaseQueue
    codebuild: CodeBuildClient
    clock: Clock

    def sweep(self, log: Log) -> None:
        """Examine deployments with an expired lease, at most a hundred.

        A deployment that cannot be examined is retried after increasing pauses, so that it does not block
        others.

        Raises:
            SweepIncompleteError: Some deployments could not be examined. The log contains each error.
        """
        failed = 0
        statuses: set[Status] = set()
        for message in self.leases.list_expired(at=self.clock()):
            bound = log.bind(projectId=message.project_id, deploymentId=message.deployment_id)
            try:
                statuses |= self._sweep_one(message, bound)
            except Exception as error:  # noqa: BLE001 - one failing deployment must not block the others
                bound.report_error("a deployment could not be swept", error)
                failed += 1
                self._postpone(message, bound)
        if Status.QUEUED in statuses:
            # Schedule builds again, because the message for a waiting deployment can be lost.
            self.scheduler.repair_records(log)
        if failed:
            raise SweepIncompleteError(f"{failed} deployments could not be swept")

    def _postpone(self, message: DeploymentMessage, log: Log) -> None:
        try:
            self.leases.postpone(message, at=self.clock())
        except Exception as error:  # noqa: BLE001 - this failure must not block others either
            log.report_error("a lease could not be extended", error)

    def _sweep_one(self, message: DeploymentMessage, log: Log) -> set[Status]:
        """Recover a deployment if its lease has expired.

        Returns:
            A set with the status of the deployment, or an empty set if there was nothing to recover.
        """
        try:
            leased = self.leases.get(message)
        except DeploymentNotFoundError:
            return set()  # the index is eventually consistent
        if leased.until is None or leased.until > self.clock().timestamp():
            return set()  # it has progressed in the meantime
        match leased.deployment.status:
            case Status.QUEUED:
                self._sweep_queued(leased, log)
            case Status.BUILDING:
                self._sweep_building(leased, log)
            case Status.READY | Status.RETIRED | Status.LIVE | Status.SUPERSEDED:
                self._sweep_promoted(leased, log)
            case _:
                self._sweep_release(leased, log)
        return {leased.deployment.status}

    # Queued

    def _sweep_queued(self, leased: LeasedDeployment, log: Log) -> None:
        deployment = leased.deployment
        try:
            holder = self.projects.get(deployment.project_id).active_build
        except ProjectNotFoundError:
            self._give_up(deployment, "its project no longer exists", log)
            return
        if holder and self._is_slot_in_use(deployment, holder, log):
            self._extend_lease(leased, LEASES[Status.QUEUED], "another build of the project is running", log)
            return
        newest = supersede_all_but_newest(self.deployments, deployment, at=self.clock())
        if newest is None:
            log.info("the deployment has progressed in the meantime")
        elif newest.deployment_id != deployment.deployment_id:
            log.info("swept", decision="send a newer one", next=newest.deployment_id)
            self.build_queue.send(newest)
        elif self.scheduler.is_waiting_for_turn(deployment):
            self._extend_lease(leased, LEASES[Status.QUEUED], "it waits for build capacity", log)
        else:
            self._resend(leased, "its message was lost", self.build_queue.send, log)

    def _is_slot_in_use(self, deployment: Deployment, holder: str, log: Log) -> bool:
        """Return whether the holder of the project's slot is building. Free the slot if it is not."""
        try:
            if self.deployments.get(deployment.project_id, holder).status is Status.BUILDING:
                return True
        except DeploymentNotFoundError:
            pass  # a deleted holder is not building
        freed = self.slot.free_abandoned(deployment.project_id, holder)
        log.warning("swept", decision="free the build slot", reason=f"{holder} is not building", freed=freed)
        return not freed

    # Building

    def _sweep_building(self, leased: LeasedDeployment, log: Log) -> None:
        deployment = leased.deployment
        try:
            build = find_build(self.codebuild, self.projects, deployment)
        except SiteNotFoundError as gone:
            self._fail_build(deployment, str(gone), log)
            return
        if build is None and deployment.build_id:
            self._fail_build(deployment, "CodeBuild has deleted its build: push again", log)
        elif build is None:
            self._resend(leased, "its build was not started", self.build_queue.send, log)
        elif build["buildStatus"] != IN_PROGRESS:
            log.info("swept", decision="end", reason="the event of its build was lost", buildId=build["id"])
            self.results.record(BuildEvent.from_build(build, deployment), log)
        elif deployment.build_id:
            with suppress(BuildSlotTakenError, StaleDeploymentError):
                if self.scheduler.ensure_running_recorded(deployment):
                    log.warning("swept", decision="record running build", reason="it was not counted")
            self._extend_lease(leased, BUILD_LEASE, "its build is running", log)
        else:
            log.info(
                "swept", decision="record the build id", reason="the build is running", buildId=build["id"]
            )
            with suppress(StaleDeploymentError):  # the event of the build's end has arrived in the meantime
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
            log.info("the deployment has progressed in the meantime", status=stale.found)
            return
        log.warning("swept", decision="fail", reason=reason)
        self.scheduler.schedule_next_after(failed, log)

    # Built and deploying

    def _sweep_release(self, leased: LeasedDeployment, log: Log) -> None:
        def send(deployment: Deployment) -> None:
            self.release_queue.resend(deployment, number=leased.redrives + 1)

        self._resend(leased, "its message was lost, or its release was interrupted", send, log)

    # Promoted

    def _sweep_promoted(self, leased: LeasedDeployment, log: Log) -> None:
        """Make the release function finish the switch of an interrupted promotion.

        The sent message names the deployment in the project's live pointer. This deployment can differ from
        the leased one, because the promotion of a release with the status `live` starts no lease.
        """
        with suppress(ProjectNotFoundError, DeploymentNotFoundError):
            project = self.projects.get(leased.deployment.project_id)
            if project.live:
                pointed = self.deployments.get(project.project_id, project.live.deployment_id)
                log.warning(
                    "swept", decision="send", reason="a promotion was interrupted", to=pointed.deployment_id
                )
                # The lease end makes the deduplication id unique for each interrupted promotion.
                self.release_queue.resend(pointed, number=leased.until or 0)
        self.leases.end(leased)

    # Common steps

    def _extend_lease(self, leased: LeasedDeployment, lease: timedelta, reason: str, log: Log) -> None:
        log.info("swept", decision="wait", reason=reason)
        self.leases.extend(leased, lease, at=self.clock(), redrives=leased.redrives)

    def _resend(
        self, leased: LeasedDeployment, reason: str, send: Callable[[Deployment], None], log: Log
    ) -> None:
        """Resend a deployment's message and double its lease. After too many retries, fail the deployment.

        If the project's live pointer names the deployment, it never fails, because visitors see its release,
        or will see it soon.
        """
        deployment, status, times = leased.deployment, leased.deployment.status, leased.redrives + 1
        if times > _MAX_REDRIVES[status] and self._give_up(deployment, _GIVE_UP_REASONS[status], log):
            return
        log.warning("swept", decision="send again", reason=reason, status=status, times=times)
        send(deployment)
        # Extend the lease last: after a crash between the two calls, the message is only sent twice, which is
        # harmless.
        lease = min(LEASES[status] * 2 ** min(times, _MAX_DOUBLINGS), _MAX_LEASE)
        self.leases.extend(leased, lease, at=self.clock(), redrives=times)

    def _give_up(self, deployment: Deployment, reason: str, log: Log) -> bool:
        """Fail a deployment. Return False if it cannot fail because the project's live pointer names it."""
        if deployment.status is Status.BUILDING:
            self._fail_build(deployment, reason, log)
            return True
        try:
            self.deployments.fail(deployment, Failure(step=STEP, reason=reason), at=self.clock())
        except StaleDeploymentError as stale:
            log.info("the deployment was not failed", reason=str(stale))
            return stale.found is not None
        log.warning("swept", decision="fail", reason=reason)
        return True
