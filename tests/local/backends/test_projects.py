"""The repositories on ministack: the tests of `tests/runtime/repositories/test_projects.py`."""

from tests.runtime.repositories.test_projects import *  # noqa: F403 - pytest must find all tests of the module
