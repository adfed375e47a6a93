"""Pagination cursors, signed for one tenant and one query, and valid for a day.

A cursor contains DynamoDB's `LastEvaluatedKey`. Anyone can decode a cursor, so the keys of rows must not
contain secrets. A cursor continues only the list that returned it, because the signature covers the tenant,
the query with all its parameters, the expiry time and the position. Every invalid cursor is refused with the
same message, which does not contain the reason.
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
_EXPIRY_BYTES: Final = 5  # Unix seconds, enough for 34,000 years
_MAC_BYTES: Final = 16
_MAX_LENGTH: Final = 8192  # characters, for 6,144 bytes: the maximum size of a row's and an index's keys
_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]+")


@frozen(kw_only=True)
class Cursors:
    """The cursors of one service.

    Attributes:
        key: Returns the signing key, at least 32 bytes (`runtime.shared.signing.Signer.derive_cursor_key`).
            This function is called only when a cursor is written or read, because most lists fit on one page
            and need no key.
        clock: Returns the current time.
        lifetime: How long a cursor is valid. Default: 24 hours.
    """

    key: Callable[[], bytes] = field(repr=False)
    clock: Clock = field(repr=False)
    lifetime: timedelta = timedelta(hours=24)

    def write(self, tenant: str, query: str, position: Mapping[str, Any]) -> str:
        """Return the cursor that continues a list: opaque text of letters, digits, `-` and `_`.

        Args:
            tenant: Owner of the list.
            query: Name of the list and every parameter that changes its content or order, such as
                `deployments:project=01ARYZ6S41TSV4RRFFQ69G5FAV`.
            position: DynamoDB's `LastEvaluatedKey`. Its attribute values have type S, N or B.
        """
        ends = int((self.clock() + self.lifetime).timestamp())
        head = bytes((_VERSION,)) + ends.to_bytes(_EXPIRY_BYTES)
        body = head + _serialize_position(position)
        return urlsafe_b64encode(body + self._compute_mac(tenant, query, body)).decode().rstrip("=")

    def read(self, tenant: str, query: str, cursor: str) -> dict[str, Any]:
        """Return the position that a cursor contains, as an `ExclusiveStartKey`.

        Args:
            tenant: The caller.
            query: The requested list, in the form that `write` takes.
            cursor: Text from `write`.

        Raises:
            MalformedError: The cursor was altered, has expired, or belongs to another tenant or query.
                The message is the same for all of these.
        """
        refused = MalformedError(
            "the cursor is not from this list or is older than a day: leave it out to start again"
        )
        whole = _decode_cursor(cursor)
        body, mac = whole[:-_MAC_BYTES], whole[-_MAC_BYTES:]
        if len(body) <= 1 + _EXPIRY_BYTES or body[0] != _VERSION:
            raise refused
        if not hmac.compare_digest(mac, self._compute_mac(tenant, query, body)):
            raise refused
        if int(self.clock().timestamp()) >= int.from_bytes(body[1 : 1 + _EXPIRY_BYTES]):
            raise refused
        return _deserialize_position(body[1 + _EXPIRY_BYTES :])

    def _compute_mac(self, tenant: str, query: str, body: bytes) -> bytes:
        # The length of each part precedes it, so two different inputs never give the same signed bytes.
        parts = (tenant.encode(), query.encode(), body)
        signed = b"".join(len(part).to_bytes(4) + part for part in parts)
        return hmac.digest(self.key(), signed, "sha256")[:_MAC_BYTES]


def _decode_cursor(cursor: str) -> bytes:
    """Return the bytes of a cursor's text, or no bytes if `write` cannot have written the text."""
    if len(cursor) > _MAX_LENGTH or not _PATTERN.fullmatch(cursor):
        return b""
    try:
        whole = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return b""
    # Several texts decode to the same bytes. Only the canonical one is accepted.
    return whole if urlsafe_b64encode(whole).decode().rstrip("=") == cursor else b""


def _serialize_position(position: Mapping[str, Any]) -> bytes:
    plain = {
        name: {kind: b64encode(held).decode() if kind == "B" else held for kind, held in value.items()}
        for name, value in position.items()
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _deserialize_position(position: bytes) -> dict[str, Any]:
    plain: dict[str, dict[str, str]] = json.loads(position)
    return {
        name: {kind: b64decode(held) if kind == "B" else held for kind, held in value.items()}
        for name, value in plain.items()
    }
