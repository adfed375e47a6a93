"""AWS list prices for docs/costs.md, and the date on which they were read from the pricing pages.

If the price of Singapore was not available, the price of N. Virginia is used, which can be up to 25 % lower.
"""

from typing import Final

from attrs import frozen

LOOKED_UP: Final = "2026-11-21"
SINGAPORE: Final = "Singapore"
VIRGINIA: Final = "N. Virginia"
ALL_REGIONS: Final = "all regions"


@frozen(kw_only=True)
class Price:
    """The price of a unit.

    Attributes:
        usd: The price of `per` units, in USD.
        unit: The name of the unit.
        page: The pricing page, relative to `https://aws.amazon.com/`.
        region: The region of the price.
        per: The number of units for which `usd` is the price.
        free: Units that are free in every month, without those that are free only in an account's first year.
        tiers: Pairs of a threshold and a price in USD, in the order of the thresholds. Above the threshold,
            `per` units cost this price. The threshold counts only the units that are not free.
    """

    usd: float
    unit: str
    page: str
    region: str = SINGAPORE
    per: float = 1
    free: float = 0
    tiers: tuple[tuple[float, float], ...] = ()

    def compute_cost(self, units: float) -> float:
        """Return the cost of a number of units in one month, in USD."""
        remaining = units - self.free
        if remaining <= 0:
            return 0.0
        total = 0.0
        for threshold, usd in reversed(self.tiers):
            if remaining > threshold:
                total += (remaining - threshold) / self.per * usd
                remaining = threshold
        return total + remaining / self.per * self.usd

    @property
    def text(self) -> str:
        """The price as text."""
        amount = f"{self.usd:.10f}".rstrip("0").rstrip(".")
        count = "per" if self.per == 1 else f"per {self.per:,.0f}"
        free = f", the first {self.free:,.0f} free" if self.free else ""
        return f"${amount} {count} {self.unit}{free}"


_MILLION: Final = 1_000_000.0
_CLOUDFRONT: Final = "cloudfront/pricing/"
_LAMBDA: Final = "lambda/pricing/"
_CLOUDWATCH: Final = "cloudwatch/pricing/"

KEY: Final = Price(usd=1.0, unit="KMS key", page="kms/pricing/", region=ALL_REGIONS)
ZONE: Final = Price(usd=0.5, unit="hosted zone", page="route53/pricing/", region=ALL_REGIONS)
ALARM: Final = Price(usd=0.1, unit="metric in an alarm", page=_CLOUDWATCH, free=10)
METRIC: Final = Price(usd=0.3, unit="custom metric", page=_CLOUDWATCH, free=10)
LOGS: Final = Price(usd=0.7, unit="GB of logs", page=_CLOUDWATCH, free=5)
RECEIVES: Final = Price(
    usd=0.5,
    unit="requests to a FIFO queue",
    page="sqs/pricing/",
    region=VIRGINIA,
    per=_MILLION,
    free=_MILLION,
)
BUILD_MINUTES: Final = Price(
    usd=0.005, unit="minute of general1.small", page="codebuild/pricing/", region=VIRGINIA, free=100
)
CALLS: Final = Price(usd=0.2, unit="invocations", page=_LAMBDA, per=_MILLION, free=_MILLION)
COMPUTE: Final = Price(usd=0.0000133334, unit="GB-second on arm64", page=_LAMBDA, free=400_000)
STORED: Final = Price(usd=0.025, unit="GB in S3 Standard", page="s3/pricing/")
READS: Final = Price(usd=0.4, unit="S3 GET requests", page="s3/pricing/", per=_MILLION)
WRITES: Final = Price(usd=5.0, unit="S3 PUT requests", page="s3/pricing/", per=_MILLION)
ROW_READS: Final = Price(
    usd=0.125, unit="DynamoDB read request units", page="dynamodb/pricing/", region=VIRGINIA, per=_MILLION
)
DELIVERED: Final = Price(
    usd=0.12,
    unit="GB to visitors in Singapore",
    page=_CLOUDFRONT,
    free=1_000,
    tiers=((10_000, 0.1), (50_000, 0.095), (150_000, 0.09)),
)
REQUESTS: Final = Price(
    usd=1.2, unit="HTTPS requests from Singapore", page=_CLOUDFRONT, per=_MILLION, free=10 * _MILLION
)
EDGE_CALLS: Final = Price(
    usd=0.1,
    unit="CloudFront Functions invocations",
    page=_CLOUDFRONT,
    region=ALL_REGIONS,
    per=_MILLION,
    free=2 * _MILLION,
)
EDGE_READS: Final = Price(
    usd=0.03,
    unit="KeyValueStore reads",
    page=_CLOUDFRONT,
    region=ALL_REGIONS,
    per=_MILLION,
    free=2 * _MILLION,
)
