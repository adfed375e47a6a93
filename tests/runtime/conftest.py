"""Fixtures for the tests of the Lambda functions: moto's AWS, and the deploy platform in it."""

from collections.abc import Generator, Iterator

import pytest
from moto import mock_aws

from tests import checked_calls
from tests.runtime.calls import REGION, get_real_client
from tests.runtime.platform_fixture import Platform
from tests.runtime.releases.release_fixture import ReleasePlatform
from tests.runtime.tables import list_platform_tables


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account, which moto emulates inside this process."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def platform(aws: None) -> Platform:  # noqa: ARG001 - for its effect
    """The platform's tables, repositories and services."""
    for table in list_platform_tables():
        get_real_client("dynamodb").create_table(**table)
    return Platform()


@pytest.fixture
def stage(platform: Platform) -> ReleasePlatform:
    """A stage with the platform's services, including those that release built deployments."""
    return ReleasePlatform(platform)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Fail a test that made a call that AWS refuses, even if the code under test caught the error."""
    try:
        yield
    except BaseException:
        checked_calls.take_refused_calls()
        raise
    assert checked_calls.take_refused_calls() == []
