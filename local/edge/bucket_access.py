"""What a bucket's policy lets one distribution read: the emulator does not ask it, so the edge does."""

import fnmatch
import json
from collections.abc import Mapping
from typing import Any, cast

import boto3
from attrs import frozen
from botocore.exceptions import ClientError

CLOUDFRONT = "cloudfront.amazonaws.com"


@frozen(kw_only=True)
class BucketAccess:
    """The rights of a distribution in a bucket.

    Attributes:
        objects: Patterns of the ARNs that it may get.
        lists: Whether it may know which objects there are. Who may not is told of a missing one that access
            is denied.
    """

    objects: tuple[str, ...] = ()
    lists: bool = False

    def allows(self, bucket: str, key: str) -> bool:
        """Whether the object may be read, if it is there."""
        arn = f"arn:aws:s3:::{bucket}/{key}"
        return any(fnmatch.fnmatchcase(arn, pattern) for pattern in self.objects)


NOTHING = BucketAccess()


def load_bucket_access(session: boto3.Session, bucket: str, distribution_arn: str) -> BucketAccess:
    """Read the policy of a bucket for what it allows CloudFront on behalf of this distribution."""
    client: Any = session.client("s3")
    try:
        document = json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchBucketPolicy", "NoSuchBucket"}:
            return NOTHING
        raise
    objects: list[str] = []
    lists = False
    for statement in cast("list[dict[str, Any]]", document["Statement"]):
        if not _is_for(statement, distribution_arn):
            continue
        actions = _listed(statement["Action"])
        if "s3:GetObject" in actions:
            objects += _listed(statement["Resource"])
        lists = lists or "s3:ListBucket" in actions
    return BucketAccess(objects=tuple(objects), lists=lists)


def _is_for(statement: Mapping[str, Any], distribution_arn: str) -> bool:
    principal = statement.get("Principal")
    if statement["Effect"] != "Allow" or not isinstance(principal, dict):
        return False
    if CLOUDFRONT not in _listed(cast("dict[str, Any]", principal).get("Service")):
        return False
    conditions: Mapping[str, Mapping[str, Any]] = statement.get("Condition") or {}
    named = {
        key.lower(): _listed(value)
        for operator in ("StringEquals", "ArnEquals", "ArnLike")
        for key, value in conditions.get(operator, {}).items()
    }
    return distribution_arn in named.get("aws:sourcearn", [])


def _listed(value: object) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(cast("list[str]", value))
