"""Runs the tests of `tests/runtime/shops/test_import_history.py` with the shop store on DynamoDB servers."""

from tests.runtime.shops.test_import_history import *  # noqa: F403 - pytest must find all tests of the module
