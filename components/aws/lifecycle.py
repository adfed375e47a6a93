"""Lifecycle rules of a bucket, checked when they are written down (B2)."""

from itertools import pairwise
from typing import Final, Literal

import attrs
import pulumi_aws as aws

from components.core.errors import DeclarationError

StorageClass = Literal[
    "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"
]

# Objects only move down this list; S3 refuses a rule that would move them up.
_COLDER: Final = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
_INFREQUENT: Final = ("STANDARD_IA", "ONEZONE_IA")
_FIRST_INFREQUENT_DAY: Final = 30


@attrs.frozen(kw_only=True)
class Transition:
    """Objects move to another storage class this many days after they were made; 0 is at once."""

    to: StorageClass
    days: int


@attrs.frozen(kw_only=True)
class LifecycleRule:
    """What becomes of objects with time.

    Attributes:
        name: Unique in the bucket.
        prefix: The objects the rule is for; empty for all.
        transitions: Moves to colder storage, in their order.
        expire_days: Objects are deleted after this many days.
        noncurrent_expire_days: Replaced versions are deleted after this many days.
        abort_multipart_days: Uploads that were never completed are removed after this many days.

    Raises:
        DeclarationError: S3 would refuse the rule, or it does nothing.
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
            raise self._wrong("does nothing; give it a transition, an expiry or a multipart cleanup")
        if self.prefix.startswith("/"):
            raise self._wrong(f"is for {self.prefix!r}, but keys do not begin with a slash")
        if any(days < 1 for days in deadlines):
            raise self._wrong("deletes on the day of creation; S3 counts from 1")
        self._check_transitions()

    @property
    def args(self) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
        """The rule as the provider takes it."""
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
            if move.days < (_FIRST_INFREQUENT_DAY if move.to in _INFREQUENT else 0):
                raise self._wrong(
                    f"moves to {move.to} on day {move.days}; {', '.join(_INFREQUENT)} take objects from day "
                    f"{_FIRST_INFREQUENT_DAY}, the others from day 0"
                )
        for earlier, later in pairwise(self.transitions):
            if earlier.days >= later.days or _COLDER.index(earlier.to) >= _COLDER.index(later.to):
                raise self._wrong(
                    f"moves to {earlier.to} on day {earlier.days}, then to {later.to} on day {later.days}; "
                    f"each move is later than the one before and goes down: {', '.join(_COLDER)}"
                )
        if (
            self.transitions
            and self.expire_days is not None
            and self.expire_days <= self.transitions[-1].days
        ):
            raise self._wrong(f"deletes on day {self.expire_days}, before the last move is done")

    def _wrong(self, problem: str) -> DeclarationError:
        return DeclarationError(f"lifecycle rule {self.name!r} {problem}")
