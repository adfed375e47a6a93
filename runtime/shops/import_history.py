"""The table of import history: how a shop's imports ended, by the time at which they did.

The sort key is a time, and two imports may end at the same one: they must not overwrite each other. Clocks
here tell milliseconds; the key has microseconds. Within its millisecond each import starts at a microsecond
of its own, worked out from its job's id, and takes the next one that is free. The write is conditional, and
reads the row that is in its way: the same job's is the same record, written before. Recording an import is
therefore repeatable, loses none, and its times are true to the millisecond.
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
from runtime.shared.dynamodb import ConditionFailedError, named_condition_errors, attribute_names, build_put_if_absent, attribute_values
from runtime.shared.pages import Page
from runtime.shops.errors import ImportTimesTakenError
from runtime.shops.model import ImportRecord, to_unix_time

_SLOTS: Final = 1000  # microseconds in a millisecond
_HALF_MICROSECOND: Final = Decimal("0.0000005")


@frozen(kw_only=True)
class ImportHistoryRepository:
    """Reads and writes import records. Every method serves a shop: the domain is the partition key.

    Attributes:
        client: Low-level DynamoDB client.
        table: Name of the table of import history.
        cursors: Of the shop store.
        clock: Tells the time, for what expires.
    """

    client: DynamoDBClient
    table: str
    cursors: Cursors
    clock: Clock

    def record(self, record: ImportRecord) -> ImportRecord:
        """Write how an import ended. Repeatable: a job has one record for one end.

        One call, and one more for each other import of the shop that has taken the microsecond tried.

        Args:
            record: From `ImportRecord.from_job`.

        Returns:
            The record as it is stored; its `timestamp` is a microsecond of the same millisecond.

        Raises:
            ImportTimesTakenError: All thousand are taken.
            ItemTooLargeError: The row would be too large.
        """
        first = crc32(record.job_id.encode())
        for step in range(_SLOTS):
            own = Decimal((first + step) % _SLOTS).scaleb(-6)
            placed = evolve(record, timestamp=to_unix_time(record.finished_at) + own)
            try:
                with named_condition_errors():
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
        """List a shop's imports that ended in a range of time, newest first unless asked otherwise.

        Expired records leave gaps: a page may be short, or even empty, and still have a cursor.

        Args:
            domain: The shop.
            since: Start of the range, included.
            until: End of the range, not included.
            limit: Records that DynamoDB looks at for a page.
            cursor: Where to go on; good for the very same range and order only.
            oldest_first: The other order.

        Raises:
            MalformedError: The cursor is not one of this list's.
            ValueError: A time has no zone.
        """
        # Keys lie on whole microseconds and the bounds between them. So an end that is not included fits into
        # BETWEEN, and no page ends on a bound: DynamoDB refuses to go on from the edge of a range.
        first, last = to_unix_time(since) - _HALF_MICROSECOND, to_unix_time(until) - _HALF_MICROSECOND
        query = f"import-history:{first}:{last}:{'oldest' if oldest_first else 'newest'}"
        start = {"ExclusiveStartKey": self.cursors.read(domain, query, cursor)} if cursor else {}
        if last <= first:  # for DynamoDB an error, for a reader nothing
            return Page(items=(), cursor=None)
        response = self.client.query(
            TableName=self.table,
            KeyConditionExpression="#shopDomain = :domain AND #timestamp BETWEEN :first AND :last",
            FilterExpression="#expiresAt > :now",
            ExpressionAttributeNames=attribute_names("#shopDomain #timestamp #expiresAt"),
            ExpressionAttributeValues=attribute_values(
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
