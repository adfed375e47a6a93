"""The operations of the deploy platform's repositories, except those in `build_operations.py`."""

from collections.abc import Callable
from typing import Any

from attrs import evolve

from runtime.deploy.audit.model import PLATFORM, Action
from runtime.deploy.errors import DeploymentNotFoundError, ProjectNotFoundError
from runtime.deploy.model import Commit, Deployment, Project, Source, Status, Variable
from runtime.deploy.repositories.project_deletion import ProjectDeletionRepository, StoredDeployment
from runtime.deploy.repositories.projects import build_claim_key
from runtime.deploy.repositories.sites import Claim
from runtime.shared.api.idempotency import IdempotentRequest
from runtime.shared.converters import from_row, to_row
from runtime.shared.pages import Page
from tests.runtime.data.operation import OWNER, Operation, Scene
from tests.runtime.platform_fixture import FAILURE, RELEASE, Platform
from tests.runtime.tables import AUDIT, DEPLOYMENTS, PROJECTS

MESSAGE = "the ids in its arguments come from messages that the platform sent"
_SIGNED = "the project id comes from a webhook delivery with a valid signature"
_DECLARED = "the rows of sites belong to the platform"
_NEW = "the row contains its owner, whom the caller takes from the verified token"
_RETENTION = "only the collector calls this method, for the projects of all tenants"
_CLAIM_READ = "this test makes the first call, to read the claim"
_HASHED = "the identity of the request is a hash that contains the user's id"
_READ = "the caller has read the project before, and knows the owner of the project"

Act = Callable[[Platform, str, Project, Deployment], object]
"""A function that calls the method. Arguments: the platform, the user's id, the project, the deployment."""


def make_operation(  # noqa: PLR0913 - the parts of an `Operation`
    method: str,
    act: Act,
    *calls: str,
    create: Callable[[Platform, Project], Deployment] = Platform.push,
    no_tenant_reason: str | None = None,
    more_calls_reason: str | None = None,
    empty: object = None,
) -> Operation:
    """Return an operation on a project of OWNER with one deployment, which `create` creates."""

    def create_scene(database: Any) -> Scene:  # noqa: ANN401 - clients have no type here
        platform = Platform(database)
        variables = (Variable(name="A", value="1", is_secret=False),)
        project = platform.create_project(user_id=OWNER, variables=variables)
        deployment = create(platform, project)
        project = platform.projects.get(project.project_id)
        return Scene(
            database=database,
            call=lambda user: act(platform, user, project, deployment),
        )

    listed = method.startswith("ListRepository.")
    reads_entries = method.startswith("AuditLogRepository.")
    return Operation(
        method=method,
        tables=(PROJECTS, DEPLOYMENTS, AUDIT),
        create_scene=create_scene,
        no_tenant_reason=no_tenant_reason,
        calls=calls,
        more_calls_reason=more_calls_reason,
        missing=() if listed or reads_entries else (ProjectNotFoundError, DeploymentNotFoundError),
        empty=empty if empty is not None else Page(items=(), cursor=None) if listed else None,
    )


def _make_request(user_id: str) -> IdempotentRequest:
    return IdempotentRequest(identity=user_id, fingerprint="body")


def _create_deployment_and_declare_site(platform: Platform, project: Project) -> Deployment:
    platform.declare_site("another")
    return platform.push(project)


def _create_project(platform: Platform, _user: str, project: Project, _: Deployment) -> None:
    platform.projects.create(evolve(project, project_id=platform.ids(), site="another"))


def _create_deployment(platform: Platform, _user: str, project: Project, _: Deployment) -> None:
    commit = Commit(sha="2" * 40, message="", author="")
    deployment = Deployment.queued(
        project, commit, deployment_id=platform.ids(), source=Source.PUSH, at=platform.clock()
    )
    platform.deployments.create(project, deployment, delivery="another")


def _create_switched_deployment(platform: Platform, project: Project) -> Deployment:
    platform.create_live(project)
    deployment = platform.create_deploying(project)
    platform.deployments.live_pointers.switch(deployment, at=platform.clock())
    return deployment


def _create_live_deployment_twice(platform: Platform, project: Project) -> Deployment:
    platform.create_live(project)
    return platform.create_live(project)


def _create_deploying_in_pinned_project(platform: Platform, project: Project) -> Deployment:
    live = platform.create_live(project)
    platform.deployments.live_pointers.promote(OWNER, live, pin=True, at=platform.clock())
    return platform.create_deploying(project)


def _create_collected(platform: Platform, project: Project) -> Deployment:
    deployment = platform.create_live(project)
    platform.retention.mark_collected(deployment, at=platform.clock())
    return platform.reload(deployment)


