"""The build scheduler: it distributes the stage's build capacity fairly between tenants.

The capacity is the setting `concurrentBuilds`, or less while the account's CodeBuild quota is reached. A
deployment without capacity is recorded as waiting. Each time a build ends, the scheduler sends the build
messages of the next waiting deployments. No capacity is reserved for these deployments. When such a message
is delivered, the orchestrator checks the order again, with the same rule and the same rows. The rule also
applies to a new deployment, so a new deployment cannot overtake a waiting one.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Self

from attrs import evolve, frozen

from runtime.deploy.builds.build_event import BUILDS_WAIT, CODEBUILD_FULL
from runtime.deploy.builds.superseding import supersede_all_but_newest, supersede_all_but_next
from runtime.deploy.errors import DeploymentNotFoundError, StaleDeploymentError
from runtime.deploy.messages import BuildQueue, DeploymentMessage
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.stage_builds import (
    NEVER,
    RunningBuild,
    StageBuildRepository,
    StageBuilds,
    WaitingBuild,
)
from runtime.deploy.repositories.transaction_retries import DEFAULT_RETRIER, TransactionRetrier
from runtime.shared.clock import Clock
from runtime.shared.logging import Log

_RETRY_DELAY: Final = 65  # seconds, after which `StageBuilds.compute_capacity` allows another attempt
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


def order_waiting_builds(builds: StageBuilds) -> Iterator[WaitingBuild]:
    """Yield the waiting deployments in the order in which they will be built.

    The tenant with the fewest running builds comes first. Among tenants with equally many, the tenant whose
    last build started longest ago comes first. If that is also equal, the tenant that has waited longest
    comes first. Within a tenant, the longest waiting deployment comes first. A project with a running build
    is skipped, because a project builds one deployment at a time.
    """
    building = {each.project_id for each in builds.running}
    waiting: dict[str, list[WaitingBuild]] = {}
    for each in sorted(_merge_by_project(builds), key=lambda each: (each.since, each.deployment_id)):
        if each.project_id not in building:
            waiting.setdefault(each.user_id, []).append(each)
    running = dict.fromkeys(waiting, 0)
    for each in builds.running:
        running[each.user_id] = running.get(each.user_id, 0) + 1
    started = dict(builds.started)

    def sort_key(user_id: str) -> tuple[int, datetime, datetime, str]:
        return running[user_id], started.get(user_id, NEVER), waiting[user_id][0].since, user_id

    while waiting:
        user_id = min(waiting, key=sort_key)
        yield waiting[user_id].pop(0)
        running[user_id] += 1
        started[user_id] = _LATEST
        if not waiting[user_id]:
            del waiting[user_id]


def _merge_by_project(builds: StageBuilds) -> list[WaitingBuild]:
    """Return the newest waiting deployment of each project, with the start of the project's longest wait."""
    newest: dict[str, WaitingBuild] = {}
    for each in sorted(builds.waiting, key=lambda each: each.deployment_id):
        older = newest.get(each.project_id)
        newest[each.project_id] = evolve(each, since=min(each.since, older.since)) if older else each
    return list(newest.values())


