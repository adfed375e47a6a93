"""An application connects to the shop store with the stack output (S1, W1)."""

import json
from datetime import timedelta
from typing import Any

import pytest

from runtime.shared.errors import MalformedError
from runtime.shops.model import ImportRecord, Job, Shop
from runtime.shops.store import ShopStore, ShopStoreSettings, ShopStoreSettingsError
from runtime.shops.tokens import Token
from tests.runtime.calls import get_real_client
from tests.runtime.shops.shop_fixture import SHOP, ManualClock
from tests.runtime.tables import IMPORT_HISTORY, JOBS, SHOPS

OUTPUT = {
    "region": "eu-central-1",
    "shopsTable": SHOPS,
    "jobsTable": JOBS,
    "importHistoryTable": IMPORT_HISTORY,
    "tokenKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1",
    "cursorKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/2",
    "policyArn": "arn:aws:iam::123456789012:policy/anchor-dev-shop-store",
}


@pytest.fixture
def connected(database: Any, monkeypatch: pytest.MonkeyPatch) -> ShopStore:  # noqa: ANN401, ARG001 - for its tables
    """The store in the region of the other tests, although the environment names another region."""
    kms = get_real_client("kms")
    keys = {
        "tokenKeyArn": kms.create_key()["KeyMetadata"]["Arn"],
        "cursorKeyArn": kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"][
            "Arn"
        ],
    }
    output = {**OUTPUT, **keys, "region": get_real_client("kms").meta.region_name}
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    return ShopStore.connect(ShopStoreSettings.from_json(json.dumps(output)), clock=ManualClock())


def test_every_part_of_the_store_is_connected(connected: ShopStore) -> None:
    at = ManualClock().now
    encrypted = connected.tokens.encrypt(SHOP, Token("shpat_1"))
    connected.shops.install(Shop(domain=SHOP, access_token=encrypted, installed_at=at, updated_at=at))
    shop = connected.shops.get(SHOP)
    assert connected.tokens.decrypt(SHOP, shop.access_token).reveal() == "shpat_1"
    for number in range(2):
        job = Job.queued(SHOP, "import-products", job_id=connected.create_job_id(), at=at)
        connected.jobs.create(job)
        connected.jobs.start(SHOP, job.job_id, total=number)
        connected.import_history.record(ImportRecord.from_job(connected.jobs.succeed(SHOP, job.job_id)))
    first = connected.jobs.list_for_shop(SHOP, limit=1)
    second = connected.jobs.list_for_shop(SHOP, limit=1, cursor=first.cursor)
    assert [job.total for job in (*first.items, *second.items)] == [1, 0]
    imports = connected.import_history.list_between(
        SHOP, at - timedelta(days=1), at + timedelta(days=1), limit=5
    )
    assert len(imports.items) == 2


def test_a_cursor_of_another_stage_is_refused(connected: ShopStore) -> None:
    with pytest.raises(MalformedError):
        connected.jobs.list_for_shop(SHOP, limit=1, cursor="AQ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "are not JSON"),
        ("[]", "are not a JSON object"),
        ("{}", "lack region, shopsTable, jobsTable, importHistoryTable, tokenKeyArn, cursorKeyArn"),
        (json.dumps({**OUTPUT, "jobsTable": ""}), "lack jobsTable"),
        (json.dumps({**OUTPUT, "region": 3}), "lack region"),
    ],
)
def test_wrong_settings_name_the_command_that_prints_the_right_ones(text: str, problem: str) -> None:
    with pytest.raises(ShopStoreSettingsError, match=f"{problem}.*pulumi stack output shopStore --json"):
        ShopStoreSettings.from_json(text)
