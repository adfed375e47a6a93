"""The shop store on DynamoDB servers: the tests of `tests/runtime/shops/test_job_lists.py`."""

from tests.runtime.shops.test_job_lists import *  # noqa: F403 - the tests, whose docstrings say what they prove
