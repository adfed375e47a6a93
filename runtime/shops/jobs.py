"""The table of jobs: their statuses, their progress, and lists of them.

Methods with a `domain` serve that shop. They treat another shop's job and an expired job as missing, even if
DynamoDB has not yet deleted the expired job. `list_with_status` serves the platform, and returns jobs of all
shops. Every change of a job is conditional on the expected status, and raises `StaleJobError` if the job has
another status. Each method makes one DynamoDB call, except `list_with_status`.

Progress is counted in batches. The application splits a job's work into batches, numbered from 0.
`count_batch` counts each number once, in any order and however often it is called. The row stores the set of
counted numbers. The write that adds to the counters fails if the set already contains the number.

So workers keep no state, a queue can deliver a batch twice, and a write whose response was lost can be
repeated. The set takes up to 3 KB of the row. So a job has at most `MAX_BATCHES` batches, and more work needs
larger batches.
"""

from datetime import datetime
from typing import Any, Final

from attrs import frozen

from runtime.shared.aws import DynamoDBClient, Item
from runtime.shared.clock import Clock
from runtime.shared.converters import from_row, to_row
from runtime.shared.cursors import Cursors
from runtime.shared.dynamodb import (
    ConditionFailedError,
    build_attribute_names,
    build_attribute_values,
    build_put_if_absent,
    build_update,
    translate_condition_errors,
)
from runtime.shared.ids import is_ulid
from runtime.shared.pages import Page
from runtime.shops.errors import JobExistsError, JobNotFoundError, StaleJobError
from runtime.shops.model import MAX_BATCHES, Job, Status, find_previous_statuses

_MAX_ERROR_LENGTH: Final = 2000  # characters
_PLATFORM_TENANT: Final = ""  # the tenant in cursors of lists of all shops; no shop has this domain


def _build_job_key(job_id: str) -> Item:
    if not is_ulid(job_id):  # untrusted text can be empty or too long for a key
        raise JobNotFoundError
    return {"jobId": {"S": job_id}}


