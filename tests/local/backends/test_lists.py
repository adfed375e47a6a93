"""The repositories on ministack: the tests of `tests/runtime/repositories/test_lists.py`."""

from tests.runtime.repositories.test_lists import *  # noqa: F403 - the tests, whose docstrings say what they prove
