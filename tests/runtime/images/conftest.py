"""Fixtures of the image service's tests."""

import pytest

from tests.runtime.images.image_fixture import ImagePlatform, create_image_resources


@pytest.fixture
def platform(aws: None) -> ImagePlatform:  # noqa: ARG001 - for its effect
    """The image service's table, bucket and services."""
    create_image_resources()
    return ImagePlatform()
