"""The platform's repositories on two DynamoDB servers: ministack and dynalite.

The repositories must not depend on the leniency of one emulator. dynalite is the stricter server, but has no
transactions. Tests without transactions run on both (`row_platform`), all others on ministack (`platform`).
"""

from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator.emulator import Emulator
from tests.local.backends.dynalite import Dynalite
from tests.local.backends.tables import with_empty_tables
from tests.runtime.platform_fixture import Platform
from tests.runtime.tables import platform_tables

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
    """A dynalite on a free port (pytest-xdist: one per worker)."""
    with Dynalite.started() as server:
        yield server


class ParameterStore:
    """A parameter store that accepts every write. These tests do not read parameters."""

    def put_parameter(self, **_: object) -> None:
        return


def emptied(client: Any) -> Platform:  # noqa: ANN401 - clients have no type here
    """The platform on this DynamoDB, with empty tables."""
    return Platform(with_empty_tables(client, platform_tables()), ssm=ParameterStore())


@pytest.fixture
def platform(running_emulator: Emulator) -> Platform:
    """The platform on ministack."""
    return emptied(running_emulator.client("dynamodb"))


@pytest.fixture(params=["ministack", "dynalite"])
def row_platform(request: pytest.FixtureRequest) -> Platform:
    """The platform on each server, for tests without transactions."""
    if request.param == "ministack":
        platform: Platform = request.getfixturevalue("platform")
        return platform
    server: Dynalite = request.getfixturevalue("dynalite")
    return emptied(server.client)