@frozen(kw_only=True)
class BuildScheduler:
    """The scheduler of the stage's builds.

    Attributes:
        max_concurrent_builds: Maximum number of running builds in the stage.
    """

    deployments: DeploymentRepository
    slot: BuildSlotRepository
    stage_builds: StageBuildRepository
    build_queue: BuildQueue
    max_concurrent_builds: int
    clock: Clock

    @classmethod
    def from_repositories(
        cls,
        deployments: DeploymentRepository,
        build_queue: BuildQueue,
        *,
        max_concurrent_builds: int,
        clock: Clock,
        retrier: TransactionRetrier = DEFAULT_RETRIER,
    ) -> Self:
        """Return a scheduler that uses the client and the tables of the deployment repository."""
        client, table, projects_table = deployments.client, deployments.table, deployments.projects.table
        return cls(
            deployments=deployments,
            slot=BuildSlotRepository(
                client=client,
                deployments_table=table,
                projects_table=projects_table,
                max_concurrent_builds=max_concurrent_builds,
                retrier=retrier,
            ),
            stage_builds=StageBuildRepository(
                client=client, deployments_table=table, projects_table=projects_table
            ),
            build_queue=build_queue,
            max_concurrent_builds=max_concurrent_builds,
            clock=clock,
        )

    def admit(self, deployment: Deployment, log: Log) -> Deployment | None:
        """Return the project's deployment to build now, or None if the project has to wait.

        If the project has to wait, its newest deployment is recorded as waiting, and older queued ones are
        superseded. Idempotent. Makes one DynamoDB call if there is capacity. Otherwise, makes three more
        calls, and one for each superseded deployment.

        Args:
            deployment: A `queued` deployment, as read, of a project with a free build slot.
            log: Logger.

        Returns:
            The given deployment or a newer one. If it has waited, its `waiting_since` is set.
        """
        builds = self.stage_builds.read()
        own = builds.list_waiting_for_project(deployment.project_id)
        if all(each.deployment_id == deployment.deployment_id for each in own) and self._is_next(
            deployment, builds if own else _add_waiting_build(builds, deployment)
        ):
            return _set_waiting_since(deployment, own)
        newest = supersede_all_but_newest(self.deployments, deployment, at=self.clock())
        if newest:
            since = min([newest.created_at, *(each.since for each in own)])
            if not self.stage_builds.add_waiting(newest, since=since):
                newest = None
        # Read the builds again, in case a build ended between the first read and the write. The function that
        # recorded this end did not find the waiting deployment, so it sent no message.
        builds = self.stage_builds.read()
        if newest and self._is_next(newest, builds):
            return _set_waiting_since(newest, builds.waiting)
        log.info(
            "the deployment waits for build capacity",
            running=len(builds.running),
            waiting=len(builds.waiting),
        )
        self._dispatch(builds, log)
        return None

    def schedule_next_after(self, ended: Deployment, log: Log) -> None:
        """Record the project's next deployment as waiting, and dispatch the next builds of the stage.

        Idempotent. Makes two DynamoDB calls, one more if the project has a next deployment, and one for each
        superseded deployment.
        """
        newest = supersede_all_but_next(self.deployments, ended, at=self.clock())
        if newest:
            self.stage_builds.add_waiting(newest, since=newest.created_at)
        self.dispatch_next(log)

    def requeue(self, deployment: Deployment, log: Log) -> None:
        """Return an admitted deployment to the queue, because the account's CodeBuild quota is reached.

        The deployment keeps its place, and the attempt does not count as its tenant's last build. If no build
        ends, the next deployment in order is dispatched after a minute. If the project has a newer queued
        deployment, the newer deployment takes this place. Makes four DynamoDB calls, one more for a newer
        deployment, and one for each superseded deployment.
        """
        try:
            requeued = self.slot.requeue(deployment, at=self.clock())
        except StaleDeploymentError as stale:
            log.info("not requeued: the status has changed", status=stale.found)
            return
        # Count the running builds after the transaction, so that the last of several concurrent calls records
        # the right number.
        running = len(self.stage_builds.read().running)
        self.stage_builds.record_quota_reached(builds=running, at=self.clock())
        # Log the wait here, because the sweep does not log it: each retry renews the lease, and the sweep
        # only examines deployments with an expired lease.
        waited = self.clock() - (requeued.waiting_since or requeued.created_at)
        log.warning(
            CODEBUILD_FULL,
            running=running,
            room=self.max_concurrent_builds,
            seconds=int(waited.total_seconds()),
        )
        newest = supersede_all_but_newest(self.deployments, requeued, at=self.clock())
        if newest and newest.deployment_id != requeued.deployment_id:
            self.stage_builds.add_waiting(newest, since=requeued.waiting_since or requeued.created_at)
        self.build_queue.send_delayed(requeued, seconds=_RETRY_DELAY)

    def remove_waiting_record(self, ended: Deployment, log: Log) -> None:
        """Remove an ended deployment's record of waiting, and schedule the next builds.

        Normally, the transaction that ended the deployment has already removed this record. But rows can be
        restored or edited manually. Without the removal here, the scheduler would then send the message of
        the ended deployment again and again.
        """
        self.stage_builds.remove_waiting(ended.deployment_id)
        self.schedule_next_after(ended, log)

    def dispatch_next(self, log: Log) -> None:
        """Send the build messages of the next deployments in order, if there is capacity."""
        self._dispatch(self.stage_builds.read(), log)

    def is_waiting_for_turn(self, deployment: Deployment) -> bool:
        """Return whether a deployment with an expired lease still waits for its turn.

        If its turn has come but its build did not start, this method removes the deployment's record of
        waiting. Otherwise, the record would block all other waiting deployments while the cause persists.
        """
        builds = self.stage_builds.read()
        if all(each.deployment_id != deployment.deployment_id for each in builds.waiting):
            return False
        if not self._is_next(deployment, builds):
            return True
        self.stage_builds.remove_waiting(deployment.deployment_id)
        return False

    def ensure_running_recorded(self, deployment: Deployment) -> bool:
        """Record the build of a `building` deployment as running. Return True if it was not recorded before.

        Raises:
            StaleDeploymentError: The deployment is no longer `building`.
            BuildSlotTakenError: Another deployment of the project is building.
        """
        if RunningBuild.from_deployment(deployment) in self.stage_builds.read().running:
            return False
        self.slot.take(deployment, at=self.clock())
        return True

    def repair_records(self, log: Log) -> None:
        """If any deployment waits, remove wrong records of builds, and dispatch the next builds.

        The record of a running build is wrong if its deployment is not `building`. The record of a waiting
        build is wrong if its deployment is not `queued`. Only the next waiting builds are checked. Records
        and statuses are always written together. So wrong records only exist after rows were restored or
        edited manually.
        """
        builds = self.stage_builds.read()
        if not builds.waiting:
            return
        running = tuple(each for each in builds.running if not self._remove_if_ended(each, log))
        builds = evolve(builds, running=running)
        removed = {
            each.deployment_id for each in self._select_next(builds) if self._remove_if_not_queued(each, log)
        }
        waiting = tuple(each for each in builds.waiting if each.deployment_id not in removed)
        if waiting:
            longest = max(self.clock() - each.since for each in waiting)
            log.info(BUILDS_WAIT, waiting=len(waiting), seconds=int(longest.total_seconds()))
        self._dispatch(evolve(builds, waiting=waiting), log)

    def _remove_if_ended(self, build: RunningBuild, log: Log) -> bool:
        if self._find_status(build) is Status.BUILDING or not self.stage_builds.remove_running(build):
            return False
        log.warning("swept", decision="remove running build", reason=f"{build.deployment_id} is not building")
        return True

    def _remove_if_not_queued(self, waiting: WaitingBuild, log: Log) -> bool:
        # A change of the status after this read is harmless. A deployment only returns to `queued` if the
        # quota was reached, and `requeue` then also sends its message.
        if self._find_status(waiting) is Status.QUEUED:
            return False
        self.stage_builds.remove_waiting(waiting.deployment_id)
        log.warning("swept", decision="remove waiting build", reason=f"{waiting.deployment_id} is not queued")
        return True

    def _find_status(self, build: RunningBuild | WaitingBuild) -> Status | None:
        try:
            return self.deployments.get(build.project_id, build.deployment_id).status
        except DeploymentNotFoundError:
            return None

    def _select_next(self, builds: StageBuilds) -> list[WaitingBuild]:
        room = (
            builds.compute_capacity(self.max_concurrent_builds, at=self.clock())
            if builds.quota_reached
            else self.max_concurrent_builds
        )
        return list(islice(order_waiting_builds(builds), max(0, room - len(builds.running))))

    def _is_next(self, deployment: Deployment, builds: StageBuilds) -> bool:
        return any(each.deployment_id == deployment.deployment_id for each in self._select_next(builds))

    def _dispatch(self, builds: StageBuilds, log: Log) -> None:
        for each in self._select_next(builds):
            log.info("the next build is dispatched", next=each.deployment_id)
            self.build_queue.send(
                DeploymentMessage(project_id=each.project_id, deployment_id=each.deployment_id)
            )


def _set_waiting_since(deployment: Deployment, waiting: Sequence[WaitingBuild]) -> Deployment:
    since = [each.since for each in waiting if each.deployment_id == deployment.deployment_id]
    return evolve(deployment, waiting_since=since[0]) if since else deployment


def _add_waiting_build(builds: StageBuilds, deployment: Deployment) -> StageBuilds:
    waiting_build = WaitingBuild(
        deployment_id=deployment.deployment_id,
        project_id=deployment.project_id,
        user_id=deployment.user_id,
        since=deployment.created_at,
    )
    return evolve(builds, waiting=(*builds.waiting, waiting_build))
