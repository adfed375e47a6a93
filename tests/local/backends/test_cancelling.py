"""The repositories on ministack: the tests of `tests/runtime/builds/test_cancelling.py`."""

from tests.runtime.builds.test_cancelling import *  # noqa: F403 - the tests, whose docstrings say what they prove
