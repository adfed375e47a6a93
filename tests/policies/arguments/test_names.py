"""The limits of names apply to physical names, which can have a suffix (G9)."""

from typing import Any

import pytest

from policies.arguments.validation import TYPES
from policies.graph import UNKNOWN

# Numbers of characters. Pulumi appends a hyphen and seven digits to a logical name. The provider appends 26
# digits to a name prefix.
SUFFIX, PREFIX_SUFFIX = 8, 26
LIMITS = {
    "aws:cloudfront/function:Function": 64,
    "aws:cloudfront/keyValueStore:KeyValueStore": 64,
    "aws:cloudfront/originAccessControl:OriginAccessControl": 64,
    "aws:cloudwatch/eventRule:EventRule": 64,
    "aws:cloudwatch/logGroup:LogGroup": 512,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": 512,
    "aws:cloudwatch/metricAlarm:MetricAlarm": 255,
    "aws:codebuild/project:Project": 150,
    "aws:cognito/userGroup:UserGroup": 128,
    "aws:cognito/userPool:UserPool": 128,
    "aws:cognito/userPoolClient:UserPoolClient": 128,
    "aws:dynamodb/table:Table": 255,
    "aws:iam/policy:Policy": 128,
    "aws:iam/role:Role": 64,
    "aws:iam/rolePolicy:RolePolicy": 128,
    "aws:lambda/alias:Alias": 128,
    "aws:lambda/function:Function": 64,
    "aws:apigatewayv2/api:Api": 128,
    "aws:s3/bucket:Bucket": 63,
    "aws:sns/topic:Topic": 256,
    "aws:sqs/queue:Queue": 80,
}


def count_violations(kind: str, logical_name: str, props: dict[str, Any]) -> int:
    return len(list(TYPES[kind].find_violations(logical_name, props)))


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
def test_a_long_name_must_leave_room_for_its_suffix(kind: str, limit: int) -> None:
    """The longest accepted logical name is eight characters shorter than the limit."""
    other_problems = count_violations(kind, "a", {})
    assert count_violations(kind, "a" * (limit - SUFFIX), {}) == other_problems
    assert count_violations(kind, "a" * (limit - SUFFIX + 1), {}) > other_problems


@pytest.mark.parametrize(
    "kind", ["aws:iam/role:Role", "aws:sqs/queue:Queue", "aws:cloudwatch/eventRule:EventRule"]
)
def test_a_name_prefix_must_leave_room_for_the_generated_suffix(kind: str) -> None:
    longest = LIMITS[kind] - PREFIX_SUFFIX
    other_problems = count_violations(kind, "a", {})
    assert count_violations(kind, "a", {"namePrefix": "a" * longest}) == other_problems
    assert count_violations(kind, "a", {"namePrefix": "a" * (longest + 1)}) > other_problems


def test_an_unknown_prefix_has_no_limit() -> None:
    kind = "aws:iam/role:Role"
    assert count_violations(kind, "a" * 200, {"namePrefix": UNKNOWN}) == 0


def test_pulumi_writes_the_name_of_a_bucket_in_lower_case() -> None:
    assert count_violations("aws:s3/bucket:Bucket", "Assets", {}) == 0
    assert count_violations("aws:s3/bucket:Bucket", "a", {"bucket": "Assets"}) == 1
