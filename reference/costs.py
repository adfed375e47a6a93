"""docs/costs.md: what a stage costs in a month, and which quotas it meets, with the arithmetic.

Keys, alarms and queues are counted in what the program declares, prices stand in `reference/prices.py`, and
what a site does is assumed here.
"""

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

from reference import prices, quotas
from reference.counts import counts
from reference.markdown import document, table
from reference.prices import Price

SITES: Final = (1, 50, 1_000)

# What a site is assumed to do in a month.
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
# Lambda asks an idle queue in five long polls of 20 seconds each at a time.
_POLLS: Final = 5 * 3 * 60 * 730
_GB: Final = 1_000_000


@frozen(kw_only=True)
class Line:
    """One line of the bill.

    Attributes:
        what: What is paid for.
        platform: Units of a stage without sites.
        site: Units of each site.
        arithmetic: Where the units come from.
        visits: Whether it comes from visitors, so that a site nobody visits does not cost it.
    """

    what: str
    price: Price
    platform: float = 0
    site: float = 0
    arithmetic: str
    visits: bool = False

    def units(self, sites: int) -> float:
        """How many units a stage with so many sites needs."""
        return self.platform + self.site * sites

    def cost(self, sites: int) -> float:
        """What they cost in a month, in USD."""
        return self.price.of(self.units(sites))


_REQUESTS: Final = PAGES * (1 + FILES_PER_PAGE)
_ARITHMETIC_OF_CALLS: Final = f"{PAGES:,} pages and {IMAGES:,} images"


def lines() -> tuple[Line, ...]:
    """Every line of the bill."""
    has = counts()
    return (
        Line(what="keys", price=prices.KEY, platform=has.keys, arithmetic=f"{has.keys} keys of the program"),
        Line(what="DNS", price=prices.ZONE, platform=1, arithmetic="the zone of the domain"),
        Line(
            what="alarms",
            price=prices.ALARM,
            platform=has.alarm_metrics,
            arithmetic=f"{has.alarm_metrics} metrics in the program's alarms, whatever the number of sites",
        ),
        Line(
            what="metrics of builds",
            price=prices.METRIC,
            platform=has.custom_metrics,
            arithmetic="`BuildsEnded`, `BuildsFailed`, `LongestWait` and `CodeBuildFull`",
        ),
        Line(
            what="polling of idle queues",
            price=prices.RECEIVES,
            platform=has.queues * _POLLS,
            site=has.site_queues * _POLLS,
            arithmetic=(
                f"up to {_POLLS:,} (five at once, of 20 seconds) of each queue that a function consumes: "
                "`builds`, `releases`, one of each site"
            ),
        ),
        Line(
            what="builds",
            price=prices.BUILD_MINUTES,
            site=DEPLOYMENTS * BUILD_MINUTES,
            arithmetic=f"{DEPLOYMENTS} deployments of {BUILD_MINUTES} minutes",
        ),
        Line(
            what="files kept",
            price=prices.STORED,
            site=STORED_GB,
            arithmetic=f"artifacts of 90 days, assets and cache: {STORED_GB:g} GB",
        ),
        Line(
            what="files written",
            price=prices.WRITES,
            site=DEPLOYMENTS * OBJECTS_PER_DEPLOYMENT,
            arithmetic=f"{DEPLOYMENTS} deployments of {OBJECTS_PER_DEPLOYMENT} changed files",
        ),
        Line(
            what="calls of the site's functions",
            price=prices.CALLS,
            site=PAGES + IMAGES,
            arithmetic=_ARITHMETIC_OF_CALLS,
            visits=True,
        ),
        Line(
            what="compute of the site's functions",
            price=prices.COMPUTE,
            site=(
                PAGES * RENDER_SECONDS * has.server_memory / 1024
                + IMAGES * IMAGE_SECONDS * has.image_memory / 1024
            ),
            arithmetic=(
                f"{PAGES:,} pages of {RENDER_SECONDS:g} s at {has.server_memory:,} MB and "
                f"{IMAGES:,} images of {IMAGE_SECONDS:g} s at {has.image_memory:,} MB"
            ),
            visits=True,
        ),
        Line(
            what="logs",
            price=prices.LOGS,
            site=(PAGES + IMAGES) * LOG_BYTES_PER_CALL / _GB / 1_000,
            arithmetic=f"{LOG_BYTES_PER_CALL} bytes of Lambda's own for each call",
            visits=True,
        ),
        Line(
            what="cached pages read",
            price=prices.READS,
            site=2 * PAGES,
            arithmetic="two objects for each page",
            visits=True,
        ),
        Line(
            what="tags of pages read",
            price=prices.ROW_READS,
            site=PAGES,
            arithmetic="one row for each page",
            visits=True,
        ),
        Line(
            what="delivered",
            price=prices.DELIVERED,
            site=PAGES * KILOBYTES_PER_PAGE / _GB,
            arithmetic=f"{PAGES:,} pages of {KILOBYTES_PER_PAGE} KB with all that is on them",
            visits=True,
        ),
        Line(
            what="requests at the edge",
            price=prices.REQUESTS,
            site=_REQUESTS,
            arithmetic=f"{PAGES:,} pages with {FILES_PER_PAGE} files each",
            visits=True,
        ),
        Line(
            what="viewer-request function",
            price=prices.EDGE_CALLS,
            site=_REQUESTS,
            arithmetic="one call for each request",
            visits=True,
        ),
        Line(
            what="viewer-response function",
            price=prices.EDGE_CALLS,
            site=PAGES + IMAGES,
            arithmetic="one call for each page and image; hashed files need none",
            visits=True,
        ),
        Line(
            what="hosts looked up",
            price=prices.EDGE_READS,
            site=_REQUESTS,
            arithmetic="one read for each request",
            visits=True,
        ),
    )


