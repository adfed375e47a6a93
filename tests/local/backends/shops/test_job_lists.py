"""Runs the tests of `tests/runtime/shops/test_job_lists.py` with the shop store on DynamoDB servers."""

from tests.runtime.shops.test_job_lists import *  # noqa: F403 - pytest must find all tests of the module
