"""docs/costs.md is correct, and the README contains the same costs."""

import pytest

from reference.costs import SITES, compute_monthly_cost, list_bill_lines
from reference.counts import count_resources
from reference.prices import Price
from reference.quotas import find_quotas
from tests.components.recorder import get_recording, read_configuration
from tests.docs.pages import read_page


def test_the_resource_counts_match_the_resources_of_production() -> None:
    sites = len(read_configuration("production")["anchor-deploy:stage"]["sites"])
    counted = count_resources()
    projects = get_recording("production").find_by_type("aws:codebuild/project:Project")
    assert len(projects) == sites * counted.site_build_projects > 0
    mappings = get_recording("production").find_by_type("aws:lambda/eventSourceMapping:EventSourceMapping")
    assert len(mappings) == counted.queues + sites * counted.site_queues
    assert min(counted.keys, counted.alarm_metrics, counted.queues, counted.site_roles) > 1


def test_the_monthly_cost_is_the_sum_of_the_bill_lines() -> None:
    for sites in SITES:
        assert compute_monthly_cost(sites) == pytest.approx(
            sum(line.compute_cost(sites) for line in list_bill_lines())
        )
    assert compute_monthly_cost(1) < compute_monthly_cost(50) < compute_monthly_cost(1_000)


def test_the_readme_has_the_same_rounded_costs() -> None:
    one, fifty = f"${compute_monthly_cost(1):.0f}", f"${round(compute_monthly_cost(50), -1):.0f}"
    text = read_page("README.md").text.replace("\n", " ")
    assert f"about {one} a month with one site, {fifty} with 50" in text


@pytest.mark.parametrize(
    ("units", "usd"), [(0, 0.0), (10, 0.0), (11, 1.0), (20, 10.0), (110, 100.0), (111, 100.5), (310, 180.0)]
)
def test_a_cost_is_computed_with_the_free_amount_and_the_tiers_of_a_price(units: float, usd: float) -> None:
    price = Price(usd=1.0, unit="thing", page="", free=10, tiers=((100, 0.5), (200, 0.3)))
    assert price.compute_cost(units) == pytest.approx(usd)


def test_a_price_is_formatted_with_its_unit() -> None:
    assert Price(usd=0.0000133334, unit="GB-second", page="").text == "$0.0000133334 per GB-second"
    assert (
        Price(usd=5.0, unit="PUTs", page="", per=1e6, free=3).text
        == "$5 per 1,000,000 PUTs, the first 3 free"
    )


def test_the_readme_has_the_number_of_sites_that_the_lowest_quota_allows() -> None:
    fits = sorted(quota.max_sites for quota in find_quotas())
    assert f"{fits[0]:,} until the first quota" in read_page("README.md").text
