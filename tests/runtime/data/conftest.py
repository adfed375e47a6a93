"""The platform on moto's DynamoDB, for writers that are threads."""

import pytest

from tests.runtime.calls import real_client
from tests.runtime.data.one_at_a_time import OneAtATime
from tests.runtime.platform_fixture import World
from tests.runtime.tables import platform_tables

pytest.register_assert_rewrite("tests.runtime.data.single_rows", "tests.runtime.data.transactions")


@pytest.fixture
def world(aws: None) -> World:  # noqa: ARG001 - for its effect
    """The platform, whose writers may be threads."""
    client = real_client("dynamodb")
    for table in platform_tables():
        client.create_table(**table)
    return World(OneAtATime(client))


@pytest.fixture
def row_world(world: World) -> World:
    """The platform on each DynamoDB that `single_rows` is run on: here moto's."""
    return world
