"""The journey fixture, over moto's AWS."""

import pytest

from tests.runtime.calls import real_client
from tests.runtime.faults.push_simulation import Journey
from tests.runtime.tables import platform_tables


@pytest.fixture
def journey(aws: None) -> Journey:  # noqa: ARG001 - for its effect
    """A project with a live release, and pushes with injected faults."""
    for table in platform_tables():
        real_client("dynamodb").create_table(**table)
    return Journey()
