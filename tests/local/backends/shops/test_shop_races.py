"""The shop store on DynamoDB servers: the tests of `tests/runtime/shops/test_shop_races.py`."""

from tests.runtime.shops.test_shop_races import *  # noqa: F403 - pytest must find all tests of the module
