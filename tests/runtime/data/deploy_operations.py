"""The deploy platform's repositories, method by method."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from attrs import evolve

from runtime.deploy.errors import DeploymentNotFoundError, ProjectNotFoundError
from runtime.deploy.model import Commit, Deployment, Project, Source, Status, Variable
from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
from runtime.shared.pages import Page
from tests.runtime.data.operation import OWNER, Operation, Scene
from tests.runtime.tables import DEPLOYMENTS, PROJECTS
from tests.runtime.world import FAILURE, RELEASE, World, message_of

_MESSAGE = "its ids come from the platform's own messages"
_SIGNED = "its ids come from a delivery that is checked by its signature"
_DECLARED = "sites are the program's own rows"
_SWEEP = "the platform's own upkeep, over all projects"
_NEW = "the row says whose it is; the caller takes that from the verified token"
_RETENTION = "what a project keeps is the platform's rule, for all tenants alike"
_READ = "the project's row was read, and with it whose it is, before"

Act = Callable[[World, str, Project, Deployment], object]


def _operation(
    method: str,
    act: Act,
    *calls: str,
    made: Callable[[World, Project], Deployment] = World.push,
    platform: str | None = None,
    more_calls: str | None = None,
) -> Operation:
    """An operation on a project of OWNER's with one deployment."""

    def scene(database: Any) -> Scene:  # noqa: ANN401 - clients have no type here
        world = World(database)
        variables = (Variable(name="A", value="1", is_secret=False),)
        project = world.project(user_id=OWNER, variables=variables)
        deployment = made(world, project)
        project = world.projects.get(project.project_id)
        return Scene(
            database=database,
            call=lambda user: act(world, user, project, deployment),
        )

    listed = method.startswith("ListRepository.")
    return Operation(
        method=method,
        tables=(PROJECTS, DEPLOYMENTS),
        scene=scene,
        platform=platform,
        calls=calls,
        more_calls=more_calls,
        missing=() if listed else (ProjectNotFoundError, DeploymentNotFoundError),
        empty=Page(items=(), cursor=None) if listed else None,
    )


def _beside_a_free_site(world: World, project: Project) -> Deployment:
    world.declare("another")
    return world.push(project)


def _create(world: World, _user: str, project: Project, _: Deployment) -> None:
    world.projects.create(evolve(project, project_id=world.ids(), site="another"))


def _record(world: World, _user: str, project: Project, _: Deployment) -> None:
    commit = Commit(sha="2" * 40, message="", author="")
    deployment = Deployment.queued(
        project, commit, deployment_id=world.ids(), source=Source.PUSH, at=world.clock()
    )
    world.deployments.record(project, deployment, delivery="another")


def _switched(world: World, project: Project) -> Deployment:
    world.live(project)
    deployment = world.deploying(project)
    world.deployments.switch(deployment, at=world.clock())
    return deployment


def _replaced(world: World, project: Project) -> Deployment:
    world.live(project)
    return world.live(project)


def _collected(world: World, project: Project) -> Deployment:
    deployment = world.live(project)
    world.retention.mark(deployment, at=world.clock())
    return world.again(deployment)


def _deletion(world: World) -> ProjectDeletionRepository:
    return ProjectDeletionRepository(
        client=world.dynamodb, projects_table=PROJECTS, deployments_table=DEPLOYMENTS
    )


def _being_deleted(world: World, project: Project) -> Deployment:
    deployment = world.placed_live(project)
    _deletion(world).begin_owned(OWNER, world.projects.get(project.project_id), at=world.clock())
    return deployment


def _taken(world: World, project: Project) -> Deployment:
    return world.slot.take(world.push(project), at=world.clock())


