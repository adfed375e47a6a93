"""The operations of the repositories for build slots, for the stage's builds and for leases."""

from datetime import timedelta

from attrs import evolve

from runtime.deploy.model import Deployment, Project, Status
from runtime.deploy.repositories.stage_builds import RunningBuild
from tests.runtime.data.deploy_operations import MESSAGE, create_waiting, make_operation
from tests.runtime.platform_fixture import FAILURE, Platform, make_build_message

_SWEEP = "only the sweep calls this method, for the projects of all tenants"
_STAGE = "all tenants share the build capacity of the stage"


def _create_deployment_with_slot(platform: Platform, project: Project) -> Deployment:
    return platform.slot.take(platform.push(project), at=platform.clock())


OPERATIONS = (
    # Methods that take the id of a tenant
    make_operation(
        "BuildSlotRepository.cancel_owned",
        lambda w, user, _, d: w.slot.cancel_owned(user, d, at=w.clock()),
        "transact_write_items",
        create=create_waiting,
    ),
    make_operation(
        "BuildSlotRepository.cancel_owned",
        lambda w, user, _, d: w.slot.cancel_owned(user, d, at=w.clock()),
        "update_item",
        create=Platform.create_built,
    ),
    make_operation(
        "BuildSlotRepository.cancel_owned",
        # The call must be refused, although the passed deployment names the caller as its owner.
        lambda w, user, _, d: w.slot.cancel_owned(user, evolve(d, user_id=user), at=w.clock()),
        "transact_write_items",
        create=Platform.create_building,
    ),
    # Methods that do not take the id of a tenant
    make_operation(
        "BuildSlotRepository.take",
        lambda w, _, __, d: w.slot.take(d, at=w.clock()),
        "transact_write_items",
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "BuildSlotRepository.requeue",
        lambda w, _, __, d: w.slot.requeue(d, at=w.clock()),
        "transact_write_items",
        create=_create_deployment_with_slot,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "BuildSlotRepository.record_build",
        lambda w, _, __, d: w.slot.record_build(d, "build", at=w.clock()),
        "update_item",
        create=_create_deployment_with_slot,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "BuildSlotRepository.free",
        lambda w, _, __, d: w.slot.free(d, Status.FAILED, at=w.clock(), failure=FAILURE),
        "transact_write_items",
        create=_create_deployment_with_slot,
        no_tenant_reason=MESSAGE,
    ),
    make_operation(
        "BuildSlotRepository.free_abandoned",
        lambda w, _, p, d: w.slot.free_abandoned(p.project_id, d.deployment_id),
        "update_item",
        create=_create_deployment_with_slot,
        no_tenant_reason=_SWEEP,
    ),
    make_operation(
        "StageBuildRepository.read",
        lambda w, *_: w.stage_builds.read(),
        "query",
        create=create_waiting,
        no_tenant_reason=_STAGE,
    ),
    make_operation(
        "StageBuildRepository.add_waiting",
        lambda w, _, __, d: w.stage_builds.add_waiting(d, since=w.clock()),
        "transact_write_items",
        create=create_waiting,
        no_tenant_reason=_STAGE,
    ),
    make_operation(
        "StageBuildRepository.record_quota_reached",
        lambda w, *_: w.stage_builds.record_quota_reached(builds=2, at=w.clock()),
        "update_item",
        no_tenant_reason=_STAGE,
    ),
    make_operation(
        "StageBuildRepository.remove_waiting",
        lambda w, _, __, d: w.stage_builds.remove_waiting(d.deployment_id),
        "delete_item",
        create=create_waiting,
        no_tenant_reason=_STAGE,
    ),
    make_operation(
        "StageBuildRepository.remove_running",
        lambda w, _, __, d: w.stage_builds.remove_running(RunningBuild.from_deployment(d)),
        "transact_write_items",
        create=_create_deployment_with_slot,
        no_tenant_reason=_STAGE,
    ),
    make_operation(
        "LeaseRepository.list_expired",
        lambda w, *_: list(w.leases.list_expired(at=w.clock())),
        *(["query"] * 4),
        no_tenant_reason=_SWEEP,
        more_calls_reason="one call for each partition of the index",
    ),
    make_operation(
        "LeaseRepository.get",
        lambda w, _, __, d: w.leases.get(make_build_message(d)),
        "get_item",
        no_tenant_reason=_SWEEP,
    ),
    make_operation(
        "LeaseRepository.extend",
        lambda w, _, __, d: w.leases.extend(
            w.leases.get(make_build_message(d)), timedelta(minutes=5), at=w.clock(), redrives=1
        ),
        "get_item",
        "update_item",
        no_tenant_reason=_SWEEP,
        more_calls_reason="this test makes the first call, to read the lease that the method extends",
    ),
    make_operation(
        "LeaseRepository.postpone",
        lambda w, _, __, d: w.leases.postpone(make_build_message(d), at=w.clock() + timedelta(hours=1)),
        "update_item",
        no_tenant_reason=_SWEEP,
    ),
    make_operation(
        "LeaseRepository.end",
        lambda w, _, __, d: w.leases.end(w.leases.get(make_build_message(d))),
        "get_item",
        "update_item",
        no_tenant_reason=_SWEEP,
        more_calls_reason="this test makes the first call, to read the lease that the method ends",
    ),
)
