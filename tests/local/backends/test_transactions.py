"""The repositories on DynamoDB servers: the tests of `tests/runtime/data/transactions.py`."""

from tests.runtime.data.transactions import *  # noqa: F403 - the tests, whose docstrings say what they prove
