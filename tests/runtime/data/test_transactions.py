"""The repositories on moto: several rows together."""

import pytest

from tests.runtime.data.transactions import *  # noqa: F403 - the tests, whose docstrings say what they prove

pytestmark = pytest.mark.thorough
