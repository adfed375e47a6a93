"""A pagination cursor is valid only for its tenant, its query and its lifetime."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, evolve
from hypothesis import given
from hypothesis import strategies as st

from runtime.shared.api.http import create_error_response
from runtime.shared.cursors import Cursors
from runtime.shared.errors import MalformedError
from runtime.shared.signing import Signer
from tests.runtime.stand_ins import Kms

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
POSITION = {"projectId": {"S": "01P"}, "createdAt": {"S": "2026-01-31T09:30:00.125Z"}}
CURSORS = Cursors(key=lambda: b"k" * 32, clock=lambda: NOW)
VALUES = st.one_of(
    st.text().map(lambda text: {"S": text}),
    st.integers().map(lambda number: {"N": str(number)}),
    st.binary().map(lambda held: {"B": held}),
)
POSITIONS = st.dictionaries(st.text(max_size=20), VALUES, max_size=4)


def find_refusal_message(
    cursor: str, *, tenant: str = "user", query: str = "list", cursors: Cursors = CURSORS
) -> str:
    with pytest.raises(MalformedError) as error:
        cursors.read(tenant, query, cursor)
    assert error.value.__cause__ is None
    assert create_error_response(error.value)["statusCode"] == 400
    return str(error.value)


@given(POSITIONS, st.text(), st.text())
def test_a_cursor_contains_the_position(position: dict[str, Any], tenant: str, query: str) -> None:
    cursor = CURSORS.write(tenant, query, position)
    assert CURSORS.read(tenant, query, cursor) == position
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_every_invalid_cursor_gets_the_same_error() -> None:
    """A5. The tested cursors are altered, expired, malformed, or of another tenant, query or key."""
    cursor = CURSORS.write("user", "list", POSITION)
    later = evolve(CURSORS, clock=lambda: NOW + timedelta(hours=24))
    messages = {
        find_refusal_message(cursor[:-2] + "AA"),
        find_refusal_message(cursor, tenant="other"),
        find_refusal_message(cursor, query="list of others"),
        find_refusal_message(cursor, cursors=later),
        find_refusal_message(cursor, cursors=evolve(CURSORS, key=lambda: b"o" * 32)),
        find_refusal_message("nonsense"),
        find_refusal_message(""),
    }
    assert messages == {
        "the cursor is not from this list or is older than a day: leave it out to start again",
    }


@given(st.data())
def test_every_altered_character_is_detected(data: st.DataObject) -> None:
    cursor = CURSORS.write("user", "list", POSITION)
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_=+/ .é\n").filter(lambda new: new != cursor[at]))
    find_refusal_message(cursor[:at] + other + cursor[at + 1 :])


def test_the_position_cannot_be_replaced() -> None:
    one, two = (CURSORS.write("user", "list", {"id": {"S": text}}) for text in ("a", "b"))
    parts = [urlsafe_b64decode(each + "=" * (-len(each) % 4)) for each in (one, two)]
    find_refusal_message(urlsafe_b64encode(parts[0][:-16] + parts[1][-16:]).decode().rstrip("="))


def test_tenant_and_query_are_signed_separately() -> None:
    find_refusal_message(CURSORS.write("ab", "c", POSITION), tenant="a", query="bc")


@pytest.mark.parametrize("cursor", ["A" * 8193, "A", "AA", "A" * 28, "A" * 32, "=", "%%%", "é", "AQ\n"])
def test_text_that_is_not_a_cursor_is_refused(cursor: str) -> None:
    find_refusal_message(cursor)


@given(st.text())
def test_arbitrary_text_is_refused_with_status_400(cursor: str) -> None:
    find_refusal_message(cursor)


def test_a_cursor_is_valid_for_its_lifetime() -> None:
    cursor = CURSORS.write("user", "list", POSITION)
    just = evolve(CURSORS, clock=lambda: NOW + timedelta(hours=23, minutes=59, seconds=59))
    assert just.read("user", "list", cursor) == POSITION


@define
class CountingKms(Kms):
    call_count: int = 0

    def generate_mac(self, **arguments: Any) -> Any:  # noqa: ANN401 - as the client
        self.call_count += 1
        return super().generate_mac(**arguments)


def test_the_key_is_derived_once_at_the_first_cursor() -> None:
    kms = CountingKms()
    signer = Signer(kms, "arn:key")
    cursors = Cursors(key=signer.derive_cursor_key, clock=lambda: NOW)
    assert kms.call_count == 0
    cursor = cursors.write("user", "list", POSITION)
    assert cursors.read("user", "list", cursor) == POSITION
    assert (kms.call_count, len(signer.derive_cursor_key())) == (1, 32)


def test_the_key_is_in_no_repr() -> None:
    assert "key" not in repr(CURSORS)
