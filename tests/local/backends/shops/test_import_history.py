"""The shop store on DynamoDB servers: the tests of `tests/runtime/shops/test_import_history.py`."""

from tests.runtime.shops.test_import_history import *  # noqa: F403 - pytest must find all tests of the module
