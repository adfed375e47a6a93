"""Evaluates a bucket's policy for a distribution.

The edge enforces the policy, because the emulator does not. Only `Allow` statements are evaluated.
"""

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
    """The permissions of a distribution in a bucket.

    Attributes:
        objects: Patterns of the ARNs of readable objects.
        can_list: Whether the distribution may list objects. Without this permission, a request for a missing
            object is answered with 403 (access denied).
    """

    objects: tuple[str, ...] = ()
    can_list: bool = False

    def allows(self, bucket: str, key: str) -> bool:
        """Return whether the distribution may read the object. The object need not exist."""
        arn = f"arn:aws:s3:::{bucket}/{key}"
        return any(fnmatch.fnmatchcase(arn, pattern) for pattern in self.objects)


NO_ACCESS = BucketAccess()


def load_bucket_access(session: boto3.Session, bucket: str, distribution_arn: str) -> BucketAccess:
    """Return the permissions that a bucket's policy gives to CloudFront for this distribution.

    If the bucket or its policy does not exist, return `NO_ACCESS`.
    """
    client: Any = session.client("s3")
    try:
        document = json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchBucketPolicy", "NoSuchBucket"}:
            return NO_ACCESS
        raise
    objects: list[str] = []
    can_list = False
    for statement in cast("list[dict[str, Any]]", document["Statement"]):
        if not _applies_to(statement, distribution_arn):
            continue
        actions = _to_list(statement["Action"])
        if "s3:GetObject" in actions:
            objects += _to_list(statement["Resource"])
        can_list = can_list or "s3:ListBucket" in actions
    return BucketAccess(objects=tuple(objects), can_list=can_list)


def _applies_to(statement: Mapping[str, Any], distribution_arn: str) -> bool:
    principal = statement.get("Principal")
    if statement["Effect"] != "Allow" or not isinstance(principal, dict):
        return False
    if CLOUDFRONT not in _to_list(cast("dict[str, Any]", principal).get("Service")):
        return False
    conditions: Mapping[str, Mapping[str, Any]] = statement.get("Condition") or {}
    named = {
        key.lower(): _to_list(value)
        for operator in ("StringEquals", "ArnEquals", "ArnLike")
        for key, value in conditions.get(operator, {}).items()
    }
    return distribution_arn in named.get("aws:sourcearn", [])


def _to_list(value: object) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(cast("list[str]", value))
