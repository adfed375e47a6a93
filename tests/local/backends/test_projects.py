"""The repositories on ministack: the tests of `tests/runtime/test_projects.py`."""

from tests.runtime.test_projects import *  # noqa: F403 - the tests, whose docstrings say what they prove
