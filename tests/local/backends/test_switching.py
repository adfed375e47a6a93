"""Runs the tests of `tests/runtime/releases/test_switching.py` with the repositories on ministack."""

from tests.runtime.releases.test_switching import *  # noqa: F403 - pytest must find all tests of the module
