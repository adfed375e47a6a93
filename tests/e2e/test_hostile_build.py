"""AWS refuses every call of a hostile build that its task does not need (P6).

The repository contains the attempts. They run in the build with its credentials. The script of any dependency
could do the same. The attempts print the responses of AWS to the build log. The tests read this log.
"""

import json
import sys
from pathlib import Path
from typing import Final

import pytest
from attrs import asdict, frozen

from local.platform_client import Json
from tests.e2e.hostile_attempts import Attempt, Neighbourhood
from tests.e2e.neighbour import SECRET, Neighbour
from tests.e2e.tiny_platform import TinyPlatform

HOSTILE: Final = Path(__file__).with_name("hostile")
OWN_SECRET: Final = "of-the-hostile-build"
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})


@frozen(kw_only=True)
class Hostile:
    """The result of the hostile build.

    Attributes:
        deployment: The deployment after it has ended.
        log: The lines of the build log.
        answers: The response of AWS to each attempt.
        neighbourhood: The targets of the attempts.
    """

    deployment: Json
    log: list[str]
    answers: dict[str, str]
    neighbourhood: Neighbourhood


@pytest.fixture(scope="module")
def hostile(platform: TinyPlatform, neighbour: Neighbour) -> Hostile:
    own = platform.project("gamma", tenant="eve")
    own.client.set_variables(own.project_id, [{"name": "OWN_SECRET", "value": OWN_SECRET, "isSecret": True}])
    neighbourhood = Neighbourhood(cloud=platform.cloud, own=own, neighbour=neighbour)
    attempts = [asdict(each) for each in [*neighbourhood.allowed(), *neighbourhood.refused()]]
    ended = own.release(
        {
            "attempts.json": json.dumps({"python": sys.executable, "attempts": attempts}),
            **{file.name: file.read_bytes() for file in sorted(HOSTILE.iterdir()) if file.is_file()},
        },
        "Attack",
    )
    log = own.client.read_build_log(ended["deploymentId"])
    told = [json.loads(line.partition(" ")[2]) for line in log if line.startswith("ATTEMPT ")]
    return Hostile(
        deployment=ended,
        log=log,
        answers={each["what"]: each["answer"] for each in told},
        neighbourhood=neighbourhood,
    )


def answers_of(hostile: Hostile, attempts: list[Attempt]) -> dict[str, str]:
    assert len({each.what for each in attempts}) == len(attempts)
    return {each.what: hostile.answers.get(each.what, "not attempted") for each in attempts}


def test_a_build_cannot_attack_other_tenants_the_platform_or_its_own_permissions(
    hostile: Hostile,
) -> None:
    """P6."""
    answers = answers_of(hostile, hostile.neighbourhood.refused())
    assert {what: answer for what, answer in answers.items() if answer not in DENIED} == {}
    assert len(answers) > 50


def test_the_same_build_can_do_its_task_and_its_site_goes_live(hostile: Hostile) -> None:
    """P6: this proves that the credentials work and that only the hostile calls were refused."""
    answers = answers_of(hostile, hostile.neighbourhood.allowed())
    assert set(answers.values()) == {"OK"}
    assert hostile.deployment["status"] == "live", hostile.deployment


def test_the_log_masks_credentials_and_secrets_that_a_build_prints(hostile: Hostile) -> None:
    """A4."""
    (printed,) = [line for line in hostile.log if line.startswith("SECRET ")]
    assert OWN_SECRET not in "\n".join(hostile.log)
    assert set(printed.removeprefix("SECRET ").split()) == {"***"}


def test_the_other_tenant_is_not_affected(hostile: Hostile, neighbour: Neighbour) -> None:
    """P6."""
    assert hostile.answers
    shown = neighbour.site.visitor.get("/api/release").json()
    assert shown == {"release": neighbour.deployment["commitSha"]}
    assert SECRET not in "\n".join(hostile.log)
    assert neighbour.site.client.get_deployment(neighbour.deployment["deploymentId"]) == neighbour.deployment