@frozen(kw_only=True)
class JobRepository:
    """Reads and writes jobs.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the table of jobs.
        cursors: Writes and reads the cursors of lists.
        clock: Returns the current time.
    """

    client: DynamoDBClient
    table: str
    cursors: Cursors
    clock: Clock

    # Reading

    def get(self, domain: str, job_id: str) -> Job:
        """Return a shop's job, read strongly consistent.

        Raises:
            JobNotFoundError: The job does not exist, has expired, or belongs to another shop.
        """
        response = self.client.get_item(TableName=self.table, Key=_build_job_key(job_id), ConsistentRead=True)
        return _read_visible_job(response.get("Item"), domain, self.clock())

    def list_for_shop(self, domain: str, *, limit: int, cursor: str | None = None) -> Page[Job]:
        """Return a page of a shop's jobs, newest first (index `ShopIndex`, eventually consistent).

        Expired jobs are left out. So even a page with few or no jobs can have a cursor.

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        query = "jobs"
        start = {"ExclusiveStartKey": self.cursors.read(domain, query, cursor)} if cursor else {}
        response = self.client.query(
            TableName=self.table,
            IndexName="ShopIndex",
            KeyConditionExpression="#shopDomain = :domain",
            FilterExpression="#expiresAt > :now",
            ExpressionAttributeNames=build_attribute_names("#shopDomain #expiresAt"),
            ExpressionAttributeValues=build_attribute_values(
                domain=domain, now=int(self.clock().timestamp())
            ),
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
        """Return a page of all shops' jobs in a status, oldest first, for example to find stuck jobs.

        Makes a query of index `StatusIndex`, and then reads the rows by their keys, strongly consistent. The
        index contains keys only, so that counting progress never writes to the index. Expired jobs and jobs
        whose status has changed are left out. So even a page with few or no jobs can have a cursor.

        Args:
            status: Status of the jobs.
            limit: Page size, at most 100. DynamoDB reads up to 100 rows and 16 MB by key in one call.
            cursor: Cursor of the previous page.

        Raises:
            MalformedError: The cursor does not belong to this list.
        """
        query = f"jobs:status={status}"
        start = {"ExclusiveStartKey": self.cursors.read(_PLATFORM_TENANT, query, cursor)} if cursor else {}
        response = self.client.query(
            TableName=self.table,
            IndexName="StatusIndex",
            KeyConditionExpression="#status = :status",
            ExpressionAttributeNames=build_attribute_names("#status"),
            ExpressionAttributeValues=build_attribute_values(status=status),
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
        keys = [_build_job_key(job_id) for job_id in job_ids]
        wanted: dict[str, Any] = {self.table: {"Keys": keys, "ConsistentRead": True}} if keys else {}
        while wanted:
            response = self.client.batch_get_item(RequestItems=wanted)
            for row in response["Responses"].get(self.table, ()):
                job = from_row(row, Job)
                found[job.job_id] = job
            wanted = response.get("UnprocessedKeys", {})
        return [found[job_id] for job_id in job_ids if job_id in found]

    # Life cycle

    def create(self, job: Job) -> None:
        """Write a new job from `Job.queued`.

        Raises:
            JobExistsError: A job with this id exists.
            ItemTooLargeError: The row would be too large.
            ValueError: The id is not a ULID, so the job could never be read.
        """
        if not is_ulid(job.job_id):
            raise ValueError(f"a job's id must be a ULID, which {job.job_id!r} is not")
        try:
            with translate_condition_errors():
                self.client.put_item(**build_put_if_absent(self.table, to_row(job), key="jobId"))
        except ConditionFailedError:
            raise JobExistsError(job.job_id) from None

    def start(self, domain: str, job_id: str, *, total: int | None = None) -> Job:
        """Move a `queued` job to `running`.

        Args:
            domain: The shop.
            job_id: The job.
            total: Number of items to process, if known.

        Returns:
            The stored job.

        Raises:
            StaleJobError: The job is not `queued`. It runs or has ended, and an ended job never starts again.
            JobNotFoundError: See `get`.
        """
        extra_set = "" if total is None else ", #total = :total"
        given = {} if total is None else {"total": total}
        return self._change_status(
            domain, job_id, Status.RUNNING, "started", f", #startedAt = :at{extra_set}", **given
        )

    def count_batch(self, domain: str, job_id: str, *, batch: int, processed: int, failed: int = 0) -> Job:
        """Count one batch of a `running` job. A batch that was counted before is not counted again.

        Args:
            domain: The shop.
            job_id: The job.
            batch: Number of the batch within the job, from 0 to `MAX_BATCHES` - 1.
            processed: Number of processed items in the batch, including failed ones.
            failed: Number of failed items in the batch.

        Returns:
            The stored job, which includes this batch.

        Raises:
            StaleJobError: The job is not `running`, and this batch has not been counted.
            JobNotFoundError: See `get`.
            ValueError: A number is out of range.
        """
        if not 0 <= batch < MAX_BATCHES:
            raise ValueError(f"a job has at most {MAX_BATCHES} batches, numbered from 0: use larger batches")
        if not 0 <= failed <= processed:
            raise ValueError("`failed` must be from 0 to `processed`")
        number = str(batch)
        now = self.clock()
        write = build_update(
            self.table,
            _build_job_key(job_id),
            "SET #updatedAt = :at ADD #processed :processed, #failed :failed, #batches :batches",
            when=f"{_VISIBLE} AND #status = :running AND NOT contains(#batches, :batch)",
            running=Status.RUNNING,
            batch=batch,
            processed=processed,
            failed=failed,
            at=now,
            **_build_values_of_visible_condition(domain, now),
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
        """Move a `running` job to `succeeded`.

        If several callers end a job at once, one call succeeds, and the others raise `StaleJobError`.

        The successful caller can crash before it records the import, or not receive the response. So every
        caller that finds an ended job must record the import, too. An import can be recorded repeatedly
        (`runtime.shops.import_history`).

        Raises:
            StaleJobError: The job is not `running`.
            JobNotFoundError: See `get`.
        """
        return self._end(domain, job_id, Status.SUCCEEDED)

    def fail(self, domain: str, job_id: str, *, error: str) -> Job:
        """Move a `queued` or `running` job to `failed`.

        Args:
            domain: The shop.
            job_id: The job.
            error: A sentence for the user. It is truncated to 2,000 characters, so that the row cannot become
                too large to be written.

        Raises:
            StaleJobError: The job has already ended.
            JobNotFoundError: See `get`.
        """
        return self._end(domain, job_id, Status.FAILED, ", #error = :error", error=error[:_MAX_ERROR_LENGTH])

    def cancel(self, domain: str, job_id: str) -> Job:
        """Move a `queued` or `running` job to `cancelled`.

        A worker notices the cancellation when its next `count_batch` raises `StaleJobError`.

        Raises:
            StaleJobError: The job has already ended.
            JobNotFoundError: See `get`.
        """
        return self._end(domain, job_id, Status.CANCELLED)

    def _end(self, domain: str, job_id: str, to: Status, extra_set: str = "", **by_name: object) -> Job:
        return self._change_status(domain, job_id, to, to, f", #finishedAt = :at{extra_set}", **by_name)

    def _change_status(
        self, domain: str, job_id: str, to: Status, wanted: str, extra_set: str, **by_name: object
    ) -> Job:
        expected = {f"from{number}": status for number, status in enumerate(find_previous_statuses(to))}
        now = self.clock()
        write = build_update(
            self.table,
            _build_job_key(job_id),
            f"SET #status = :to, #updatedAt = :at{extra_set}",
            when=f"{_VISIBLE} AND #status IN ({', '.join(f':{name}' for name in expected)})",
            to=to,
            at=now,
            **expected,
            **_build_values_of_visible_condition(domain, now),
            **by_name,
        )
        try:
            return self._write(write)
        except ConditionFailedError as refused:
            found = _read_visible_job(refused.item, domain, now)
            raise StaleJobError(job_id, wanted=wanted, found=found.status) from None

    def _write(self, write: dict[str, Any]) -> Job:
        with translate_condition_errors():
            response = self.client.update_item(**write, ReturnValues="ALL_NEW")
        return from_row(response["Attributes"], Job)


_VISIBLE: Final = "#shopDomain = :domain AND #expiresAt > :now"


def _build_values_of_visible_condition(domain: str, now: datetime) -> dict[str, object]:
    return {"domain": domain, "now": int(now.timestamp())}


def _read_visible_job(row: Item | None, domain: str, now: datetime) -> Job:
    """Return the job of a row, if it belongs to the shop and has not expired.

    Raises:
        JobNotFoundError: The job does not exist, has expired, or belongs to another shop.
    """
    if row is None or row["shopDomain"]["S"] != domain:
        raise JobNotFoundError
    job = from_row(row, Job)
    if job.is_expired(now):
        raise JobNotFoundError
    return job