def _create_deletion_repository(platform: Platform) -> ProjectDeletionRepository:
    return ProjectDeletionRepository(
        client=platform.dynamodb, projects_table=PROJECTS, deployments_table=DEPLOYMENTS
    )


def _create_deployment_in_deleted_project(platform: Platform, project: Project) -> Deployment:
    deployment = platform.put_live(project)
    _create_deletion_repository(platform).begin_owned(
        OWNER, platform.projects.get(project.project_id), at=platform.clock()
    )
    return deployment


def _read_claim(platform: Platform, project: Project) -> Claim:
    answer = platform.dynamodb.get_item(TableName=PROJECTS, Key=build_claim_key(project.site))
    return from_row(answer["Item"], Claim)


def _put_claim(platform: Platform, project: Project, claim: Claim) -> Deployment:
    """Write the claim of a site in quarantine directly, so that the project's row stays readable."""
    deployment = platform.push(project)
    key = build_claim_key(project.site)
    row = to_row(claim, projectId=key["projectId"]["S"], sk=key["sk"]["S"])
    platform.database.put_item(TableName=PROJECTS, Item=row)
    return deployment


def _free_site(platform: Platform, project: Project) -> Deployment:
    freed = Claim(claimed_by=project.project_id, freed_by=OWNER, freed_at=platform.clock())
    return _put_claim(platform, project, freed)


def _reserve_freed_site(platform: Platform, project: Project) -> Deployment:
    at = platform.clock()
    return _put_claim(
        platform,
        project,
        Claim(claimed_by=project.project_id, freed_by=OWNER, freed_at=at, cleaning_at=at),
    )


def _create_entry(platform: Platform, project: Project) -> Deployment:
    deployment = platform.push(project)
    entry = platform.audit.build_user_entry(
        Action.PROJECT_CREATE,
        user_id=project.user_id,
        project_id=project.project_id,
        origin=PLATFORM,
        at=platform.clock(),
    )
    platform.projects.change_owned(
        OWNER, project.project_id, {"name": "New"}, at=platform.clock(), entry=entry
    )
    return deployment


def create_waiting(platform: Platform, project: Project) -> Deployment:
    deployment = platform.push(project)
    platform.stage_builds.add_waiting(deployment, since=deployment.created_at)
    return deployment


