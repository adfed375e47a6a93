"""The repositories on moto: one row or one query at a time."""

import pytest

from tests.runtime.data.single_rows import *  # noqa: F403 - the tests, whose docstrings say what they prove

pytestmark = pytest.mark.thorough
