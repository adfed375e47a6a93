"""Fixtures of the image service's tests."""

import pytest

from tests.runtime.images.image_fixture import ImageSystem, create_image_resources


@pytest.fixture
def system(aws: None) -> ImageSystem:  # noqa: ARG001 - for its effect
    """The image service on moto, with its empty table and bucket."""
    create_image_resources()
    return ImageSystem()
