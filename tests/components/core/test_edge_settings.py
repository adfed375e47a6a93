"""The program gives each release a share of the edge's store, or refuses the settings (G4, X1)."""

import pytest

from components.core.errors import ConfigurationError
from components.core.limits.edge_budget import MIN_RELEASE_BYTES, STORE_BYTES, compute_max_sites
from tests.components.recorder import get_recording, record_main_program
from tests.components.stages import make_stage

FUNCTION = "aws:lambda/function:Function"


def make_sites(number: int) -> list[dict[str, str]]:
    return [{"name": f"site{each}"} for each in range(number)]


def test_settings_whose_releases_do_not_fit_into_the_store_are_refused() -> None:
    most = compute_max_sites(kept_releases=100)
    domain = {
        "domain": "sites.example.com",
        "hostedZoneId": "Z1",
        "keptReleases": 100,
        "accountConcurrency": 10,
    }
    make_stage(**domain, sites=make_sites(most))
    with pytest.raises(ConfigurationError) as refused:
        make_stage(**domain, sites=make_sites(most + 1))
    (problem,) = refused.value.problems
    assert f"{STORE_BYTES:,} bytes" in problem
    assert f"at most {most} sites with this number of kept releases, or fewer kept releases" in problem


def test_the_release_function_knows_the_share_of_a_release() -> None:
    for recorded, expected in (
        (get_recording("dev"), 27_500),
        (
            record_main_program(
                "staging", {"sites": make_sites(50), "keptReleases": 20, "accountConcurrency": 10}
            ),
            3_958,
        ),
    ):
        variables = recorded.find_resource(FUNCTION, "release").inputs["environment"]["variables"]
        assert int(variables["EDGE_RELEASE_BYTES"]) == expected > MIN_RELEASE_BYTES
