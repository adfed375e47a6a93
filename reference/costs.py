"""Generator of docs/costs.md: the monthly costs of a stage, and the quotas that limit it.

The numbers of resources are counted in the program (`reference/counts.py`). The prices are in
`reference/prices.py`. The traffic of a site is an assumption of this module.
"""

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

from reference import prices, quotas
from reference.counts import count_resources
from reference.markdown import format_table, join_blocks
from reference.prices import Price

SITES: Final = (1, 50, 1_000)

# Assumptions: traffic and deployments of one site in a month.
PAGES: Final = 50_000
FILES_PER_PAGE: Final = 10
KILOBYTES_PER_PAGE: Final = 300
RENDER_SECONDS: Final = 0.1
IMAGES: Final = 500
IMAGE_SECONDS: Final = 1.0
LOG_BYTES_PER_CALL: Final = 500
DEPLOYMENTS: Final = 20
BUILD_MINUTES: Final = 3
STORED_GB: Final = 1.5
OBJECTS_PER_DEPLOYMENT: Final = 200
# Polls of one idle queue in a month of 730 hours. Lambda makes up to five concurrent long polls of 20
# seconds.
_POLLS: Final = 5 * 3 * 60 * 730
_KB_PER_GB: Final = 1_000_000


@frozen(kw_only=True)
class BillLine:
    """One line of the monthly bill.

    Attributes:
        item: The name of the cost.
        price: The price of a unit.
        platform: Units that a stage uses in a month, without the units of its sites.
        site: Units that each site uses in a month.
        arithmetic: Explanation of how the units are computed.
        per_visit: Whether these units are used only when somebody visits the site.
    """

    item: str
    price: Price
    platform: float = 0
    site: float = 0
    arithmetic: str
    per_visit: bool = False

    def compute_units(self, sites: int) -> float:
        """Return the units that a stage with this number of sites uses in a month."""
        return self.platform + self.site * sites

    def compute_cost(self, sites: int) -> float:
        """Return the monthly cost of these units in a stage with this number of sites, in USD."""
        return self.price.compute_cost(self.compute_units(sites))


_REQUESTS: Final = PAGES * (1 + FILES_PER_PAGE)
_CALLS_ARITHMETIC: Final = f"{PAGES:,} pages and {IMAGES:,} images"


def list_bill_lines() -> tuple[BillLine, ...]:
    """Return all lines of the bill."""
    counts = count_resources()
    return (
        BillLine(
            item="keys",
            price=prices.KEY,
            platform=counts.keys,
            arithmetic=f"{counts.keys} keys of the program",
        ),
        BillLine(item="DNS", price=prices.ZONE, platform=1, arithmetic="the zone of the domain"),
        BillLine(
            item="alarms",
            price=prices.ALARM,
            platform=counts.alarm_metrics,
            arithmetic=f"{counts.alarm_metrics} metrics in alarms, independent of the number of sites",
        ),
        BillLine(
            item="metrics of builds and releases",
            price=prices.METRIC,
            platform=counts.custom_metrics,
            arithmetic=(
                "`BuildsEnded`, `BuildsFailed`, `LongestWait`, `CodeBuildFull`, "
                "`PresignedUploadFailures` and `EdgeStoreBytes`"
            ),
        ),
        BillLine(
            item="polling of idle queues",
            price=prices.RECEIVES,
            platform=counts.queues * _POLLS,
            site=counts.site_queues * _POLLS,
            arithmetic=(
                f"up to {_POLLS:,} long polls (five at a time, 20 seconds each) per queue that a function "
                "consumes: `builds`, `releases`, one per site"
            ),
        ),
        BillLine(
            item="builds",
            price=prices.BUILD_MINUTES,
            site=DEPLOYMENTS * BUILD_MINUTES,
            arithmetic=f"{DEPLOYMENTS} deployments of {BUILD_MINUTES} minutes",
        ),
        BillLine(
            item="stored files",
            price=prices.STORED,
            site=STORED_GB,
            arithmetic=f"{STORED_GB:g} GB: artifacts of 90 days, assets and cache",
        ),
        BillLine(
            item="written files",
            price=prices.WRITES,
            site=DEPLOYMENTS * OBJECTS_PER_DEPLOYMENT,
            arithmetic=f"{DEPLOYMENTS} deployments of {OBJECTS_PER_DEPLOYMENT} changed files",
        ),
        BillLine(
            item="invocations of the site's functions",
            price=prices.CALLS,
            site=PAGES + IMAGES,
            arithmetic=_CALLS_ARITHMETIC,
            per_visit=True,
        ),
        BillLine(
            item="compute of the site's functions",
            price=prices.COMPUTE,
            site=(
                PAGES * RENDER_SECONDS * counts.server_memory / 1024
                + IMAGES * IMAGE_SECONDS * counts.image_memory / 1024
            ),
            arithmetic=(
                f"{PAGES:,} pages of {RENDER_SECONDS:g} s at {counts.server_memory:,} MB and "
                f"{IMAGES:,} images of {IMAGE_SECONDS:g} s at {counts.image_memory:,} MB"
            ),
            per_visit=True,
        ),
        BillLine(
            item="logs",
            price=prices.LOGS,
            site=(PAGES + IMAGES) * LOG_BYTES_PER_CALL / (1_000 * _KB_PER_GB),
            arithmetic=f"{LOG_BYTES_PER_CALL} bytes of Lambda's own log lines per invocation",
            per_visit=True,
        ),
        BillLine(
            item="reads of cached pages",
            price=prices.READS,
            site=2 * PAGES,
            arithmetic="two objects per page",
            per_visit=True,
        ),
        BillLine(
            item="reads of cache tags",
            price=prices.ROW_READS,
            site=PAGES,
            arithmetic="one row per page",
            per_visit=True,
        ),
        BillLine(
            item="data transfer",
            price=prices.DELIVERED,
            site=PAGES * KILOBYTES_PER_PAGE / _KB_PER_GB,
            arithmetic=f"{PAGES:,} pages of {KILOBYTES_PER_PAGE} KB, with their files",
            per_visit=True,
        ),
        BillLine(
            item="CloudFront requests",
            price=prices.REQUESTS,
            site=_REQUESTS,
            arithmetic=f"{PAGES:,} pages with {FILES_PER_PAGE} files each",
            per_visit=True,
        ),
        BillLine(
            item="viewer-request function",
            price=prices.EDGE_CALLS,
            site=_REQUESTS,
            arithmetic="one invocation per request",
            per_visit=True,
        ),
        BillLine(
            item="viewer-response function",
            price=prices.EDGE_CALLS,
            site=PAGES + IMAGES,
            arithmetic="one invocation per page and image, none for hashed files",
            per_visit=True,
        ),
        BillLine(
            item="host lookups",
            price=prices.EDGE_READS,
            site=_REQUESTS,
            arithmetic="one read per request",
            per_visit=True,
        ),
    )


