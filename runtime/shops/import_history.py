"""The table of import history: the results of a shop's imports, sorted by their end time.

The sort key is the end time. The clock has milliseconds, so two imports can end at the same time. Their
records must not overwrite each other, so the key has microseconds. Each import first tries a microsecond that
is derived from its job's id, and then the next microseconds.

The write is conditional, and a failed condition returns the existing row. If that row belongs to the same
job, the record was written before. Recording is therefore repeatable, no record is lost, and times are exact
to the millisecond.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final
from zlib import crc32

from attrs import evolve, frozen

from runtime.shared.aws import DynamoDBClient
from runtime.shared.clock import Clock
from runtime.shared.converters import from_row, to_row
from runtime.shared.cursors import Cursors
from runtime.shared.dynamodb import (
    ConditionFailedError,
    build_attribute_names,
    build_attribute_values,
    build_put_if_absent,
    translate_condition_errors,
)
from runtime.shared.pages import Page
from runtime.shops.errors import ImportTimesTakenError
from runtime.shops.model import ImportRecord, to_unix_time

_SLOTS: Final = 1000  # microseconds in a millisecond
_HALF_MICROSECOND: Final = Decimal("0.0000005")


@frozen(kw_only=True)
class ImportHistoryRepository:
    """Reads and writes import records. The shop's domain is the partition key.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the table of import history.
        cursors: Writes and reads the cursors of lists.
        clock: Returns the current time, to hide expired records.
    """

    client: DynamoDBClient
    table: str
    cursors: Cursors
    clock: Clock

    def record(self, record: ImportRecord) -> ImportRecord:
        """Record the end of an import. Can be repeated, because a job has only one record.

        Makes one call if the first microsecond that it tries is free. Each microsecond that another import of
        the shop already uses costs one more call.

        Args:
            record: Record from `ImportRecord.from_job`.

        Returns:
            The stored record. Its `timestamp` is a free microsecond in the millisecond of `finished_at`.

        Raises:
            ImportTimesTakenError: Other imports of the shop use all microseconds of that millisecond.
            ItemTooLargeError: The row would be too large.
        """
        first = crc32(record.job_id.encode())
        for step in range(_SLOTS):
            own = Decimal((first + step) % _SLOTS).scaleb(-6)
            placed = evolve(record, timestamp=to_unix_time(record.finished_at) + own)
            try:
                with translate_condition_errors():
                    self.client.put_item(**build_put_if_absent(self.table, to_row(placed), key="shopDomain"))
            except ConditionFailedError as refused:
                if refused.item and refused.item["jobId"]["S"] == record.job_id:
                    return from_row(refused.item, ImportRecord)
            else:
                return placed
        raise ImportTimesTakenError(record.shop_domain)

    def list_between(  # noqa: PLR0913 - a range and a page
        self,
        domain: str,
        since: datetime,
        until: datetime,
        *,
        limit: int,
        cursor: str | None = None,
        oldest_first: bool = False,
    ) -> Page[ImportRecord]:
        """Return a page of a shop's imports that ended in a time range, newest first by default.

        Expired records are left out. So even a page with few or no records can have a cursor.

        Args:
            domain: The shop.
            since: Start of the range, inclusive.
            until: End of the range, exclusive.
            limit: Maximum number of records that DynamoDB reads for a page.
            cursor: Cursor of the previous page. It is only valid for the same range and order.
            oldest_first: Whether to sort by ascending time.

        Raises:
            MalformedError: The cursor does not belong to this list.
            ValueError: A time has no time zone.
        """
        # BETWEEN includes both bounds, and keys are whole microseconds. The bounds are half a microsecond
        # before `since` and `until`, so the range includes `since` and excludes `until`. Also, no key equals
        # a bound. If the last row of a page were on a bound, DynamoDB could not continue after this row.
        first, last = to_unix_time(since) - _HALF_MICROSECOND, to_unix_time(until) - _HALF_MICROSECOND
        query = f"import-history:{first}:{last}:{'oldest' if oldest_first else 'newest'}"
        start = {"ExclusiveStartKey": self.cursors.read(domain, query, cursor)} if cursor else {}
        if last <= first:  # DynamoDB refuses an empty range
            return Page(items=(), cursor=None)
        response = self.client.query(
            TableName=self.table,
            KeyConditionExpression="#shopDomain = :domain AND #timestamp BETWEEN :first AND :last",
            FilterExpression="#expiresAt > :now",
            ExpressionAttributeNames=build_attribute_names("#shopDomain #timestamp #expiresAt"),
            ExpressionAttributeValues=build_attribute_values(
                domain=domain, first=first, last=last, now=int(self.clock().timestamp())
            ),
            ScanIndexForward=oldest_first,
            Limit=limit,
            **start,
        )
        position = response.get("LastEvaluatedKey")
        return Page(
            items=tuple(from_row(row, ImportRecord) for row in response["Items"]),
            cursor=self.cursors.write(domain, query, position) if position else None,
        )
