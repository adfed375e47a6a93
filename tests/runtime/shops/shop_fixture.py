# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""The shop store on a DynamoDB client, with a clock that only tests move."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, evolve

from runtime.shared.cursors import Cursors
from runtime.shared.ids import make_ulid_generator
from runtime.shops.import_history import ImportHistoryRepository
from runtime.shops.jobs import JobRepository
from runtime.shops.model import ImportRecord, Job, Shop, Status
from runtime.shops.shops import ShopRepository
from runtime.shops.tokens import EncryptedToken
from tests.runtime.calls import Calls
from tests.runtime.stored_rows import read_rows, sort_sets
from tests.runtime.tables import IMPORT_HISTORY, JOBS, SHOPS

SHOP = "one.shops.example.com"
OTHER_SHOP = "two.shops.example.com"
SEALED = EncryptedToken(b"\x00sealed\xff")
START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@define
class ManualClock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        """Move the clock by the arguments of `timedelta`, such as `days=1`. Return the new time."""
        self.now += timedelta(**by)
        return self.now


class ShopPlatform:
    """The repositories of one stage's shop store.

    Args:
        database: DynamoDB client of the repositories, with the store's tables.
    """

    def __init__(self, database: Any) -> None:
        self.database = database
        self.calls = Calls()
        self.clock = ManualClock()
        self.ids = make_ulid_generator(self.clock, random.Random(7).randbytes)  # noqa: S311 - ids of a test
        client = self.calls.wrap_client("dynamodb", database)
        cursors = Cursors(key=lambda: b"k" * 32, clock=self.clock)
        self.shops = ShopRepository(client=client, table=SHOPS)
        self.jobs = JobRepository(client=client, table=JOBS, cursors=cursors, clock=self.clock)
        self.history = ImportHistoryRepository(
            client=client, table=IMPORT_HISTORY, cursors=cursors, clock=self.clock
        )

    def install_shop(self, domain: str = SHOP, **more: Any) -> Shop:
        """Install a shop."""
        at = self.clock()
        given = {"access_token": SEALED, "scopes": ("read_products",), "installed_at": at, "updated_at": at}
        return self.shops.install(Shop(domain=domain, **{**given, **more}))

    def create_queued(self, domain: str = SHOP) -> Job:
        job = Job.queued(domain, "import-products", job_id=self.ids(), at=self.clock.move(seconds=1))
        self.jobs.create(job)
        return job

    def create_running(self, domain: str = SHOP) -> Job:
        return self.jobs.start(domain, self.create_queued(domain).job_id, total=10)

    def create_succeeded(self, domain: str = SHOP) -> Job:
        return self.jobs.succeed(domain, self.create_running(domain).job_id)

    def create_recorded(self, domain: str = SHOP) -> ImportRecord:
        return self.history.record(ImportRecord.from_job(self.create_succeeded(domain)))

    def create_copy(self, job: Job, status: Status, **more: Any) -> Job:
        """Write a copy of a job with a new id and this status, without the usual calls. Return the copy."""
        placed = evolve(job, status=status, job_id=self.ids(), **more)
        self.jobs.create(placed)
        return placed

    def read_all_rows(self) -> list[Mapping[str, Any]]:
        """Return all rows of the three tables."""
        return read_rows(self.database, (SHOPS, JOBS, IMPORT_HISTORY))

    def read_row(self, table: str, **key: Any) -> dict[str, Any]:
        """Return a stored row. The arguments are the attribute values of its key."""
        row = self.database.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
        return {name: sort_sets(value) for name, value in row.items()}