_INTRODUCTION: Final = f"""\
Costs in USD for a month of 730 hours, without taxes. Prices are AWS list prices of {prices.LOOKED_UP} for
Singapore. If the table names N. Virginia, the price is that of N. Virginia, which can be up to 25 % lower.
The free tier of each month is subtracted, but the free tier of an account's first year is not."""
_ASSUMPTIONS: Final = f"""\
The assumptions for each site and month:

- {PAGES:,} page views, each with {FILES_PER_PAGE} files and {KILOBYTES_PER_PAGE} KB in total, rendered in
  {RENDER_SECONDS:g} s by a function with the default memory
- {IMAGES} optimized images
- {DEPLOYMENTS} deployments of {BUILD_MINUTES} minutes

To use your own numbers, change them in `reference/costs.py` and run `make reference`."""
_MEANING: Final = """\
Fixed costs are low. Most costs depend on traffic and builds, as on any hosting platform. Only one fixed cost
grows with the number of sites: Lambda polls the revalidation queue of each site. Each site has its own queue,
so that the backlog of one tenant does not delay the pages of another tenant."""
_NOT_INCLUDED: Final = """\
The following costs are not included, because they depend on your use: traffic of the image service and the
shop store, requests to the platform's API, X-Ray traces, logs that sites write, and GitHub."""


def render_page() -> str:
    """Return the content of docs/costs.md."""
    headings = [_format_sites(sites) for sites in SITES]
    return join_blocks(
        "# Costs and quotas",
        "<!-- Generated by `make reference` from reference/{costs,prices,quotas}.py: change it there. -->",
        _INTRODUCTION,
        _ASSUMPTIONS,
        "## Monthly costs",
        format_table(("", *headings), _build_total_rows()),
        _MEANING,
        _NOT_INCLUDED,
        "## Calculation",
        format_table(
            ("item", "price", "region of the price", "units", *headings),
            [_build_bill_row(line) for line in list_bill_lines()],
        ),
        "Sources:",
        "\n".join(
            f"- <https://aws.amazon.com/{page}>"
            for page in sorted({line.price.page for line in list_bill_lines()})
        ),
        *quotas.render_section(),
    )


def compute_monthly_cost(sites: int, is_included: Callable[[BillLine], bool] = lambda _: True) -> float:
    """Return the monthly cost of a stage with this number of sites, in USD.

    Args:
        sites: Number of sites.
        is_included: Returns whether a line of the bill is included. By default, all lines are included.
    """
    return sum(line.compute_cost(sites) for line in list_bill_lines() if is_included(line))


def _build_total_rows() -> list[Sequence[str]]:
    parts: list[tuple[str, Callable[[BillLine], bool]]] = [
        ("without traffic", lambda line: not line.per_visit),
        ("traffic", lambda line: line.per_visit),
        ("total", lambda _: True),
    ]
    rows: list[Sequence[str]] = [
        (name, *(_format_usd(compute_monthly_cost(sites, is_included)) for sites in SITES))
        for name, is_included in parts
    ]
    return [*rows, ("per site", *(_format_usd(compute_monthly_cost(sites) / sites) for sites in SITES))]


def _build_bill_row(line: BillLine) -> Sequence[str]:
    costs = [_format_usd(line.compute_cost(sites)) for sites in SITES]
    return (line.item, line.price.text, line.price.region, line.arithmetic, *costs)


def _format_usd(amount: float) -> str:
    return f"${amount:,.2f}"


def _format_sites(sites: int) -> str:
    return f"{sites:,} site{'s' if sites > 1 else ''}"
