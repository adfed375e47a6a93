"""Runs the tests of `tests/runtime/repositories/test_deployments.py` with the repositories on ministack."""

from tests.runtime.repositories.test_deployments import *  # noqa: F403 - pytest must find all tests of the module
