"""Shops, jobs and import records, and the allowed transitions of a job's status."""

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
"""How long a job can be read after its creation."""

RECORD_LIFETIME: Final = timedelta(days=365)
"""How long an import stays in the history after its end."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+"
)


_INVALID_DOMAIN: Final = "a shop's domain must be a lower-case host name, such as my-shop.example.com"


def is_domain(text: str) -> bool:
    """Return whether a text is a lower-case host name, which is the only allowed form of a shop's domain."""
    return _DOMAIN.fullmatch(text) is not None


def _check_domain(_: object, __: "Attribute[str]", domain: str) -> None:
    if not is_domain(domain):
        raise ValueError(_INVALID_DOMAIN)


@frozen(kw_only=True)
class Shop:
    """A shop that has the application installed. Its domain is the tenant.

    Attributes:
        domain: Host name in lower case, so that `Shop.example` and `shop.example` are the same shop.
        access_token: Token that KMS encrypted for this domain. `runtime.shops.tokens.TokenCipher` decrypts
            it.
        scopes: Permissions of the token, as the shop system names them.
        installed_at: Time of the last installation.
        name: Name of the shop, if known.
        version: Number of writes. An update uses it to detect that the shop has changed.
    """

    domain: str = field(validator=_check_domain)
    access_token: EncryptedToken = field(repr=False)
    scopes: tuple[str, ...] = ()
    installed_at: datetime
    updated_at: datetime
    name: str | None = None
    version: int = 1


class Status(StrEnum):
    """Status of a job."""

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
"""Allowed next statuses of each status. Every write of a status is conditional on an allowed previous status,
so a finished job cannot start again."""


def find_previous_statuses(to: Status) -> tuple[Status, ...]:
    """Return the statuses from which a job can move directly to this status."""
    return tuple(status for status, following in TRANSITIONS.items() if to in following)


MAX_BATCHES: Final = 1000
"""Maximum number of batches of a job. The job's row stores their numbers, 0 to 999, in at most 3 KB."""


@frozen(kw_only=True)
class Job:
    """Work for a shop, such as an import. Job ids are ULIDs.

    Attributes:
        kind: Kind of work, such as `import-products`. The application defines the kinds.
        total: Number of items to process, if known.
        processed: Number of processed items, including failed ones.
        failed: Number of failed items.
        error: Why a `failed` job failed, as a sentence for the user.
        expires_at: Unix seconds at which the job expires. An expired job is hidden until DynamoDB deletes it.
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
        """Return a new `queued` job.

        Raises:
            ValueError: The domain is invalid.
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
        """Return whether the job has expired. Expired jobs are hidden."""
        return self.expires_at <= now.timestamp()


@frozen(kw_only=True)
class ImportRecord:
    """The result of a job, for the shop's history.

    Attributes:
        timestamp: End of the import in Unix seconds, with six decimals. The first three decimals are from the
            clock. The last three decimals differ between imports that end in the same millisecond. The number
            has 16 digits, which a double can hold.
        outcome: `succeeded`, `failed` or `cancelled`.
        total, processed, failed, error: Values of the job.
        expires_at: Unix seconds at which the record expires. An expired record is hidden until DynamoDB
            deletes it.
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
            raise ValueError(f"job {job.job_id} is {job.status}: only a finished job has a record")
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
    """Return a time in Unix seconds, exact to the microsecond, with six decimals.

    Raises:
        ValueError: The time has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a time zone cannot be converted to Unix seconds")
    return Decimal((at - _EPOCH) // timedelta(microseconds=1)).scaleb(-6)


def _round_up_to_seconds(at: datetime) -> int:
    return math.ceil(at.timestamp())
