"""The repositories on moto: several rows together."""

import pytest

from tests.runtime.data.transactions import *  # noqa: F403 - pytest must find all tests of the module

pytestmark = pytest.mark.thorough
