"""The repositories on ministack: the tests of `tests/runtime/data/transactions.py`."""

from tests.runtime.data.transactions import *  # noqa: F403 - pytest must find all tests of the module
