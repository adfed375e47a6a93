"""Run the tests of `single_rows.py` on moto."""

import pytest

from tests.runtime.data.single_rows import *  # noqa: F403 - pytest must find all tests of the module

pytestmark = pytest.mark.thorough
