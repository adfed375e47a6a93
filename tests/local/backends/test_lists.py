"""The repositories on ministack: the tests of `tests/runtime/repositories/test_lists.py`."""

from tests.runtime.repositories.test_lists import *  # noqa: F403 - pytest must find all tests of the module
