"""Fixtures of the shop store on moto's DynamoDB. Other test folders have another fixture `store`."""

from typing import Any

import pytest

from tests.runtime.calls import get_real_client
from tests.runtime.data.one_at_a_time import OneAtATime
from tests.runtime.shops.shop_fixture import ShopPlatform
from tests.runtime.tables import list_shop_tables


@pytest.fixture
def database(aws: None) -> Any:  # noqa: ARG001, ANN401 - for its effect; clients have no type here
    """A DynamoDB client with the store's empty tables."""
    client = get_real_client("dynamodb")
    for table in list_shop_tables():
        client.create_table(**table)
    return OneAtATime(client)


@pytest.fixture
def store(database: Any) -> ShopPlatform:  # noqa: ANN401 - the same
    """The shop store's repositories."""
    return ShopPlatform(database)
