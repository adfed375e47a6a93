"""The repositories on ministack: the tests of `tests/runtime/test_switching.py`."""

from tests.runtime.test_switching import *  # noqa: F403 - the tests, whose docstrings say what they prove
