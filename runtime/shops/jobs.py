"""The table of jobs: their statuses, their progress, and lists of them.

Methods that take a `domain` serve that shop: another shop's job is missing for them, and so is one that has
expired, whether DynamoDB has deleted it yet or not (S4). `list_with_status` serves the platform. Every write is
conditional on the status it expects and raises `StaleJobError` when the job has moved on (S3). Each method
makes one DynamoDB call, except `list_with_status`.

Progress is counted by batches. Whoever splits a job's work numbers the parts from 0, and `count_batch` counts
each number once, however often and in whatever order the parts come: the row keeps the set of the numbers,
and the write that adds to the counters is conditional on the number not being in it. No worker has to
remember anything, a queue may bring a part twice and to different workers, and a write whose answer was lost
can be repeated. The price is a row of up to 3 KB, which is why a job has at most `BATCHES` batches: larger
work makes larger batches.
"""

from datetime import datetime
from typing import Any, Final

from attrs import frozen

from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.clock import Clock
from runtime.shared.converters import from_row, to_row
from runtime.shared.cursors import Cursors
from runtime.shared.dynamodb import ConditionFailedError, named_condition_errors, attribute_names, build_put_if_absent, build_update, attribute_values
from runtime.shared.ids import is_ulid
from runtime.shared.pages import Page
from runtime.shops.errors import JobExistsError, JobNotFoundError, StaleJobError
from runtime.shops.model import MAX_BATCHES, Job, Status, find_previous_statuses

_MAX_ERROR_LENGTH: Final = 2000  # characters
_PLATFORM_TENANT: Final = ""  # the tenant of lists across shops: no shop has this name


def _job_key(job_id: str) -> Item:
    if not is_ulid(job_id):  # a stranger's text may be empty, or too long for a key
        raise JobNotFoundError
    return {"jobId": {"S": job_id}}


