"""The fixture of the push simulation, which uses moto's DynamoDB tables."""

import pytest

from tests.runtime.calls import get_real_client
from tests.runtime.faults.push_simulation import PushSimulation
from tests.runtime.tables import list_platform_tables


@pytest.fixture
def simulation(aws: None) -> PushSimulation:  # noqa: ARG001 - for its effect
    """A simulation of pushes with injected faults, to a project with a live release."""
    for table in list_platform_tables():
        get_real_client("dynamodb").create_table(**table)
    return PushSimulation()
