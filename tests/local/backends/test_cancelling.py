"""Runs the tests of `tests/runtime/builds/test_cancelling.py` with the repositories on ministack."""

from tests.runtime.builds.test_cancelling import *  # noqa: F403 - pytest must find all tests of the module
