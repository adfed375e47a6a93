"""The operations of the shop store's repositories. The tenants are shops."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from attrs import evolve

from runtime.shared.pages import Page
from runtime.shops.errors import JobNotFoundError, ShopNotFoundError
from runtime.shops.model import ImportRecord, Job, Shop, Status
from tests.runtime.data.operation import Operation, Scene
from tests.runtime.shops.shop_fixture import OTHER_SHOP, SEALED, SHOP, START, ShopPlatform
from tests.runtime.tables import IMPORT_HISTORY, JOBS, SHOPS

NOTHING: Page[object] = Page(items=(), cursor=None)
SHOPS_OWN = {"owner": SHOP, "others": (OTHER_SHOP, SHOP + ".x", "METADATA")}
_NEW = "the row contains the domain of its shop, which the caller has authenticated"
_SWEEP = "the method lists the jobs of all shops, for the upkeep of the platform and not for a shop"


def _make_operation(
    method: str,
    act: Callable[[ShopPlatform, str, Job], object],
    *calls: str,
    create: Callable[[ShopPlatform], Job] = ShopPlatform.create_queued,
    **more: Any,  # noqa: ANN401 - an operation's fields
) -> Operation:
    """Return an operation on a shop that has one job and the import record of another job."""

    def create_scene(database: Any) -> Scene:  # noqa: ANN401 - clients have no type here
        platform = ShopPlatform(database)
        platform.install_shop()
        platform.create_recorded()
        job = create(platform)
        return Scene(
            database=database,
            call=lambda shop: act(platform, shop, job),
        )

    return Operation(
        method=method,
        tables=(SHOPS, JOBS, IMPORT_HISTORY),
        create_scene=create_scene,
        calls=calls,
        **SHOPS_OWN,
        **more,
    )


INSTALLED = Shop(domain=SHOP, access_token=SEALED, installed_at=START, updated_at=START)


def _rename_shop(platform: ShopPlatform, shop: str, _: Job) -> Shop:
    """Rename the shop with the domain `shop`. The row passed as the old row is always that of SHOP."""
    return platform.shops.update(shop, INSTALLED, evolve(INSTALLED, name="new"))


def _record_import(platform: ShopPlatform, _: str, job: Job) -> ImportRecord:
    return platform.history.record(ImportRecord.from_job(job))


def _create_finished_with_taken_timestamp(platform: ShopPlatform) -> Job:
    """Return a finished job. The history already has a record of another job with the same timestamp."""
    job = platform.create_succeeded()
    placed = platform.history.record(ImportRecord.from_job(job))
    key = {"shopDomain": {"S": SHOP}, "timestamp": {"N": str(placed.timestamp)}}
    platform.database.update_item(
        TableName=IMPORT_HISTORY,
        Key=key,
        UpdateExpression="SET jobId = :other",
        ExpressionAttributeValues={":other": {"S": "another"}},
    )
    return job


JOB = {"missing": (JobNotFoundError,)}
SHOP_ROW = {"missing": (ShopNotFoundError,)}

OPERATIONS = (
    _make_operation("ShopRepository.get", lambda w, shop, _: w.shops.get(shop), "get_item", **SHOP_ROW),
    _make_operation(
        "ShopRepository.install",
        lambda w, _, __: w.install_shop(installed_at=w.clock.move(seconds=1)),
        "update_item",
        no_tenant_reason=_NEW,
    ),
    _make_operation(
        "ShopRepository.update",
        _rename_shop,
        "update_item",
        **SHOP_ROW,
    ),
    _make_operation(
        "ShopRepository.uninstall",
        lambda w, shop, _: w.shops.uninstall(shop, at=w.clock()),
        "delete_item",
        **SHOP_ROW,
    ),
    _make_operation("JobRepository.get", lambda w, shop, j: w.jobs.get(shop, j.job_id), "get_item", **JOB),
    _make_operation(
        "JobRepository.list_for_shop",
        lambda w, shop, _: w.jobs.list_for_shop(shop, limit=10),
        "query",
        empty=NOTHING,
    ),
    _make_operation(
        "JobRepository.list_with_status",
        lambda w, _, __: w.jobs.list_with_status(Status.QUEUED, limit=10),
        "query",
        "batch_get_item",
        no_tenant_reason=_SWEEP,
        more_calls_reason="the index has only keys, so the second call reads the rows",
    ),
    _make_operation(
        "JobRepository.create",
        lambda w, _, j: w.jobs.create(evolve(j, job_id=w.ids())),
        "put_item",
        no_tenant_reason=_NEW,
    ),
    _make_operation(
        "JobRepository.start", lambda w, shop, j: w.jobs.start(shop, j.job_id), "update_item", **JOB
    ),
    _make_operation(
        "JobRepository.count_batch",
        lambda w, shop, j: w.jobs.count_batch(shop, j.job_id, batch=0, processed=1),
        "update_item",
        create=ShopPlatform.create_running,
        **JOB,
    ),
    _make_operation(
        "JobRepository.succeed",
        lambda w, shop, j: w.jobs.succeed(shop, j.job_id),
        "update_item",
        create=ShopPlatform.create_running,
        **JOB,
    ),
    _make_operation(
        "JobRepository.fail",
        lambda w, shop, j: w.jobs.fail(shop, j.job_id, error="no"),
        "update_item",
        **JOB,
    ),
    _make_operation(
        "JobRepository.cancel", lambda w, shop, j: w.jobs.cancel(shop, j.job_id), "update_item", **JOB
    ),
    _make_operation(
        "ImportHistoryRepository.record",
        _record_import,
        "put_item",
        create=ShopPlatform.create_succeeded,
        no_tenant_reason=_NEW,
    ),
    _make_operation(
        "ImportHistoryRepository.record",
        _record_import,
        "put_item",
        "put_item",
        create=_create_finished_with_taken_timestamp,
        no_tenant_reason=_NEW,
        more_calls_reason="the microsecond is taken, so the second call uses the next microsecond",
    ),
    _make_operation(
        "ImportHistoryRepository.list_between",
        lambda w, shop, _: w.history.list_between(shop, START, START + timedelta(days=1), limit=10),
        "query",
        empty=NOTHING,
    ),
)
