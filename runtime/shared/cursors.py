"""Cursors of lists: where a page ends, signed for one tenant and one query, for a day.

A cursor holds DynamoDB's own `LastEvaluatedKey`, readable to whoever decodes it, so keys must hold no secret.
Whoever sends one back gets nothing but the continuation of the very list that gave it: the signature covers
the tenant, the query with all its parameters, the time it ends and the position. What was altered, belongs to
another tenant or another query, or is too old, is refused with one and the same sentence: a cursor tells
nothing about why.
"""

import hmac
import json
import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from attrs import field, frozen

from runtime.shared.clock import Clock
from runtime.shared.errors import MalformedError

_VERSION: Final = 1
_EXPIRY_BYTES: Final = 5  # Unix seconds, for the next 34,000 years
_MAC_BYTES: Final = 16
_MAX_LENGTH: Final = 8192  # characters: the keys of a row and of an index have at most 6,144 bytes
_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]+")


@frozen(kw_only=True)
class Cursors:
    """Writes and reads the cursors of one system.

    Attributes:
        key: Returns the signing key, at least 32 bytes, from where it is remembered
            (`runtime.shared.signing.Signer.derive_cursor_key`). Called only when there is a cursor to write or to
            read: most lists fit on one page.
        clock: Tells the time.
        lifetime: How long a cursor is good for.
    """

    key: Callable[[], bytes] = field(repr=False)
    clock: Clock = field(repr=False)
    lifetime: timedelta = timedelta(hours=24)

    def write(self, tenant: str, query: str, position: Mapping[str, Any]) -> str:
        """Return the cursor that continues a list: opaque text of letters, digits, `-` and `_`.

        Args:
            tenant: Whose list it is.
            query: The list's name and every parameter that decides what is in it and in which order, such as
                `deployments:project=01ARYZ6S41TSV4RRFFQ69G5FAV`.
            position: DynamoDB's `LastEvaluatedKey`: attribute values of type S, N or B.
        """
        ends = int((self.clock() + self.lifetime).timestamp())
        head = bytes((_VERSION,)) + ends.to_bytes(_EXPIRY_BYTES)
        body = head + _serialize(position)
        return urlsafe_b64encode(body + self._mac(tenant, query, body)).decode().rstrip("=")

    def read(self, tenant: str, query: str, cursor: str) -> dict[str, Any]:
        """Return the position that a cursor holds, as an `ExclusiveStartKey`.

        Args:
            tenant: Who asks.
            query: What is asked for, as for `write`.
            cursor: As `write` returned it.

        Raises:
            MalformedError: It was altered, is another tenant's or another query's, or has expired; the error
                is the same for all of these.
        """
        refused = MalformedError(
            "the cursor is not one that this list gave in the last day: leave it away to start anew"
        )
        whole = _decode(cursor)
        body, mac = whole[:-_MAC_BYTES], whole[-_MAC_BYTES:]
        if len(body) <= 1 + _EXPIRY_BYTES or body[0] != _VERSION:
            raise refused
        if not hmac.compare_digest(mac, self._mac(tenant, query, body)):
            raise refused
        if int(self.clock().timestamp()) >= int.from_bytes(body[1 : 1 + _EXPIRY_BYTES]):
            raise refused
        return _deserialize(body[1 + _EXPIRY_BYTES :])

    def _mac(self, tenant: str, query: str, body: bytes) -> bytes:
        # Each part with its length before it: no text of one can pass for the start of the next.
        parts = (tenant.encode(), query.encode(), body)
        signed = b"".join(len(part).to_bytes(4) + part for part in parts)
        return hmac.digest(self.key(), signed, "sha256")[:_MAC_BYTES]


def _decode(cursor: str) -> bytes:
    """Return what a cursor's text stands for; nothing if `write` cannot have written it."""
    if len(cursor) > _MAX_LENGTH or not _PATTERN.fullmatch(cursor):
        return b""
    try:
        whole = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return b""
    # Several texts decode to the same bytes; only one of them was written.
    return whole if urlsafe_b64encode(whole).decode().rstrip("=") == cursor else b""


def _serialize(position: Mapping[str, Any]) -> bytes:
    plain = {
        name: {kind: b64encode(held).decode() if kind == "B" else held for kind, held in value.items()}
        for name, value in position.items()
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _deserialize(position: bytes) -> dict[str, Any]:
    plain: dict[str, dict[str, str]] = json.loads(position)
    return {
        name: {kind: b64decode(held) if kind == "B" else held for kind, held in value.items()}
        for name, value in plain.items()
    }