OPERATIONS = (
    # For tenants
    _operation(
        "ProjectRepository.owned", lambda w, user, p, _: w.projects.owned(user, p.project_id), "get_item"
    ),
    _operation(
        "ProjectRepository.set_owned_variables",
        lambda w, user, p, _: w.projects.set_owned_variables(user, p, (), at=w.clock()),
        "update_item",
    ),
    _operation(
        "DeploymentRepository.promote",
        lambda w, user, _, d: w.deployments.promote(user, d, at=w.clock()),
        "transact_write_items",
        "get_item",
        made=World.placed_live,
        more_calls="a transaction returns nothing: the project is read after it",
    ),
    _operation(
        "ProjectRepository.change_owned",
        lambda w, user, p, _: w.projects.change_owned(
            user, p.project_id, {"pinned": False, "name": "New"}, at=w.clock()
        ),
        "update_item",
        made=World.placed_live,
    ),
    _operation(
        "DeploymentRepository.owned",
        lambda w, user, _, d: w.deployments.owned(user, d.deployment_id),
        "query",
    ),
    _operation(
        "BuildSlotRepository.cancel_owned",
        lambda w, user, _, d: w.slot.cancel_owned(user, d, at=w.clock()),
        "update_item",
    ),
    _operation(
        "BuildSlotRepository.cancel_owned",
        # Also for a caller that believes the row to be its own.
        lambda w, user, _, d: w.slot.cancel_owned(user, evolve(d, user_id=user), at=w.clock()),
        "transact_write_items",
        made=World.building,
    ),
    _operation("ListRepository.projects", lambda w, user, *_: w.lists.projects(user, limit=10), "query"),
    _operation(
        "ListRepository.deployments",
        lambda w, user, p, _: w.lists.deployments(user, p.project_id, limit=10),
        "query",
    ),
    # For the platform
    _operation(
        "ProjectRepository.create",
        _create,
        "transact_write_items",
        made=_beside_a_free_site,
        platform=_NEW,
    ),
    _operation(
        "ProjectRepository.get",
        lambda w, _, p, __: w.projects.get(p.project_id),
        "get_item",
        platform=_SIGNED,
    ),
    _operation(
        "ProjectRepository.site", lambda w, _, p, __: w.projects.site(p.site), "get_item", platform=_DECLARED
    ),
    _operation(
        "ProjectRepository.sites",
        lambda w, _, p, __: w.projects.sites({p.site}),
        "batch_get_item",
        platform=_DECLARED,
    ),
    _operation(
        "DeploymentRepository.get",
        lambda w, _, __, d: w.deployments.get(d.project_id, d.deployment_id),
        "get_item",
        platform=_MESSAGE,
    ),
    _operation(
        "DeploymentRepository.waiting",
        lambda w, _, p, __: w.deployments.waiting(p.project_id, since=p.created_at),
        "query",
        platform=_MESSAGE,
    ),
    _operation("DeploymentRepository.record", _record, "transact_write_items", platform=_READ),
    _operation(
        "DeploymentRepository.record_commit",
        lambda w, _, __, d: w.deployments.record_commit(d, "3" * 40),
        "update_item",
        made=World.building,
        platform=_MESSAGE,
    ),
    # Deletion
    _operation(
        "ProjectDeletionRepository.begin_owned",
        lambda w, user, p, _: _deletion(w).begin_owned(user, p, at=w.clock()),
        "update_item",
        made=World.placed_live,
    ),
    _operation(
        "ProjectDeletionRepository.deployments",
        lambda w, _, p, __: _deletion(w).deployments(p.project_id),
        "query",
        platform=_READ,
    ),
    _operation(
        "ProjectDeletionRepository.expire",
        lambda w, _, __, d: _deletion(w).expire([d], at=w.clock()),
        "transact_write_items",
        platform=_READ,
    ),
    _operation(
        "ProjectDeletionRepository.finish",
        lambda w, _, p, __: _deletion(w).finish(p),
        "transact_write_items",
        made=_being_deleted,
        platform=_READ,
    ),
    _operation(
        "DeploymentRepository.begin_deploying",
        lambda w, _, __, d: w.deployments.begin_deploying(d, at=w.clock()),
        "update_item",
        made=World.built,
        platform=_MESSAGE,
    ),
    _operation(
        "DeploymentRepository.record_release",
        lambda w, _, __, d: w.deployments.record_release(d, RELEASE, at=w.clock()),
        "update_item",
        made=World.deploying,
        platform=_MESSAGE,
    ),
    _operation(
        "DeploymentRepository.switch",
        lambda w, _, __, d: w.deployments.switch(d, at=w.clock()),
        "transact_write_items",
        "get_item",
        made=World.deploying,
        platform=_MESSAGE,
        more_calls="a transaction returns nothing: the project is read after it",
    ),
    _operation(
        "DeploymentRepository.finish_switch",
        lambda w, _, p, d: w.deployments.finish_switch(p, d, at=w.clock()),
        "transact_write_items",
        made=_switched,
        platform=_MESSAGE,
    ),
    _operation(
        "DeploymentRepository.finish_switch",
        lambda w, _, p, d: w.deployments.finish_switch(p, d, at=w.clock()),
        "get_item",
        made=World.placed_live,
        platform=_MESSAGE,
    ),
    _operation(
        "DeploymentRepository.finish_switch",
        lambda w, _, p, d: w.deployments.finish_switch(evolve(p, serving=None), d, at=w.clock()),
        "transact_write_items",
        "get_item",
        "transact_write_items",
        made=_switched,
        platform=_MESSAGE,
        more_calls="another switch finished since the project was read: it is read again",
    ),
    _operation(
        "DeploymentRepository.fail",
        lambda w, _, __, d: w.deployments.fail(d, FAILURE, at=w.clock()),
        "update_item",
        platform=_MESSAGE,
    ),
    _operation(
        "DeploymentRepository.fail",
        lambda w, _, __, d: w.deployments.fail(d, FAILURE, at=w.clock()),
        "transact_write_items",
        made=World.deploying,
        platform=_MESSAGE,
    ),
    _operation(
        "DeploymentRepository.supersede",
        lambda w, _, __, d: w.deployments.supersede(d, at=w.clock()),
        "update_item",
        platform=_MESSAGE,
    ),
    _operation(
        "DeploymentRepository.supersede",
        lambda w, _, __, d: w.deployments.supersede(d, at=w.clock()),
        "transact_write_items",
        made=World.deploying,
        platform=_MESSAGE,
    ),
    _operation(
        "BuildSlotRepository.take",
        lambda w, _, __, d: w.slot.take(d, at=w.clock()),
        "transact_write_items",
        platform=_MESSAGE,
    ),
    _operation(
        "BuildSlotRepository.record_build",
        lambda w, _, __, d: w.slot.record_build(d, "build", at=w.clock()),
        "update_item",
        made=_taken,
        platform=_MESSAGE,
    ),
    _operation(
        "BuildSlotRepository.free",
        lambda w, _, __, d: w.slot.free(d, Status.FAILED, at=w.clock(), failure=FAILURE),
        "transact_write_items",
        made=_taken,
        platform=_MESSAGE,
    ),
    _operation(
        "BuildSlotRepository.release_abandoned",
        lambda w, _, p, d: w.slot.release_abandoned(p.project_id, d.deployment_id),
        "update_item",
        made=_taken,
        platform=_SWEEP,
    ),
    _operation(
        "LeaseRepository.overdue",
        lambda w, *_: list(w.leases.overdue(at=w.clock())),
        *(["query"] * 4),
        platform=_SWEEP,
        more_calls="one for each partition of the index",
    ),
    _operation(
        "LeaseRepository.get",
        lambda w, _, __, d: w.leases.get(message_of(d)),
        "get_item",
        platform=_SWEEP,
    ),
    _operation(
        "LeaseRepository.prolong",
        lambda w, _, __, d: w.leases.prolong(
            w.leases.get(message_of(d)), timedelta(minutes=5), at=w.clock(), redrives=1
        ),
        "get_item",
        "update_item",
        platform=_SWEEP,
        more_calls="the first one is this test's: it prolongs what it has read",
    ),
    _operation(
        "LeaseRepository.end",
        lambda w, _, __, d: w.leases.end(w.leases.get(message_of(d))),
        "get_item",
        "update_item",
        platform=_SWEEP,
        more_calls="the first one is this test's: it ends what it has read",
    ),
    _operation(
        "RetentionRepository.held",
        lambda w, *_: w.retention.held(),
        "query",
        made=World.live,
        platform=_RETENTION,
    ),
    _operation(
        "RetentionRepository.take",
        lambda w, *_: w.retention.take(w.retention.held()[0], at=w.clock()),
        "query",
        "transact_write_items",
        made=_replaced,
        platform=_RETENTION,
        more_calls="the first one is this test's: it takes what the index lists",
    ),
    _operation(
        "RetentionRepository.mark",
        lambda w, _, __, d: w.retention.mark(d, at=w.clock()),
        "update_item",
        platform=_RETENTION,
    ),
    _operation(
        "RetentionRepository.finish",
        lambda w, _, __, d: w.retention.finish(d),
        "update_item",
        made=_collected,
        platform=_RETENTION,
    ),
)
