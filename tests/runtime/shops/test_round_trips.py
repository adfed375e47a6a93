"""Models are unchanged after a round trip through DynamoDB, and unknown attributes are kept."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.shops.model import ImportRecord, Job, Shop, Status, is_domain
from runtime.shops.tokens import EncryptedToken
from tests.runtime.shops.shop_fixture import START, ShopPlatform
from tests.runtime.tables import SHOPS

# All examples of a test use the same tables, so each example uses its own keys or deletes old rows.
SHARED = settings(
    max_examples=12, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", re.ASCII)
DOMAINS = st.lists(st.from_regex(LABEL, fullmatch=True), min_size=2, max_size=4).map(".".join)
TEXTS = st.text(max_size=50)
NUMBERS = st.integers(min_value=-(10**38) + 1, max_value=10**38 - 1)
ZONES = st.integers(min_value=-14 * 60, max_value=14 * 60).map(lambda by: timezone(timedelta(minutes=by)))
TIMES = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - zone below
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - the same
    timezones=ZONES,
).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
SHOPS_OF_ALL_KINDS = st.builds(
    Shop,
    domain=DOMAINS,
    access_token=st.binary(max_size=300).map(EncryptedToken),
    scopes=st.lists(TEXTS, max_size=4).map(tuple),
    installed_at=TIMES,
    updated_at=TIMES,
    name=st.none() | TEXTS,
)
COUNTS: dict[str, Any] = {
    "total": st.none() | NUMBERS,
    "processed": NUMBERS,
    "failed": NUMBERS,
    "error": st.none() | TEXTS,
}
JOBS = st.builds(
    Job,
    job_id=st.just(""),
    shop_domain=DOMAINS,
    kind=TEXTS,
    status=st.sampled_from(Status),
    created_at=TIMES,
    updated_at=TIMES,
    expires_at=st.integers(min_value=10**10, max_value=10**38 - 1),
    started_at=st.none() | TIMES,
    finished_at=st.none() | TIMES,
    **COUNTS,
)
RECORDS = st.builds(
    ImportRecord,
    shop_domain=DOMAINS,
    timestamp=st.just(Decimal(0)),
    job_id=TEXTS,
    kind=TEXTS,
    outcome=st.sampled_from(Status),
    finished_at=TIMES,
    expires_at=st.integers(min_value=10**10, max_value=10**38 - 1),
    **COUNTS,
)
VALUES = st.recursive(
    st.one_of(
        TEXTS.map(lambda text: {"S": text}),
        NUMBERS.map(lambda number: {"N": str(number)}),
        st.binary(max_size=20).map(lambda held: {"B": held}),
        st.booleans().map(lambda truth: {"BOOL": truth}),
        st.just({"NULL": True}),
        st.sets(st.text(min_size=1, max_size=5), min_size=1, max_size=3).map(
            lambda all_: {"SS": sorted(all_)}
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda elements: {"L": elements}),
        st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3).map(lambda map_: {"M": map_}),
    ),
    max_leaves=5,
)


@SHARED
@given(shop=SHOPS_OF_ALL_KINDS)
def test_a_shop_is_unchanged_after_a_round_trip(store: ShopPlatform, shop: Shop) -> None:
    assert is_domain(shop.domain)
    store.database.delete_item(TableName=SHOPS, Key={"domain": {"S": shop.domain}})
    assert store.shops.install(shop) == shop == store.shops.get(shop.domain)


@SHARED
@given(job=JOBS)
def test_a_job_is_unchanged_after_a_round_trip(store: ShopPlatform, job: Job) -> None:
    job = evolve(job, job_id=store.ids())
    store.jobs.create(job)
    assert store.jobs.get(job.shop_domain, job.job_id) == job
    assert job in store.jobs.list_for_shop(job.shop_domain, limit=100).items


@SHARED
@given(record=RECORDS)
def test_a_record_is_unchanged_after_a_round_trip(store: ShopPlatform, record: ImportRecord) -> None:
    for row in store.read_all_rows():
        key = {name: row[name] for name in ("shopDomain", "timestamp")}
        store.database.delete_item(TableName="anchor-dev-import-history", Key=key)
    stored = store.history.record(record)
    assert evolve(stored, timestamp=record.timestamp) == record
    since = record.finished_at
    page = store.history.list_between(record.shop_domain, since, since + timedelta(milliseconds=1), limit=100)
    assert page.items == (stored,)


@SHARED
@given(shop=SHOPS_OF_ALL_KINDS, wanted=SHOPS_OF_ALL_KINDS, added=VALUES)
def test_an_update_keeps_attributes_of_a_newer_version(
    store: ShopPlatform, shop: Shop, wanted: Shop, added: dict[str, Any]
) -> None:
    key = {"domain": {"S": shop.domain}}
    store.database.delete_item(TableName=SHOPS, Key=key)
    store.shops.install(shop)
    store.database.put_item(TableName=SHOPS, Item={**store.read_row(SHOPS, **key), "added": added})
    wanted = evolve(wanted, domain=shop.domain)
    updated = store.shops.update(shop.domain, shop, wanted)
    assert updated == evolve(wanted, version=2) == store.shops.get(shop.domain)
    assert store.read_row(SHOPS, **key)["added"] == added


@pytest.mark.parametrize("text", ["", "ü" * 90_000, "\0", "\U0001f9ff\u200d", "e\u0301"])
def test_an_unusual_text_is_unchanged_after_a_round_trip(store: ShopPlatform, text: str) -> None:
    shop = store.install_shop(name=text)
    assert store.shops.get(shop.domain).name == text
    assert store.shops.update(shop.domain, shop, evolve(shop, name="x", scopes=(text,))).scopes == (text,)


def test_times_are_stored_in_utc(store: ShopPlatform) -> None:
    east = START.astimezone(timezone(timedelta(hours=5, minutes=45)))
    store.install_shop(installed_at=east)
    (row,) = store.read_all_rows()
    assert row["installedAt"] == {"S": "2026-01-31T09:30:00.000Z"}
    assert store.shops.get("one.shops.example.com").installed_at.tzinfo is UTC
