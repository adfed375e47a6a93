"""The platform's repositories on two DynamoDB servers: ministack and dynalite.

The repositories must not depend on the leniency of one emulator. dynalite is the stricter server, but has no
transactions. Tests without transactions use the fixture `row_platform` and run on both servers. All other
tests use the fixture `platform` and run only on ministack.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator.emulator import Emulator
from tests.local.backends.dynalite import Dynalite
from tests.local.backends.tables import prepare_empty_tables
from tests.runtime.platform_fixture import Platform
from tests.runtime.tables import list_platform_tables

pytest.register_assert_rewrite(
    "tests.runtime.data.single_rows",
    "tests.runtime.data.transactions",
    "tests.runtime.builds.test_cancelling",
    "tests.runtime.repositories.test_deployments",
    "tests.runtime.repositories.test_lists",
    "tests.runtime.repositories.test_projects",
    "tests.runtime.releases.test_switching",
)


@pytest.fixture(scope="session")
def dynalite() -> Iterator[Dynalite]:
    """A dynalite server on a free port. With pytest-xdist, each worker process has its own server."""
    with Dynalite.run_server() as server:
        yield server


class ParameterStore:
    """A parameter store that accepts every write. These tests do not read parameters."""

    def put_parameter(self, **_: object) -> None:
        return


def create_empty_platform(client: Any) -> Platform:  # noqa: ANN401 - clients have no type here
    """Return a platform with empty tables on the DynamoDB server of the client."""
    return Platform(prepare_empty_tables(client, list_platform_tables()), ssm=ParameterStore())


@pytest.fixture
def platform(running_emulator: Emulator) -> Platform:
    """The platform on ministack."""
    return create_empty_platform(running_emulator.client("dynamodb"))


@pytest.fixture(params=["ministack", "dynalite"])
def row_platform(request: pytest.FixtureRequest) -> Platform:
    """The platform on each server, for tests without transactions."""
    if request.param == "ministack":
        platform: Platform = request.getfixturevalue("platform")
        return platform
    server: Dynalite = request.getfixturevalue("dynalite")
    return create_empty_platform(server.client)
