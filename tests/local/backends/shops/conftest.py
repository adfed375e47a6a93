"""The shop store on two DynamoDB servers: ministack and dynalite."""

from typing import Any

import pytest

from local.emulator.emulator import Emulator
from tests.local.backends.dynalite import Dynalite
from tests.local.backends.tables import prepare_empty_tables
from tests.runtime.shops.shop_fixture import ShopPlatform
from tests.runtime.tables import list_shop_tables

pytest.register_assert_rewrite(
    "tests.runtime.shops.test_import_history",
    "tests.runtime.shops.test_job_lists",
    "tests.runtime.shops.test_jobs",
    "tests.runtime.shops.test_round_trips",
    "tests.runtime.shops.test_shop_races",
    "tests.runtime.shops.test_shops",
)


def prepare_shop_tables(client: Any) -> Any:  # noqa: ANN401 - clients have no type here
    """Create or empty the shop store's tables on a server. Return the client of the server."""
    return prepare_empty_tables(client, list_shop_tables())


@pytest.fixture(params=["ministack", "dynalite"])
def store(request: pytest.FixtureRequest) -> ShopPlatform:
    """The shop store on each server."""
    if request.param == "ministack":
        emulator: Emulator = request.getfixturevalue("running_emulator")
        return ShopPlatform(prepare_shop_tables(emulator.client("dynamodb")))
    server: Dynalite = request.getfixturevalue("dynalite")
    return ShopPlatform(prepare_shop_tables(server.client))
