"""Fixtures of the release side."""

import pytest

from tests.runtime.release.release_world import ReleaseWorld
from tests.runtime.world import World


@pytest.fixture
def stage(world: World) -> ReleaseWorld:
    """A stage in which built deployments can be released."""
    return ReleaseWorld(world)
