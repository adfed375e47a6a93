"""Runs the tests of `tests/runtime/repositories/test_projects.py` with the repositories on ministack."""

from tests.runtime.repositories.test_projects import *  # noqa: F403 - pytest must find all tests of the module
