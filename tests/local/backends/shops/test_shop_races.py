"""Runs the tests of `tests/runtime/shops/test_shop_races.py` with the shop store on DynamoDB servers."""

from tests.runtime.shops.test_shop_races import *  # noqa: F403 - pytest must find all tests of the module
