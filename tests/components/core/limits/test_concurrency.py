"""Reserved concurrency (X22): no site can take the concurrency of the platform or of another site."""

from typing import Any

import pytest

from components.core.consistency import count_reserved
from components.core.errors import ConfigurationError
from components.core.limits.concurrency import PLATFORM, UNRESERVED
from components.core.stage import StageConfig
from tests.components.recorder import get_recording, read_configuration, record_main_program
from tests.components.stages import REGION, STAGES, make_stage

FUNCTION = "aws:lambda/function:Function"
RESERVED = "reservedConcurrentExecutions"
ACCOUNT = 1000  # the default quota of an account


def read_reserved(recorded: Any) -> dict[str, int]:  # noqa: ANN401 - a recording
    """Return the reserved concurrency of each function that has one, by the name of the function."""
    return {
        function.name: function.inputs[RESERVED]
        for function in recorded.find_by_type(FUNCTION)
        if RESERVED in function.inputs
    }


def parse_stage(stage: str) -> StageConfig:
    settings = read_configuration(stage)["anchor-deploy:stage"]
    return StageConfig.parse(stage, REGION, settings, allow_placeholders=True)


@pytest.mark.parametrize("stage", STAGES)
def test_the_checked_sum_is_that_of_the_functions_and_leaves_what_lambda_demands(stage: str) -> None:
    """X22. Lambda refuses a reservation that leaves less than 100 executions."""
    reserved = read_reserved(get_recording(stage))
    assert sum(reserved.values()) == count_reserved(parse_stage(stage)) <= ACCOUNT - UNRESERVED
    assert reserved.keys() >= PLATFORM.keys() | {"orchestrator", "release"}


def test_each_function_of_a_site_has_its_own_limit() -> None:
    """X22: before, the visitors of one site could use the whole concurrency of the account."""
    sites = [{"name": "shop", "maxConcurrency": 7, "maxImageConcurrency": 3}, {"name": "docs"}]
    recorded = record_main_program("staging", {"sites": sites})
    reserved = read_reserved(recorded)
    assert {name: count for name, count in reserved.items() if name.startswith("site-")} == {
        "site-shop-server": 7,
        "site-shop-image": 3,
        "site-docs-server": 50,
        "site-docs-image": 10,
    }


def test_no_queue_can_deliver_more_batches_than_its_function_may_process() -> None:
    """Lambda would receive messages for which no concurrency is left, and count them as failed."""
    recorded = record_main_program("dev", {"concurrentBuilds": 40})
    reserved = read_reserved(recorded)
    mappings = {
        mapping.name: mapping.inputs["scalingConfig"]["maximumConcurrency"]
        for mapping in recorded.find_by_type("aws:lambda/eventSourceMapping:EventSourceMapping")
    }
    assert (mappings["orchestrator"], mappings["release"]) == (40, 40)
    # The revalidation function of a site is limited by its queue alone.
    assert all(reserved.get(name, most) == most for name, most in mappings.items())


@pytest.mark.parametrize("available", [10, UNRESERVED])
def test_a_new_account_reserves_nothing(available: int) -> None:
    """X22. AWS gives most new accounts a quota of 10."""
    assert read_reserved(record_main_program("dev", {"accountConcurrency": available})) == {}


def test_sites_that_do_not_fit_into_the_account_are_refused() -> None:
    many = [{"name": f"site-{number}"} for number in range(20)]
    network = {"domain": "example.org", "hostedZoneId": "Z1"}
    with pytest.raises(ConfigurationError) as error:
        make_stage(sites=many, **network)
    (problem,) = error.value.problems
    assert "accountConcurrency is 1000, but the functions of 20 sites" in problem
    needed = count_reserved(make_stage(sites=many, accountConcurrency=10_000, **network)) + UNRESERVED
    assert f"at least {needed} " in problem
    assert make_stage(sites=many, accountConcurrency=needed, **network).scope.reserves_concurrency
    with pytest.raises(ConfigurationError):
        make_stage(sites=many, accountConcurrency=needed - 1, **network)
