"""The deploy platform's repositories, method by method."""

from collections.abc import Callable
from typing import Any

from attrs import evolve

from runtime.deploy.errors import DeploymentNotFoundError, ProjectNotFoundError
from runtime.deploy.model import Commit, Deployment, Project, Source, Variable
from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository
from runtime.shared.pages import Page
from tests.runtime.data.operation import OWNER, Operation, Scene
from tests.runtime.platform_fixture import FAILURE, RELEASE, World
from tests.runtime.tables import DEPLOYMENTS, PROJECTS

MESSAGE = "its ids come from the platform's own messages"
_SIGNED = "its ids come from a delivery that is checked by its signature"
_DECLARED = "sites are the program's own rows"
_NEW = "the row says whose it is; the caller takes that from the verified token"
_RETENTION = "what a project keeps is the platform's rule, for all tenants alike"
_READ = "the project's row was read, and with it whose it is, before"

Act = Callable[[World, str, Project, Deployment], object]


def operation(
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
    world.deployments.create(project, deployment, delivery="another")


def _switched(world: World, project: Project) -> Deployment:
    world.live(project)
    deployment = world.deploying(project)
    world.deployments.live_pointers.switch(deployment, at=world.clock())
    return deployment


def _replaced(world: World, project: Project) -> Deployment:
    world.live(project)
    return world.live(project)


def _collected(world: World, project: Project) -> Deployment:
    deployment = world.live(project)
    world.retention.mark_collected(deployment, at=world.clock())
    return world.again(deployment)


def _deletion(world: World) -> ProjectDeletionRepository:
    return ProjectDeletionRepository(
        client=world.dynamodb, projects_table=PROJECTS, deployments_table=DEPLOYMENTS
    )


def _being_deleted(world: World, project: Project) -> Deployment:
    deployment = world.placed_live(project)
    _deletion(world).begin_owned(OWNER, world.projects.get(project.project_id), at=world.clock())
    return deployment


def waiting(world: World, project: Project) -> Deployment:
    deployment = world.push(project)
    world.stage_builds.add_waiting(deployment, since=deployment.created_at)
    return deployment


OPERATIONS = (
    # For tenants
    operation(
        "ProjectRepository.get_owned",
        lambda w, user, p, _: w.projects.get_owned(user, p.project_id),
        "get_item",
    ),
    operation(
        "ProjectRepository.set_owned_variables",
        lambda w, user, p, _: w.projects.set_owned_variables(user, p, (), at=w.clock()),
        "update_item",
    ),
    operation(
        "LivePointerRepository.promote",
        lambda w, user, _, d: w.deployments.live_pointers.promote(user, d, at=w.clock()),
        "transact_write_items",
        "get_item",
        made=World.placed_live,
        more_calls="a transaction returns nothing: the project is read after it",
    ),
    operation(
        "ProjectRepository.change_owned",
        lambda w, user, p, _: w.projects.change_owned(
            user, p.project_id, {"pinned": False, "name": "New"}, at=w.clock()
        ),
        "update_item",
        made=World.placed_live,
    ),
    operation(
        "DeploymentRepository.get_owned",
        lambda w, user, _, d: w.deployments.get_owned(user, d.deployment_id),
        "query",
    ),
    operation(
        "ListRepository.list_projects", lambda w, user, *_: w.lists.list_projects(user, limit=10), "query"
    ),
    operation(
        "ListRepository.list_deployments",
        lambda w, user, p, _: w.lists.list_deployments(user, p.project_id, limit=10),
        "query",
    ),
    # For the platform
    operation(
        "ProjectRepository.create",
        _create,
        "transact_write_items",
        made=_beside_a_free_site,
        platform=_NEW,
    ),
    operation(
        "ProjectRepository.get",
        lambda w, _, p, __: w.projects.get(p.project_id),
        "get_item",
        platform=_SIGNED,
    ),
    operation(
        "ProjectRepository.get_site",
        lambda w, _, p, __: w.projects.get_site(p.site),
        "get_item",
        platform=_DECLARED,
    ),
    operation(
        "ProjectRepository.get_sites",
        lambda w, _, p, __: w.projects.get_sites({p.site}),
        "batch_get_item",
        platform=_DECLARED,
    ),
    operation(
        "DeploymentRepository.get",
        lambda w, _, __, d: w.deployments.get(d.project_id, d.deployment_id),
        "get_item",
        platform=MESSAGE,
    ),
    operation(
        "DeploymentRepository.list_queued",
        lambda w, _, __, d: w.deployments.list_queued(d),
        "query",
        platform=MESSAGE,
    ),
    operation("DeploymentRepository.create", _record, "transact_write_items", platform=_READ),
    operation(
        "DeploymentRepository.record_commit",
        lambda w, _, __, d: w.deployments.record_commit(d, "3" * 40),
        "update_item",
        made=World.building,
        platform=MESSAGE,
    ),
    # Deletion
    operation(
        "ProjectDeletionRepository.begin_owned",
        lambda w, user, p, _: _deletion(w).begin_owned(user, p, at=w.clock()),
        "update_item",
        made=World.placed_live,
    ),
    operation(
        "ProjectDeletionRepository.list_deployments",
        lambda w, _, p, __: _deletion(w).list_deployments(p.project_id),
        "query",
        platform=_READ,
    ),
    operation(
        "ProjectDeletionRepository.expire",
        lambda w, _, __, d: _deletion(w).expire([d], at=w.clock()),
        "transact_write_items",
        platform=_READ,
    ),
    operation(
        "ProjectDeletionRepository.finish",
        lambda w, _, p, __: _deletion(w).finish(p),
        "transact_write_items",
        made=_being_deleted,
        platform=_READ,
    ),
    operation(
        "DeploymentRepository.begin_deploying",
        lambda w, _, __, d: w.deployments.begin_deploying(d, at=w.clock()),
        "update_item",
        made=World.built,
        platform=MESSAGE,
    ),
    operation(
        "DeploymentRepository.record_release",
        lambda w, _, __, d: w.deployments.record_release(d, RELEASE, at=w.clock()),
        "update_item",
        made=World.deploying,
        platform=MESSAGE,
    ),
    operation(
        "LivePointerRepository.switch",
        lambda w, _, __, d: w.deployments.live_pointers.switch(d, at=w.clock()),
        "transact_write_items",
        "get_item",
        made=World.deploying,
        platform=MESSAGE,
        more_calls="a transaction returns nothing: the project is read after it",
    ),
    operation(
        "LivePointerRepository.finish_switch",
        lambda w, _, p, d: w.deployments.live_pointers.finish_switch(p, d, at=w.clock()),
        "transact_write_items",
        made=_switched,
        platform=MESSAGE,
    ),
    operation(
        "LivePointerRepository.finish_switch",
        lambda w, _, p, d: w.deployments.live_pointers.finish_switch(p, d, at=w.clock()),
        "get_item",
        made=World.placed_live,
        platform=MESSAGE,
    ),
    operation(
        "LivePointerRepository.finish_switch",
        lambda w, _, p, d: w.deployments.live_pointers.finish_switch(
            evolve(p, serving=None), d, at=w.clock()
        ),
        "transact_write_items",
        "get_item",
        "transact_write_items",
        made=_switched,
        platform=MESSAGE,
        more_calls="another switch finished since the project was read: it is read again",
    ),
    operation(
        "DeploymentRepository.fail",
        lambda w, _, __, d: w.deployments.fail(d, FAILURE, at=w.clock()),
        "update_item",
        made=World.built,
        platform=MESSAGE,
    ),
    operation(
        "DeploymentRepository.fail",
        lambda w, _, __, d: w.deployments.fail(d, FAILURE, at=w.clock()),
        "transact_write_items",
        made=waiting,
        platform=MESSAGE,
    ),
    operation(
        "DeploymentRepository.fail",
        lambda w, _, __, d: w.deployments.fail(d, FAILURE, at=w.clock()),
        "transact_write_items",
        made=World.deploying,
        platform=MESSAGE,
    ),
    operation(
        "DeploymentRepository.supersede",
        lambda w, _, __, d: w.deployments.supersede(d, at=w.clock()),
        "update_item",
        made=World.built,
        platform=MESSAGE,
    ),
    operation(
        "DeploymentRepository.supersede",
        lambda w, _, __, d: w.deployments.supersede(d, at=w.clock()),
        "transact_write_items",
        made=waiting,
        platform=MESSAGE,
    ),
    operation(
        "DeploymentRepository.supersede",
        lambda w, _, __, d: w.deployments.supersede(d, at=w.clock()),
        "transact_write_items",
        made=World.deploying,
        platform=MESSAGE,
    ),
    operation(
        "RetentionRepository.list_held",
        lambda w, *_: w.retention.list_held(),
        "query",
        made=World.live,
        platform=_RETENTION,
    ),
    operation(
        "RetentionRepository.mark_unused_collected",
        lambda w, *_: w.retention.mark_unused_collected(w.retention.list_held()[0], at=w.clock()),
        "query",
        "transact_write_items",
        made=_replaced,
        platform=_RETENTION,
        more_calls="the first one is this test's: it takes what the index lists",
    ),
    operation(
        "RetentionRepository.mark_collected",
        lambda w, _, __, d: w.retention.mark_collected(d, at=w.clock()),
        "update_item",
        platform=_RETENTION,
    ),
    operation(
        "RetentionRepository.clear_release",
        lambda w, _, __, d: w.retention.clear_release(d),
        "update_item",
        made=_collected,
        platform=_RETENTION,
    ),
)
