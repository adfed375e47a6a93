"""The repositories on ministack: the tests of `tests/runtime/releases/test_switching.py`."""

from tests.runtime.releases.test_switching import *  # noqa: F403 - the tests, whose docstrings say what they prove
