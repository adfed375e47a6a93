"""Lifecycle rules of a bucket, checked when they are declared."""

from itertools import pairwise
from typing import Final, Literal

import attrs
import pulumi_aws as aws

from components.core.errors import DeclarationError

StorageClass = Literal[
    "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"
]

# Minimum object size for transitions. By default, S3 moves no object below 128 KB, and nearly all build logs
# are smaller. With this value, S3 moves objects of all sizes to `GLACIER` and `DEEP_ARCHIVE`. For the other
# storage classes, the minimum of 128 KB stays (docs/decisions/0040-small-logs-are-archived-too.md).
MOVED_SIZES: Final = "varies_by_storage_class"

# Storage classes from warm (frequent access) to cold. S3 refuses a rule that moves objects to a warmer class.
_COLDEST_LAST: Final = (
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
_INFREQUENT_ACCESS: Final = ("STANDARD_IA", "ONEZONE_IA")
_FIRST_INFREQUENT_DAY: Final = 30


@attrs.frozen(kw_only=True)
class Transition:
    """A move to another storage class, `days` days after an object's creation. 0 means immediately."""

    to: StorageClass
    days: int


@attrs.frozen(kw_only=True)
class LifecycleRule:
    """A rule for objects with the same prefix.

    Attributes:
        name: Rule name, unique in the bucket.
        prefix: Prefix of the object keys. Empty means all objects.
        transitions: Moves to colder storage classes, in order.
        expire_days: Days after creation when objects are deleted, at least 1.
        noncurrent_expire_days: Days after which replaced versions are deleted, at least 1.
        abort_multipart_days: Days after which incomplete multipart uploads are deleted, at least 1.

    Raises:
        DeclarationError: S3 would refuse the rule, or the rule does nothing.
    """

    name: str
    prefix: str = ""
    transitions: tuple[Transition, ...] = ()
    expire_days: int | None = None
    noncurrent_expire_days: int | None = None
    abort_multipart_days: int | None = None

    def __attrs_post_init__(self) -> None:
        given = (self.expire_days, self.noncurrent_expire_days, self.abort_multipart_days)
        deadlines = [days for days in given if days is not None]
        if not self.transitions and not deadlines:
            raise self._create_error("does nothing; add a transition, an expiry or a multipart cleanup")
        if self.prefix.startswith("/"):
            raise self._create_error(f"has the prefix {self.prefix!r}, but keys do not start with a slash")
        if any(days < 1 for days in deadlines):
            raise self._create_error("has a number of days below 1; S3 allows 1 and more")
        self._check_transitions()

    @property
    def args(self) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
        """The rule as an argument of the AWS provider."""
        return aws.s3.BucketLifecycleConfigurationRuleArgs(
            id=self.name,
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=self.prefix),
            transitions=[
                aws.s3.BucketLifecycleConfigurationRuleTransitionArgs(storage_class=move.to, days=move.days)
                for move in self.transitions
            ]
            or None,
            expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=self.expire_days)
            if self.expire_days
            else None,
            noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=self.noncurrent_expire_days
            )
            if self.noncurrent_expire_days
            else None,
            abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=self.abort_multipart_days
            )
            if self.abort_multipart_days
            else None,
        )

    def _check_transitions(self) -> None:
        for move in self.transitions:
            if move.days < (_FIRST_INFREQUENT_DAY if move.to in _INFREQUENT_ACCESS else 0):
                raise self._create_error(
                    f"moves to {move.to} on day {move.days}; {', '.join(_INFREQUENT_ACCESS)} accept objects "
                    f"from day {_FIRST_INFREQUENT_DAY}, the other classes from day 0"
                )
        for earlier, later in pairwise(self.transitions):
            if earlier.days >= later.days or _COLDEST_LAST.index(earlier.to) >= _COLDEST_LAST.index(later.to):
                raise self._create_error(
                    f"moves to {earlier.to} on day {earlier.days}, then to {later.to} on day {later.days}; "
                    "each move must be later than the previous one and to a colder class: "
                    f"{', '.join(_COLDEST_LAST)}"
                )
        if (
            self.transitions
            and self.expire_days is not None
            and self.expire_days <= self.transitions[-1].days
        ):
            raise self._create_error(f"deletes on day {self.expire_days}, before its last transition")

    def _create_error(self, problem: str) -> DeclarationError:
        return DeclarationError(f"lifecycle rule {self.name!r} {problem}")
