"""Fixtures of the functions' tests: an AWS of moto's, and the platform in it."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.runtime.calls import REGION, real_client
from tests.runtime.platform_fixture import World
from tests.runtime.releases.release_fixture import ReleasePlatform
from tests.runtime.tables import platform_tables


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS that nothing outside of this process answers for."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def world(aws: None) -> World:  # noqa: ARG001 - for its effect
    """The platform's tables and repositories."""
    for table in platform_tables():
        real_client("dynamodb").create_table(**table)
    return World()


@pytest.fixture
def stage(world: World) -> ReleasePlatform:
    """A stage in which built deployments can be released."""
    return ReleasePlatform(world)
