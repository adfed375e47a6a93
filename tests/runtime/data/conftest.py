"""Fixtures: a platform on moto's DynamoDB to which several threads can write."""

import pytest

from tests.runtime.calls import get_real_client
from tests.runtime.data.one_at_a_time import OneAtATime
from tests.runtime.platform_fixture import Platform
from tests.runtime.tables import list_platform_tables

pytest.register_assert_rewrite("tests.runtime.data.single_rows", "tests.runtime.data.transactions")


@pytest.fixture
def platform(aws: None) -> Platform:  # noqa: ARG001 - for its effect
    """The platform, with a DynamoDB client that several threads can use."""
    client = get_real_client("dynamodb")
    for table in list_platform_tables():
        client.create_table(**table)
    return Platform(OneAtATime(client))


@pytest.fixture
def row_platform(platform: Platform) -> Platform:
    """The platform for the tests in `single_rows.py`. In this folder, these tests run on moto's DynamoDB."""
    return platform
