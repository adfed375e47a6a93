"""The regions in which a stage can be deployed."""

import botocore.session
import pytest

from components.core.regions import REGIONS, find_region_problem

# The services of the stage's region. The other services are global, or are always in us-east-1.
SERVICES = (
    "acm",
    "apigateway",
    "cloudwatch",
    "codebuild",
    "cognito-idp",
    "dynamodb",
    "events",
    "kms",
    "lambda",
    "logs",
    "s3",
    "sns",
    "sqs",
    "ssm",
)


def test_the_regions_are_those_that_have_all_services() -> None:
    """Requirement G2."""
    session = botocore.session.get_session()
    available = [set(session.get_available_regions(service)) for service in SERVICES]
    assert set(REGIONS) == set.intersection(*available)
    assert list(REGIONS) == sorted(REGIONS)


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        ("eu-central1", "aws:region is 'eu-central1' (did you mean 'eu-central-1'?)"),
        ("ap-southeast-9", "aws:region is 'ap-southeast-9' (did you mean 'ap-southeast-"),
        ("Singapore", "aws:region is 'Singapore';"),
        (None, "aws:region is missing;"),
        (7, "aws:region is 7;"),
    ],
)
def test_another_region_is_refused(region: object, problem: str) -> None:
    """Requirement G2."""
    found = find_region_problem(region)
    assert found
    assert found.startswith(problem)
    assert found.endswith(f"; allowed: {', '.join(REGIONS)}")