@frozen(kw_only=True)
class JobRepository:
    """Reads and writes jobs.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the table of jobs.
        cursors: Of the shop store.
        clock: Tells the time, for what expires and for what is written.
    """

    client: DynamoDBClient
    table: str
    cursors: Cursors
    clock: Clock

    # Reading

    def get(self, domain: str, job_id: str) -> Job:
        """Read a shop's job as it stands now (strongly consistent).

        Raises:
            JobNotFoundError: There is none, it is another shop's, or it has expired.
        """
        response = self.client.get_item(TableName=self.table, Key=_job_key(job_id), ConsistentRead=True)
        return _read_visible_job(response.get("Item"), domain, self.clock())

    def list_for_shop(self, domain: str, *, limit: int, cursor: str | None = None) -> Page[Job]:
        """List a shop's jobs, newest first (index `ShopIndex`, eventually consistent).

        Expired jobs leave gaps: a page may be short, or even empty, and still have a cursor.

        Raises:
            MalformedError: The cursor is not one of this list's.
        """
        query = "jobs"
        start = {"ExclusiveStartKey": self.cursors.read(domain, query, cursor)} if cursor else {}
        response = self.client.query(
            TableName=self.table,
            IndexName="ShopIndex",
            KeyConditionExpression="#shopDomain = :domain",
            FilterExpression="#expiresAt > :now",
            ExpressionAttributeNames=attribute_names("#shopDomain #expiresAt"),
            ExpressionAttributeValues=attribute_values(domain=domain, now=int(self.clock().timestamp())),
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        last = response.get("LastEvaluatedKey")
        return Page(
            items=tuple(from_row(row, Job) for row in response["Items"]),
            cursor=self.cursors.write(domain, query, last) if last else None,
        )

    def list_with_status(self, status: Status, *, limit: int, cursor: str | None = None) -> Page[Job]:
        """List all shops' jobs in a status, oldest first: for the platform, such as a sweep for stuck ones.

        Two calls: index `StatusIndex` holds keys alone, so that counting progress never writes to it; the
        rows are then read by their keys, strongly consistent. What has moved on or expired by then leaves
        gaps: a page may be short, or even empty, and still have a cursor.

        Args:
            status: Which jobs.
            limit: At most 100, which is what DynamoDB reads by key in one call; it splits more than 16 MB.
            cursor: Where to go on.

        Raises:
            MalformedError: The cursor is not one of this list's.
        """
        query = f"jobs:status={status}"
        start = {"ExclusiveStartKey": self.cursors.read(_PLATFORM_TENANT, query, cursor)} if cursor else {}
        response = self.client.query(
            TableName=self.table,
            IndexName="StatusIndex",
            KeyConditionExpression="#status = :status",
            ExpressionAttributeNames=attribute_names("#status"),
            ExpressionAttributeValues=attribute_values(status=status),
            Limit=limit,
            **start,
        )
        found = self._read_by_ids([row["jobId"]["S"] for row in response["Items"]])
        now = self.clock()
        last = response.get("LastEvaluatedKey")
        return Page(
            items=tuple(job for job in found if job.status is status and not job.is_expired(now)),
            cursor=self.cursors.write(_PLATFORM_TENANT, query, last) if last else None,
        )

    def _read_by_ids(self, job_ids: list[str]) -> list[Job]:
        found: dict[str, Job] = {}
        keys = [_job_key(job_id) for job_id in job_ids]
        wanted: dict[str, Any] = {self.table: {"Keys": keys, "ConsistentRead": True}} if keys else {}
        while wanted:
            response = self.client.batch_get_item(RequestItems=wanted)
            for row in response["Responses"].get(self.table, ()):
                job = from_row(row, Job)
                found[job.job_id] = job
            wanted = response.get("UnprocessedKeys", {})
        return [found[job_id] for job_id in job_ids if job_id in found]

    # From queued to its end

    def create(self, job: Job) -> None:
        """Write a new job, from `Job.queued`.

        Raises:
            JobExistsError: There is one with this id.
            ItemTooLargeError: The row would be too large.
            ValueError: Its id is no ULID: nobody could read it.
        """
        if not is_ulid(job.job_id):
            raise ValueError(f"a job's id is a ULID, and {job.job_id!r} is none")
        try:
            with named_condition_errors():
                self.client.put_item(**build_put_if_absent(self.table, to_row(job), key="jobId"))
        except ConditionFailedError:
            raise JobExistsError(job.job_id) from None

    def start(self, domain: str, job_id: str, *, total: int | None = None) -> Job:
        """Move a `queued` job to `running`.

        Args:
            domain: The shop.
            job_id: The job.
            total: How many things there are to process, where that is known.

        Returns:
            The job as it is stored now.

        Raises:
            StaleJobError: It is not `queued`: it runs, or has ended, and an ended job never starts again.
            JobNotFoundError: See `get`.
        """
        also = "" if total is None else ", #total = :total"
        given = {} if total is None else {"total": total}
        return self._transition(domain, job_id, Status.RUNNING, "started", f", #startedAt = :at{also}", **given)

    def count_batch(self, domain: str, job_id: str, *, batch: int, processed: int, failed: int = 0) -> Job:
        """Count one batch of a `running` job's work; a batch that was counted before is not counted again.

        Args:
            domain: The shop.
            job_id: The job.
            batch: The batch's number within the job, from 0 to `BATCHES` - 1.
            processed: Things of the batch that are done with, whether well or not.
            failed: How many of these went wrong.

        Returns:
            The job as it is stored now, with this batch counted.

        Raises:
            StaleJobError: It is not `running`, and this batch has not been counted.
            JobNotFoundError: See `get`.
            ValueError: The numbers are impossible.
        """
        if not 0 <= batch < MAX_BATCHES:
            raise ValueError(f"a job has at most {MAX_BATCHES} batches, numbered from 0: make them larger")
        if not 0 <= failed <= processed:
            raise ValueError(
                "a batch has at least as many processed as failed things, and no fewer than none"
            )
        number = str(batch)
        now = self.clock()
        write = build_update(
            self.table,
            _job_key(job_id),
            "SET #updatedAt = :at ADD #processed :processed, #failed :failed, #batches :batches",
            when=f"{_VISIBLE} AND #status = :running AND NOT contains(#batches, :batch)",
            running=Status.RUNNING,
            batch=batch,
            processed=processed,
            failed=failed,
            at=now,
            **_visible_values(domain, now),
        )
        write["ExpressionAttributeValues"][":batches"] = {"NS": [number]}
        try:
            return self._write(write)
        except ConditionFailedError as refused:
            job = _read_visible_job(refused.item, domain, now)
            if refused.item and number in refused.item.get("batches", {}).get("NS", ()):
                return job
            raise StaleJobError(job_id, wanted="advanced", found=job.status) from None

    def succeed(self, domain: str, job_id: str) -> Job:
        """Move a `running` job to `succeeded`. Of several who end a job, one succeeds.

        That one may crash, or not get the answer: so whoever finds the job ended records its import, too.
        Recording is repeatable (`runtime.shops.import_history`).

        Raises:
            StaleJobError: It is not `running`.
            JobNotFoundError: See `get`.
        """
        return self._end(domain, job_id, Status.SUCCEEDED)

    def fail(self, domain: str, job_id: str, *, error: str) -> Job:
        """Move a `queued` or `running` job to `failed`.

        Args:
            domain: The shop.
            job_id: The job.
            error: Why: a sentence for the user. Cut to 2,000 characters, since a job with too long an error
                must be able to fail, too.

        Raises:
            StaleJobError: It has ended before.
            JobNotFoundError: See `get`.
        """
        return self._end(domain, job_id, Status.FAILED, ", #error = :error", error=error[:_MAX_ERROR_LENGTH])

    def cancel(self, domain: str, job_id: str) -> Job:
        """Move a `queued` or `running` job to `cancelled`; its workers learn of it when they next `count_batch`.

        Raises:
            StaleJobError: It has ended before.
            JobNotFoundError: See `get`.
        """
        return self._end(domain, job_id, Status.CANCELLED)

    def _end(self, domain: str, job_id: str, to: Status, also: str = "", **more: object) -> Job:
        return self._transition(domain, job_id, to, to, f", #finishedAt = :at{also}", **more)

    def _transition(self, domain: str, job_id: str, to: Status, wanted: str, also: str, **more: object) -> Job:
        expected = {f"from{number}": status for number, status in enumerate(find_previous_statuses(to))}
        now = self.clock()
        write = build_update(
            self.table,
            _job_key(job_id),
            f"SET #status = :to, #updatedAt = :at{also}",
            when=f"{_VISIBLE} AND #status IN ({', '.join(f':{name}' for name in expected)})",
            to=to,
            at=now,
            **expected,
            **_visible_values(domain, now),
            **more,
        )
        try:
            return self._write(write)
        except ConditionFailedError as refused:
            found = _read_visible_job(refused.item, domain, now)
            raise StaleJobError(job_id, wanted=wanted, found=found.status) from None

    def _write(self, write: dict[str, Any]) -> Job:
        with named_condition_errors():
            response = self.client.update_item(**write, ReturnValues="ALL_NEW")
        return from_row(response["Attributes"], Job)


_VISIBLE: Final = "#shopDomain = :domain AND #expiresAt > :now"


def _visible_values(domain: str, now: datetime) -> dict[str, object]:
    return {"domain": domain, "now": int(now.timestamp())}


def _read_visible_job(row: Item | None, domain: str, now: datetime) -> Job:
    """Read the row of a job if the shop may see it.

    Raises:
        JobNotFoundError: There is none, it is another shop's, or it has expired.
    """
    if row is None or row["shopDomain"]["S"] != domain:
        raise JobNotFoundError
    job = from_row(row, Job)
    if job.is_expired(now):
        raise JobNotFoundError
    return job
