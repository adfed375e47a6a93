# ruff: noqa: N803 - AWS's own names
"""A fake of CloudFront's KeyValueStore: all keys share one version. A stale version causes an error."""

from collections.abc import Mapping, Sequence

from attrs import Factory, define

from tests.runtime.calls import make_client_error

ARN = "arn:aws:cloudfront::123456789012:key-value-store/11111111-2222-3333-4444-555555555555"


@define
class KeyValueStore:
    """An in-memory KeyValueStore.

    Attributes:
        says_conflict: Whether a stale version causes the documented `ConflictException`. Otherwise, it causes
            the `ValidationException` that AWS raises in practice.
        counts_equal_writes: Whether a write that changes nothing gives the store a new version. AWS does not
            document this.
        items: Value by key.
        max_bytes: Largest size of the store.
        largest_batch: Largest number of keys that one call has written.
    """

    says_conflict: bool = False
    counts_equal_writes: bool = True
    items: dict[str, str] = Factory(dict)
    version: int = 1
    max_bytes: int = 5_000_000
    largest_batch: int = 0

    def describe_key_value_store(self, *, KvsARN: str) -> Mapping[str, object]:
        assert KvsARN == ARN
        return self._describe()

    def get_key(self, *, KvsARN: str, Key: str) -> Mapping[str, str]:
        assert KvsARN == ARN
        if Key not in self.items:
            raise make_client_error("ResourceNotFoundException", "GetKey", "no such key")
        return {"Key": Key, "Value": self.items[Key]}

    def put_key(self, *, KvsARN: str, Key: str, Value: str, IfMatch: str) -> Mapping[str, object]:
        return self.update_keys(KvsARN=KvsARN, IfMatch=IfMatch, Puts=[{"Key": Key, "Value": Value}])

    def update_keys(
        self,
        *,
        KvsARN: str,
        IfMatch: str,
        Puts: Sequence[Mapping[str, str]] = (),
        Deletes: Sequence[Mapping[str, str]] = (),
    ) -> Mapping[str, object]:
        assert KvsARN == ARN
        assert 0 < len(Puts) + len(Deletes) <= 50
        assert all(len(put["Value"].encode()) <= 1024 and len(put["Key"].encode()) <= 512 for put in Puts)
        if str(self.version) != IfMatch:
            if self.says_conflict:
                raise make_client_error(
                    "ConflictException", "UpdateKeys", "Resource is not in expected state."
                )
            raise make_client_error(
                "ValidationException", "UpdateKeys", "Pre-Condition failed during update of Key-Value-Store"
            )
        # The code under test must not delete a missing key, because AWS does not document the result.
        assert all(each["Key"] in self.items for each in Deletes)
        after = {**self.items, **{put["Key"]: put["Value"] for put in Puts}}
        for each in Deletes:
            del after[each["Key"]]
        if _compute_size(after) > self.max_bytes:
            raise make_client_error("ServiceQuotaExceededException", "UpdateKeys", "The store is full.")
        if after != self.items or self.counts_equal_writes:
            self.version += 1
        self.items = after
        self.largest_batch = max(self.largest_batch, len(Puts))
        return self._describe()

    def compute_size(self) -> int:
        """Return the bytes of all keys and values."""
        return _compute_size(self.items)

    def _describe(self) -> Mapping[str, object]:
        return {
            "ETag": str(self.version),
            "ItemCount": len(self.items),
            "TotalSizeInBytes": self.compute_size(),
        }


def _compute_size(items: Mapping[str, str]) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in items.items())
