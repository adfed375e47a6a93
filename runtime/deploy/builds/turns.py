"""Whose build is next when there is room for one in the stage: fair between tenants (P8).

Room is for `concurrentBuilds` builds, or for fewer while CodeBuild itself takes no more. Who finds none
waits as a row, and whoever ends a build calls those whose turn it is. Nothing is reserved for who was called:
his message finds out again whether it is his turn, by the same rule over the same rows, and so does a
newcomer's, who cannot overtake.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Self

from attrs import evolve, frozen

from runtime.deploy.builds.build_event import BUILDS_WAIT, CODEBUILD_FULL
from runtime.deploy.builds.waiting import newest_waiting, next_waiting
from runtime.deploy.errors import DeploymentNotFoundError, StaleDeploymentError
from runtime.deploy.messages import BuildQueue, DeploymentMessage
from runtime.deploy.model import Deployment, Status
from runtime.deploy.repositories.build_slot import BuildSlotRepository
from runtime.deploy.repositories.deployments import DeploymentRepository
from runtime.deploy.repositories.patience import PATIENT, Patience
from runtime.deploy.repositories.stage_builds import (
    NEVER,
    RunningBuild,
    StageBuildRepository,
    StageBuilds,
    WaitingBuild,
)
from runtime.shared.clock import Clock
from runtime.shared.logging import Log

_LATER: Final = 65  # seconds, after which there is room for one more to try (`StageBuilds.room`)
_JUST_NOW: Final = datetime.max.replace(tzinfo=UTC)


def in_order(builds: StageBuilds) -> Iterator[WaitingBuild]:
    """Yield what waits in the order of its turns.

    Next is the tenant with the fewest builds that run; of several, the one whose last build started longest
    ago; then, the one who has waited for longest. Of a tenant's own builds, the one that has waited for
    longest. A project whose build runs is passed over: it has one at a time.
    """
    building = {each.project_id for each in builds.running}
    waiting: dict[str, list[WaitingBuild]] = {}
    for each in sorted(_by_project(builds), key=lambda each: (each.since, each.deployment_id)):
        if each.project_id not in building:
            waiting.setdefault(each.user_id, []).append(each)
    running = dict.fromkeys(waiting, 0)
    for each in builds.running:
        running[each.user_id] = running.get(each.user_id, 0) + 1
    started = dict(builds.started)

    def place(user_id: str) -> tuple[int, datetime, datetime, str]:
        return running[user_id], started.get(user_id, NEVER), waiting[user_id][0].since, user_id

    while waiting:
        user_id = min(waiting, key=place)
        yield waiting[user_id].pop(0)
        running[user_id] += 1
        started[user_id] = _JUST_NOW
        if not waiting[user_id]:
            del waiting[user_id]


def _by_project(builds: StageBuilds) -> list[WaitingBuild]:
    """Of each project the newest one, which waits since the first one did."""
    found: dict[str, WaitingBuild] = {}
    for each in sorted(builds.waiting, key=lambda each: each.deployment_id):
        before = found.get(each.project_id)
        found[each.project_id] = evolve(each, since=min(each.since, before.since)) if before else each
    return list(found.values())


@frozen(kw_only=True)
class Turns:
    """Gives the stage's room for builds to who is next.

    Attributes:
        room: How many builds may run at the same time.
    """

    deployments: DeploymentRepository
    slot: BuildSlotRepository
    stage_builds: StageBuildRepository
    build_queue: BuildQueue
    room: int
    clock: Clock

    @classmethod
    def composed(
        cls,
        deployments: DeploymentRepository,
        build_queue: BuildQueue,
        *,
        room: int,
        clock: Clock,
        patience: Patience = PATIENT,
    ) -> Self:
        """Return the turns of the stage whose tables the deployments are in."""
        client, table, projects_table = deployments.client, deployments.table, deployments.projects.table
        return cls(
            deployments=deployments,
            slot=BuildSlotRepository(
                client=client,
                deployments_table=table,
                projects_table=projects_table,
                room=room,
                patience=patience,
            ),
            stage_builds=StageBuildRepository(
                client=client, deployments_table=table, projects_table=projects_table
            ),
            build_queue=build_queue,
            room=room,
            clock=clock,
        )

    def of(self, deployment: Deployment, log: Log) -> Deployment | None:
        """Return who of the deployment's project is to build now, if it is the project's turn.

        Otherwise the project's newest deployment waits, and older ones become `superseded`. Repeatable. One
        call of DynamoDB where there is room; a waiting one costs three more, and one for each that becomes
        `superseded`.

        Args:
            deployment: As read, `queued`, of a project whose build slot is free.
            log: For what happens.

        Returns:
            With the place that it has among those that wait.
        """
        builds = self.stage_builds.read()
        before = builds.waiting_of(deployment.project_id)
        if all(each.deployment_id == deployment.deployment_id for each in before) and self._is_called(
            deployment, builds if before else _with(builds, deployment)
        ):
            return _at_place(deployment, before)
        newest = newest_waiting(self.deployments, deployment, at=self.clock())
        if newest:
            since = min([newest.created_at, *(each.since for each in before)])
            if not self.stage_builds.wait(newest, since=since):
                newest = None
        # Again, after the row: a build that ended in between may have found nobody waiting.
        builds = self.stage_builds.read()
        if newest and self._is_called(newest, builds):
            return _at_place(newest, builds.waiting)
        log.info("waits for its turn", running=len(builds.running), waiting=len(builds.waiting))
        self._call(builds, log)
        return None

    def pass_on(self, ended: Deployment, log: Log) -> None:
        """Let the project's next deployment wait among the others, and call those whose turn it is.

        Repeatable. Two calls of DynamoDB and one more if the project has a next one, and one for each that
        becomes `superseded`.
        """
        newest = next_waiting(self.deployments, ended, at=self.clock())
        if newest:
            self.stage_builds.wait(newest, since=newest.created_at)
        self.call(log)

    def give_back(self, deployment: Deployment, log: Log) -> None:
        """Let a deployment wait again that had its turn, but for whose build CodeBuild had no room.

        It has lost nothing by that: neither its place, nor does it count as its tenant's last build. Unless a
        build ends nobody is called for a minute; then who is next tries, be it this one or another. A newer
        deployment of the project takes its place. Four calls of DynamoDB, and one for each deployment that
        becomes `superseded`.
        """
        try:
            given = self.slot.give_back(deployment, at=self.clock())
        except StaleDeploymentError as stale:
            log.info("nothing to give back", status=stale.found)
            return
        # After it: of several that give back at the same moment, the last one counts right.
        running = len(self.stage_builds.read().running)
        self.stage_builds.note_full(builds=running, at=self.clock())
        # The sweep, which tells how long others have waited, never meets the one that tries each minute.
        waited = self.clock() - (given.waiting_since or given.created_at)
        log.warning(CODEBUILD_FULL, running=running, room=self.room, seconds=int(waited.total_seconds()))
        newest = newest_waiting(self.deployments, given, at=self.clock())
        if newest and newest.deployment_id != given.deployment_id:
            self.stage_builds.wait(newest, since=given.waiting_since or given.created_at)
        self.build_queue.send_later(given, seconds=_LATER)

    def leave(self, ended: Deployment, log: Log) -> None:
        """Do as `pass_on` does for a deployment whose turn it was, but which has come to an end before it.

        It waits no more. That is so anyhow, unless rows were restored or changed by hand: then each message
        would send the next.
        """
        self.stage_builds.withdraw(ended.deployment_id)
        self.pass_on(ended, log)

    def call(self, log: Log) -> None:
        """Send those on their way whose turn it is, if there is room."""
        self._call(self.stage_builds.read(), log)

    def keeps_waiting(self, deployment: Deployment) -> bool:
        """Tell whether a deployment that has stood still waits for a turn that has not come.

        If it has come and was not taken, the deployment waits no more, so that it holds up nobody: whatever
        is wrong with it may still be.
        """
        builds = self.stage_builds.read()
        if all(each.deployment_id != deployment.deployment_id for each in builds.waiting):
            return False
        if not self._is_called(deployment, builds):
            return True
        self.stage_builds.withdraw(deployment.deployment_id)
        return False

    def note_running(self, deployment: Deployment) -> bool:
        """Write that a `building` deployment's build runs, where that is not written; True if it was not.

        Raises:
            StaleDeploymentError: It is `building` no more.
            BuildSlotTakenError: Another deployment of the project is building.
        """
        if RunningBuild.of(deployment) in self.stage_builds.read().running:
            return False
        self.slot.take(deployment, at=self.clock())
        return True

    def look_after(self, log: Log) -> None:
        """Forget what does not run and what does not wait, should any wait, and call those whose turn it is.

        Rows and deployments are written together; but rows can be restored or changed by hand.
        """
        builds = self.stage_builds.read()
        if not builds.waiting:
            return
        kept = tuple(each for each in builds.running if not self._is_over(each, log))
        builds = evolve(builds, running=kept)
        gone = {each.deployment_id for each in self._called(builds) if self._has_left(each, log)}
        waiting = tuple(each for each in builds.waiting if each.deployment_id not in gone)
        if waiting:
            longest = max(self.clock() - each.since for each in waiting)
            log.info(BUILDS_WAIT, waiting=len(waiting), seconds=int(longest.total_seconds()))
        self._call(evolve(builds, waiting=waiting), log)

    def _is_over(self, build: RunningBuild, log: Log) -> bool:
        if self._status(build) is Status.BUILDING or not self.stage_builds.forget(build):
            return False
        log.warning("swept", decision="make room", reason=f"{build.deployment_id} does not build")
        return True

    def _has_left(self, waiting: WaitingBuild, log: Log) -> bool:
        # What has left `queued` comes back to it only from a full CodeBuild, and then by a message, too.
        if self._status(waiting) is Status.QUEUED:
            return False
        self.stage_builds.withdraw(waiting.deployment_id)
        log.warning("swept", decision="wait no more", reason=f"{waiting.deployment_id} is not queued")
        return True

    def _status(self, build: RunningBuild | WaitingBuild) -> Status | None:
        try:
            return self.deployments.get(build.project_id, build.deployment_id).status
        except DeploymentNotFoundError:
            return None

    def _called(self, builds: StageBuilds) -> list[WaitingBuild]:
        room = builds.room(self.room, at=self.clock()) if builds.full else self.room
        return list(islice(in_order(builds), max(0, room - len(builds.running))))

    def _is_called(self, deployment: Deployment, builds: StageBuilds) -> bool:
        return any(each.deployment_id == deployment.deployment_id for each in self._called(builds))

    def _call(self, builds: StageBuilds, log: Log) -> None:
        for each in self._called(builds):
            log.info("the next build is sent", next=each.deployment_id)
            self.build_queue.send(
                DeploymentMessage(project_id=each.project_id, deployment_id=each.deployment_id)
            )


def _at_place(deployment: Deployment, waiting: Sequence[WaitingBuild]) -> Deployment:
    since = [each.since for each in waiting if each.deployment_id == deployment.deployment_id]
    return evolve(deployment, waiting_since=since[0]) if since else deployment


def _with(builds: StageBuilds, deployment: Deployment) -> StageBuilds:
    newcomer = WaitingBuild(
        deployment_id=deployment.deployment_id,
        project_id=deployment.project_id,
        user_id=deployment.user_id,
        since=deployment.created_at,
    )
    return evolve(builds, waiting=(*builds.waiting, newcomer))
