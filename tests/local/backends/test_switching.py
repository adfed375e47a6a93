"""The repositories on ministack: the tests of `tests/runtime/releases/test_switching.py`."""

from tests.runtime.releases.test_switching import *  # noqa: F403 - pytest must find all tests of the module
