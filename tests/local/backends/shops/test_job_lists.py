"""The shop store on DynamoDB servers: the tests of `tests/runtime/shops/test_job_lists.py`."""

from tests.runtime.shops.test_job_lists import *  # noqa: F403 - pytest must find all tests of the module
