"""The repositories on moto: one row or one query at a time."""

import pytest

from tests.runtime.data.single_rows import *  # noqa: F403 - pytest must find all tests of the module

pytestmark = pytest.mark.thorough
