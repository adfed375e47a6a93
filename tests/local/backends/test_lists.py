"""Runs the tests of `tests/runtime/repositories/test_lists.py` with the repositories on ministack."""

from tests.runtime.repositories.test_lists import *  # noqa: F403 - pytest must find all tests of the module
