"""Shops, jobs, import records, and the one table of what a job may become (S1, S3)."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from attrs import Attribute, field, frozen

from runtime.shops.tokens import EncryptedToken

JOB_LIFETIME: Final = timedelta(days=90)
"""How long a job can be read, counted from its creation (T8)."""

RECORD_LIFETIME: Final = timedelta(days=365)
"""How long an import stays in the history, counted from its end (T8)."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+"
)


_INVALID_DOMAIN: Final = "a shop's domain is a host name in lower case, such as my-shop.example.com"


def is_domain(text: str) -> bool:
    """Tell whether a text is a host name in lower case: the one form in which a shop is named."""
    return _DOMAIN.fullmatch(text) is not None


def _check_domain(_: object, __: "Attribute[str]", domain: str) -> None:
    if not is_domain(domain):
        raise ValueError(_INVALID_DOMAIN)


@frozen(kw_only=True)
class Shop:
    """A shop that has the application installed. The domain is its tenant.

    Attributes:
        domain: Host name in lower case: rows and tokens of `Shop.example` and `shop.example` must be one.
        access_token: As KMS encrypted it for this domain; `runtime.shops.tokens.TokenCipher` opens it.
        scopes: What the token may do, as the shop system calls it.
        installed_at: When the application was installed, the last time if it was several times.
        name: What the shop's owner calls it, where known.
        version: Raised by every write, so that an update can tell whether the shop is as it was read.
    """

    domain: str = field(validator=_check_domain)
    access_token: EncryptedToken = field(repr=False)
    scopes: tuple[str, ...] = ()
    installed_at: datetime
    updated_at: datetime
    name: str | None = None
    version: int = 1


class Status(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.QUEUED: frozenset({Status.RUNNING, Status.FAILED, Status.CANCELLED}),
        Status.RUNNING: frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}),
        Status.SUCCEEDED: frozenset(),
        Status.FAILED: frozenset(),
        Status.CANCELLED: frozenset(),
    },
)
"""What each status may become. Every write of a status is conditional on those that lead to it, so a finished
job cannot start again (S3)."""


def find_previous_statuses(to: Status) -> tuple[Status, ...]:
    """Return the statuses that may become this one."""
    return tuple(status for status, following in TRANSITIONS.items() if to in following)


MAX_BATCHES: Final = 1000
"""Batches that a job's work may be split into. The job's row remembers their numbers, 0 to 999, in at most
3 KB."""


@frozen(kw_only=True)
class Job:
    """Work for a shop, such as an import. Job ids are ULIDs.

    Attributes:
        kind: What is to be done, such as `import-products`; the application's own word.
        total: How many things there are to process, where that is known.
        processed: How many of them are done with, whether well or not.
        failed: How many of the processed ones went wrong.
        error: Why a `failed` job failed: a sentence for the user.
        expires_at: Unix seconds from which on the job is not shown any more, and DynamoDB deletes it.
    """

    job_id: str
    shop_domain: str
    kind: str
    status: Status
    created_at: datetime
    updated_at: datetime
    expires_at: int
    total: int | None = None
    processed: int = 0
    failed: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None

    @classmethod
    def queued(cls, shop_domain: str, kind: str, *, job_id: str, at: datetime) -> Self:
        """Return a new job that waits to be started.

        Raises:
            ValueError: The domain is none, and so no shop's.
        """
        if not is_domain(shop_domain):
            raise ValueError(_INVALID_DOMAIN)
        return cls(
            job_id=job_id,
            shop_domain=shop_domain,
            kind=kind,
            status=Status.QUEUED,
            created_at=at,
            updated_at=at,
            expires_at=_round_up_to_seconds(at + JOB_LIFETIME),
        )

    def is_expired(self, now: datetime) -> bool:
        """Tell whether the job is not to be shown any more (S4)."""
        return self.expires_at <= now.timestamp()


@frozen(kw_only=True)
class ImportRecord:
    """How a job ended, for the shop's history.

    Attributes:
        timestamp: Unix seconds of the end, to the microsecond: milliseconds from the clock, and below them a
            number of the import's own, so that imports which end in the same millisecond have a row each. 16
            digits, which also a double-precision float holds.
        outcome: `succeeded`, `failed` or `cancelled`.
        total, processed, failed, error: As the job had them.
        expires_at: Unix seconds from which on the record is not shown any more, and DynamoDB deletes it.
    """

    shop_domain: str
    timestamp: Decimal
    job_id: str
    kind: str
    outcome: Status
    finished_at: datetime
    expires_at: int
    total: int | None = None
    processed: int = 0
    failed: int = 0
    error: str | None = None

    @classmethod
    def from_job(cls, job: Job) -> Self:
        """Return the record of a finished job.

        Raises:
            ValueError: The job is not finished.
        """
        if job.finished_at is None:
            raise ValueError(f"job {job.job_id} is {job.status}: only a finished one has a record")
        return cls(
            shop_domain=job.shop_domain,
            timestamp=to_unix_time(job.finished_at),
            job_id=job.job_id,
            kind=job.kind,
            outcome=job.status,
            finished_at=job.finished_at,
            expires_at=_round_up_to_seconds(job.finished_at + RECORD_LIFETIME),
            total=job.total,
            processed=job.processed,
            failed=job.failed,
            error=job.error,
        )


def to_unix_time(at: datetime) -> Decimal:
    """Return a time's Unix seconds, exact to the microsecond, with six decimals.

    Raises:
        ValueError: The time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone is no point in time")
    return Decimal((at - _EPOCH) // timedelta(microseconds=1)).scaleb(-6)


def _round_up_to_seconds(at: datetime) -> int:
    return math.ceil(at.timestamp())
