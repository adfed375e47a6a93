"""AWS regions in which a stage can be deployed."""

from typing import Final

from components.core.settings import suggest

# The regions in which AWS has every service that a stage uses. `tests/components/core/test_regions.py`
# compares the list with botocore's. Accounts must enable some of these regions before they can use them.
REGIONS: Final = (
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)


def find_region_problem(region: object) -> str | None:
    """Return one line about a wrong value of `aws:region`, or None for a region of `REGIONS`."""
    if region in REGIONS:
        return None
    problem = "is missing" if region is None else f"is {region!r}{suggest(region, REGIONS)}"
    return f"aws:region {problem}; allowed: {', '.join(REGIONS)}"
