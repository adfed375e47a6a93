"""Runs the tests of `tests/runtime/data/transactions.py` with the repositories on ministack."""

from tests.runtime.data.transactions import *  # noqa: F403 - pytest must find all tests of the module
