"""Fixtures of the image service's tests."""

import pytest

from tests.runtime.images.image_fixture import ImageWorld, make_images


@pytest.fixture
def world(aws: None) -> ImageWorld:  # noqa: ARG001 - for its effect
    """The image service's table, bucket and services."""
    make_images()
    return ImageWorld()
