"""What AWS asks for: the prices that docs/costs.md is made of.

They are data with a date, because AWS changes them. `region` says whose price it is: where the price of
Singapore was not to be had, that of N. Virginia stands here, which is up to a quarter lower.
"""

from typing import Final

from attrs import frozen

LOOKED_UP: Final = "2026-11-21"
SINGAPORE: Final = "Singapore"
VIRGINIA: Final = "N. Virginia"
EVERYWHERE: Final = "all regions"


@frozen(kw_only=True)
class Price:
    """What one unit of something costs in a month.

    Attributes:
        usd: For `per` units.
        unit: What is counted.
        page: Where AWS says so, below `https://aws.amazon.com/`.
        region: Whose price it is.
        per: How many units the price is for.
        free: Units that cost nothing in any month, not only in an account's first year.
        tiers: Beyond so many units in all, the price for `per` of them.
    """

    usd: float
    unit: str
    page: str
    region: str = SINGAPORE
    per: float = 1
    free: float = 0
    tiers: tuple[tuple[float, float], ...] = ()

    def of(self, units: float) -> float:
        """What so many units cost, in USD."""
        left = units - self.free
        if left <= 0:
            return 0.0
        total = 0.0
        for beyond, usd in reversed(self.tiers):
            if left > beyond:
                total += (left - beyond) / self.per * usd
                left = beyond
        return total + left / self.per * self.usd

    @property
    def text(self) -> str:
        """The price in words."""
        amount = f"{self.usd:.10f}".rstrip("0").rstrip(".")
        count = "a" if self.per == 1 else f"for {self.per:,.0f}"
        free = f", the first {self.free:,.0f} free" if self.free else ""
        return f"${amount} {count} {self.unit}{free}"


_MILLION: Final = 1_000_000.0
_CLOUDFRONT: Final = "cloudfront/pricing/"
_LAMBDA: Final = "lambda/pricing/"
_CLOUDWATCH: Final = "cloudwatch/pricing/"

KEY: Final = Price(usd=1.0, unit="KMS key", page="kms/pricing/", region=EVERYWHERE)
ZONE: Final = Price(usd=0.5, unit="hosted zone", page="route53/pricing/", region=EVERYWHERE)
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
CALLS: Final = Price(usd=0.2, unit="calls of functions", page=_LAMBDA, per=_MILLION, free=_MILLION)
COMPUTE: Final = Price(usd=0.0000133334, unit="GB-second on arm64", page=_LAMBDA, free=400_000)
STORED: Final = Price(usd=0.025, unit="GB in S3 Standard", page="s3/pricing/")
READS: Final = Price(usd=0.4, unit="GETs of S3", page="s3/pricing/", per=_MILLION)
WRITES: Final = Price(usd=5.0, unit="PUTs of S3", page="s3/pricing/", per=_MILLION)
ROW_READS: Final = Price(
    usd=0.125, unit="read units of DynamoDB", page="dynamodb/pricing/", region=VIRGINIA, per=_MILLION
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
    unit="calls of the CloudFront Functions",
    page=_CLOUDFRONT,
    region=EVERYWHERE,
    per=_MILLION,
    free=2 * _MILLION,
)
EDGE_READS: Final = Price(
    usd=0.03,
    unit="reads of the KeyValueStore",
    page=_CLOUDFRONT,
    region=EVERYWHERE,
    per=_MILLION,
    free=2 * _MILLION,
)
