"""docs/costs.md adds up, and other documents say the same (issue 7)."""

import pytest

from reference.costs import SITES, lines, total
from reference.counts import counts
from reference.prices import Price
from reference.quotas import quotas
from tests.components.recorder import configuration, recording
from tests.docs.pages import page


def test_what_is_counted_is_what_production_declares() -> None:
    """The roles, tables and build projects of its sites and those of the platform make up all there are."""
    sites = len(configuration("production")["anchor-deploy:stage"]["sites"])
    counted = counts()
    projects = recording("production").of_type("aws:codebuild/project:Project")
    assert len(projects) == sites * counted.site_build_projects > 0
    mappings = recording("production").of_type("aws:lambda/eventSourceMapping:EventSourceMapping")
    assert len(mappings) == counted.queues + sites * counted.site_queues
    assert min(counted.keys, counted.alarm_metrics, counted.queues, counted.site_roles) > 1


def test_a_bill_is_the_sum_of_its_lines() -> None:
    for sites in SITES:
        assert total(sites) == pytest.approx(sum(line.cost(sites) for line in lines()))
    assert total(1) < total(50) < total(1_000)


def test_the_readme_rounds_the_same_numbers() -> None:
    one, fifty = f"${total(1):.0f}", f"${round(total(50), -1):.0f}"
    assert f"about {one} a month with one site, {fifty} with 50" in page("README.md").text.replace("\n", " ")


@pytest.mark.parametrize(
    ("units", "usd"), [(0, 0.0), (10, 0.0), (11, 1.0), (20, 10.0), (110, 100.0), (111, 100.5), (310, 180.0)]
)
def test_prices_have_a_free_part_and_tiers(units: float, usd: float) -> None:
    price = Price(usd=1.0, unit="thing", page="", free=10, tiers=((100, 0.5), (200, 0.3)))
    assert price.of(units) == pytest.approx(usd)


def test_a_price_is_said_in_words() -> None:
    assert Price(usd=0.0000133334, unit="GB-second", page="").text == "$0.0000133334 a GB-second"
    assert (
        Price(usd=5.0, unit="PUTs", page="", per=1e6, free=3).text
        == "$5 for 1,000,000 PUTs, the first 3 free"
    )


def test_the_first_quota_that_is_met_is_named_in_the_readme() -> None:
    fits = sorted(quota.sites for quota in quotas())
    assert f"{fits[0]:,} until the first quota" in page("README.md").text
