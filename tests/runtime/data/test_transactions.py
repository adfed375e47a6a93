"""Run the tests of `transactions.py` on moto."""

import pytest

from tests.runtime.data.transactions import *  # noqa: F403 - pytest must find all tests of the module

pytestmark = pytest.mark.thorough
