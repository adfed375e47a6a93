"""Fixtures of the tests of OpenNext's overrides."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from components.deploy.tables import TAGS
from tests.runtime.calls import get_real_client
from tests.runtime.site_overrides.override_host import BUCKET, REGION, TABLE, OverrideHost, open_override_host


@pytest.fixture
def host(aws: None, tmp_path: Path) -> Iterator[OverrideHost]:  # noqa: ARG001 - for its effect
    """The overrides, with a release's bucket and the site's tag table."""
    boto3.client("s3", region_name=REGION).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    keys = {key.name: key.type for key in TAGS.keys}
    get_real_client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in keys.items()
            if name in ("tag", "path")
        ],
        KeySchema=[
            {"AttributeName": "tag", "KeyType": "HASH"},
            {"AttributeName": "path", "KeyType": "RANGE"},
        ],
    )
    with open_override_host(tmp_path) as opened:
        yield opened