_INTRODUCTION: Final = f"""\
USD in a month of 730 hours, without taxes. Prices are AWS's list prices, looked up on
{prices.LOOKED_UP}: those of Singapore where the table says so; N. Virginia's stand where those were not
to be had, and are up to a quarter lower. What is free for every account in every month is taken off;
what is free in an account's first year is not."""
_ASSUMED: Final = f"""\
A site is assumed to have {PAGES:,} page views a month, {FILES_PER_PAGE} files with each page and
{KILOBYTES_PER_PAGE} KB with all of it, rendered in {RENDER_SECONDS:g} s of a function with its default
memory; {IMAGES} images that are optimised; and {DEPLOYMENTS} deployments of {BUILD_MINUTES} minutes.
Change the numbers in `reference/costs.py` to yours and run `make reference`."""
_MEANING: Final = """\
What stands there without visitors and builds is little, and most of it does not grow. What grows is
what visitors are sent, which any host pays for, and the builds. One thing grows with the number of
sites whether anything happens in them or not: Lambda asks each site's revalidation queue for messages.
That is the price of a queue for each site, which keeps one tenant's backlog from another's pages."""
_MISSING: Final = """\
Not in it, because it depends on you: the image service's and the shop store's own traffic, requests of
the platform's API, traces in X-Ray, logs that sites write themselves, and GitHub."""


def write() -> str:
    """The document."""
    counts = [_sites(sites) for sites in SITES]
    return document(
        "# Costs and quotas",
        "<!-- Generated by `make reference` from reference/{costs,prices,quotas}.py: change it there. -->",
        _INTRODUCTION,
        _ASSUMED,
        "## A month",
        table(("", *counts), _totals()),
        _MEANING,
        _MISSING,
        "## The arithmetic",
        table(
            ("what", "price", "whose price", "units, and those of each site", *counts),
            [_row(line) for line in lines()],
        ),
        "Where AWS says so:",
        "\n".join(
            f"- <https://aws.amazon.com/{page}>" for page in sorted({line.price.page for line in lines()})
        ),
        *quotas.section(),
    )


def total(sites: int, chosen: Callable[[Line], bool] = lambda _: True) -> float:
    """What a stage with so many sites costs in a month, in USD."""
    return sum(line.cost(sites) for line in lines() if chosen(line))


def _totals() -> list[Sequence[str]]:
    parts: list[tuple[str, Callable[[Line], bool]]] = [
        ("without a visitor", lambda line: not line.visits),
        ("visitors", lambda line: line.visits),
        ("together", lambda _: True),
    ]
    rows: list[Sequence[str]] = [
        (name, *(_usd(total(sites, chosen)) for sites in SITES)) for name, chosen in parts
    ]
    return [*rows, ("for each site", *(_usd(total(sites) / sites) for sites in SITES))]


def _row(line: Line) -> Sequence[str]:
    costs = [_usd(line.cost(sites)) for sites in SITES]
    return (line.what, line.price.text, line.price.region, line.arithmetic, *costs)


def _usd(amount: float) -> str:
    return f"${amount:,.2f}"


def _sites(sites: int) -> str:
    return f"{sites:,} site{'s' if sites > 1 else ''}"