OPERATIONS = (
    # Methods that take the id of a tenant
    make_operation(
        "ProjectRepository.get_owned",
        lambda w, user, p, _: w.projects.get_owned(user, p.project_id),
        "get_item",
    ),
    make_operation(
        "ProjectRepository.set_owned_variables",
        lambda w, user, p, _: w.projects.set_owned_variables(user, p, (), at=w.clock()),
        "update_item",
    ),
    make_operation(
        "ProjectRepository.set_owned_deploy_keys",
        lambda w, user, p, _: w.projects.set_owned_deploy_keys(user, p, (), at=w.clock()),
        "update_item",
    ),
    make_operation(
        "ProjectRepository.begin_owned_secrets",
        lambda w, user, p, _: w.projects.begin_owned_secrets(user, p, writer=w.ids(), at=w.clock()),
        "update_item",
    ),
    make_operation(
        "ProjectRepository.end_owned_secrets",
        lambda w, user, p, _: w.projects.end_owned_secrets(user, p, writer=w.ids(), at=w.clock()),
        "update_item",
    ),
    make_operation(
        "LivePointerRepository.promote",
        lambda w, user, _, d: w.deployments.live_pointers.promote(user, d, pin=True, at=w.clock()),
        "transact_write_items",
        "get_item",
        create=Platform.put_live,
        more_calls_reason="a transaction returns no rows: the method reads the project afterwards",
    ),
    make_operation(
        "ProjectRepository.change_owned",
        lambda w, user, p, _: w.projects.change_owned(
            user, p.project_id, {"pinned": False, "name": "New"}, at=w.clock()
        ),
        "update_item",
        "get_item",
        create=Platform.put_live,
        more_calls_reason="a transaction returns no rows: the method reads the project afterwards",
    ),
    make_operation(
        "AuditLogRepository.list_entries",
        lambda w, user, p, _: w.audit_log.entries.list_entries(user, p.project_id, limit=10),
        "query",
        create=_create_entry,
    ),
    make_operation(
        "DeploymentRepository.get_owned",
        lambda w, user, _, d: w.deployments.get_owned(user, d.deployment_id),
        "query",
    ),
    make_operation(
        "ListRepository.list_projects", lambda w, user, *_: w.lists.list_projects(user, limit=10), "query"
    ),
    make_operation(
        "ListRepository.list_deployments",
        lambda w, user, p, _: w.lists.list_deployments(user, p.project_id, limit=10),
        "query",
    ),
    make_operation(
        "ListRepository.list_deployments_with_status",
        lambda w, user, p, _: w.lists.list_deployments_with_status(
            user, p.project_id, [Status.QUEUED], limit=10
        ),
        "query",
    ),
    make_operation(
        "ListRepository.list_owned_sites",
        lambda w, user, *_: w.lists.list_owned_sites(user),
        "query",
        empty={},
    ),
    # The identity of a request is a hash that contains the user, so another tenant has other rows.
    make_operation(
        "IdempotencyRepository.find_owned",
        lambda w, user, *_: w.project_service.requests.find_owned(_make_request(user), at=w.clock()),
        "get_item",
        no_tenant_reason=_HASHED,
    ),
    make_operation(
        "IdempotencyRepository.record_owned",
        lambda w, user, _, d: w.project_service.requests.record_owned(
            _make_request(user), result_id=d.deployment_id, replaced_id=None, at=w.clock()
        ),
        "update_item",
        no_tenant_reason=_HASHED,
    ),
    # Methods that do not take the id of a tenant
    make_operation(
        "SiteRepository.list_all",
        lambda w, *_: w.project_service.sites.list_all(),
        "get_item",
        "batch_get_item",
        no_tenant_reason=_DECLARED,
        more_calls_reason="the list contains only the names of the sites",
    ),
    make_operation(
        "ProjectRepository.create",
        _create_project,
        "transact_write_items",
        create=_create_deployment_and_declare_site,
        no_tenant_reason=_NEW,
    ),
    make_operation(
        "ProjectRepository.get",
        lambda w, _, p, __: w.projects.get(p.project_id),
        "get_item",
        no_tenant_reason=_SIGNED,
    ),
    make_operation(
        "ProjectRepository.get_site",
        lambda w, _, p, __: w.projects.get_site(p.site),
        "get_item",
        no_tenant_reason=_DECLARED,
    ),
    make_operation(
        "ProjectRepository.get_sites",
        lambda w, _, p, __: w.projects.get_sites({p.site}),
        "batch_get_item",
        no_tenant_reason=_DECLARED,
    ),
    make_operation(
        "DeploymentRepository.get",
        lambda w, _, __, d: w.deployments.get(d.project_id, d.deployment_id),
        "get_item",
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "DeploymentRepository.list_queued",
        lambda w, _, __, d: w.deployments.list_queued(d),
        "query",
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "DeploymentRepository.create",
        _create_deployment,
        "transact_write_items",
        no_tenant_reason=_READ,
    ),
    make_operation(
        "DeploymentRepository.record_commit",
        lambda w, _, __, d: w.deployments.record_commit(d, "3" * 40),
        "update_item",
        create=Platform.create_building,
        no_tenant_reason=MESSAGE,
    ),
    # Methods that delete a project
    make_operation(
        "ProjectDeletionRepository.begin_owned",
        lambda w, user, p, _: _create_deletion_repository(w).begin_owned(user, p, at=w.clock()),
        "update_item",
        create=Platform.put_live,
    ),
    make_operation(
        "ProjectDeletionRepository.list_deployments",
        lambda w, _, p, __: _create_deletion_repository(w).list_deployments(p.project_id),
        "query",
        no_tenant_reason=_READ,
    ),
    make_operation(
        "ProjectDeletionRepository.expire",
        lambda w, _, __, d: _create_deletion_repository(w).expire(
            [StoredDeployment(deployment=d, row_bytes=1000)], at=w.clock()
        ),
        "transact_write_items",
        no_tenant_reason=_READ,
    ),
    make_operation(
        "ProjectDeletionRepository.finish",
        lambda w, _, p, __: _create_deletion_repository(w).finish(p, at=w.clock()),
        "transact_write_items",
        create=_create_deployment_in_deleted_project,
        no_tenant_reason=_READ,
    ),
    # Methods for releases, which do not take the id of a tenant
    make_operation(
        "DeploymentRepository.begin_deploying",
        lambda w, _, __, d: w.deployments.begin_deploying(d, at=w.clock()),
        "update_item",
        create=Platform.create_built,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "DeploymentRepository.record_release",
        lambda w, _, __, d: w.deployments.record_release(d, RELEASE, at=w.clock()),
        "update_item",
        create=Platform.create_deploying,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "LivePointerRepository.switch",
        lambda w, _, __, d: w.deployments.live_pointers.switch(d, at=w.clock()),
        "transact_write_items",
        "get_item",
        create=Platform.create_deploying,
        no_tenant_reason=MESSAGE,
        more_calls_reason="a transaction returns no rows: the method reads the project afterwards",
    ),
    make_operation(
        "LivePointerRepository.finish_switch",
        lambda w, _, p, d: w.deployments.live_pointers.finish_switch(p, d, at=w.clock()),
        "transact_write_items",
        create=_create_switched_deployment,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "LivePointerRepository.finish_switch",
        lambda w, _, p, d: w.deployments.live_pointers.finish_switch(p, d, at=w.clock()),
        "get_item",
        create=Platform.put_live,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "LivePointerRepository.finish_switch",
        lambda w, _, p, d: w.deployments.live_pointers.finish_switch(
            evolve(p, serving=None), d, at=w.clock()
        ),
        "transact_write_items",
        "get_item",
        "transact_write_items",
        create=_create_switched_deployment,
        no_tenant_reason=MESSAGE,
        more_calls_reason="the project has changed: the method reads it and repeats the transaction",
    ),
    make_operation(
        "DeploymentRepository.fail",
        lambda w, _, __, d: w.deployments.fail(d, FAILURE, at=w.clock()),
        "update_item",
        create=Platform.create_built,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "DeploymentRepository.fail",
        lambda w, _, __, d: w.deployments.fail(d, FAILURE, at=w.clock()),
        "transact_write_items",
        create=create_waiting,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "DeploymentRepository.fail",
        lambda w, _, __, d: w.deployments.fail(d, FAILURE, at=w.clock()),
        "transact_write_items",
        create=Platform.create_deploying,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "DeploymentRepository.supersede",
        lambda w, _, __, d: w.deployments.supersede(d, at=w.clock()),
        "update_item",
        create=Platform.create_built,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "DeploymentRepository.supersede",
        lambda w, _, __, d: w.deployments.supersede(d, at=w.clock()),
        "transact_write_items",
        create=create_waiting,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "DeploymentRepository.supersede",
        lambda w, _, __, d: w.deployments.supersede(d, at=w.clock()),
        "transact_write_items",
        create=Platform.create_deploying,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "DeploymentRepository.mark_ready",
        lambda w, _, __, d: w.deployments.mark_ready(d, at=w.clock(), reason="pinned"),
        "transact_write_items",
        create=_create_deploying_in_pinned_project,
        no_tenant_reason=MESSAGE,
    ),
    # Methods that end the quarantine of a site
    make_operation(
        "QuarantineRepository.begin",
        lambda w, _, p, __: w.quarantine.begin(p.site, _read_claim(w, p), at=w.clock()),
        "get_item",
        "update_item",
        create=_free_site,
        no_tenant_reason=_RETENTION,
        more_calls_reason=_CLAIM_READ,
    ),
    make_operation(
        "QuarantineRepository.record_stop",
        lambda w, _, p, __: w.quarantine.record_stop(p.site, _read_claim(w, p), at=w.clock()),
        "get_item",
        "update_item",
        create=_reserve_freed_site,
        no_tenant_reason=_RETENTION,
        more_calls_reason=_CLAIM_READ,
    ),
    make_operation(
        "QuarantineRepository.end",
        lambda w, _, p, __: w.quarantine.end(p.site, _read_claim(w, p)),
        "get_item",
        "delete_item",
        create=_reserve_freed_site,
        no_tenant_reason=_RETENTION,
        more_calls_reason=_CLAIM_READ,
    ),
    make_operation(
        "RetentionRepository.list_held_releases",
        lambda w, *_: w.retention.list_held_releases(),
        "query",
        create=Platform.create_live,
        no_tenant_reason=_RETENTION,
    ),
    make_operation(
        "RetentionRepository.mark_collected_if_unused",
        lambda w, *_: w.retention.mark_collected_if_unused(w.retention.list_held_releases()[0], at=w.clock()),
        "query",
        "transact_write_items",
        create=_create_live_deployment_twice,
        no_tenant_reason=_RETENTION,
        more_calls_reason="this test makes the first call, to read the release from the index",
    ),
    make_operation(
        "RetentionRepository.mark_collected",
        lambda w, _, __, d: w.retention.mark_collected(d, at=w.clock()),
        "update_item",
        no_tenant_reason=_RETENTION,
    ),
    make_operation(
        "RetentionRepository.clear_release",
        lambda w, _, __, d: w.retention.clear_release(d),
        "update_item",
        create=_create_collected,
        no_tenant_reason=_RETENTION,
    ),
)
