"""AWS refuses every call of a hostile build that is not necessary for the build (P6).

The repository contains a script that makes the calls. The script runs in the build with the credentials of
the build, as the script of any dependency could. The script prints the result of each call. The tests read
these results from the build log.
"""

import json
import sys
from pathlib import Path
from typing import Final

import pytest
from attrs import asdict, frozen

from local.platform_client import Json
from tests.e2e.hostile_attempts import AttackTargets, Attempt
from tests.e2e.neighbour import SECRET, Neighbour
from tests.e2e.tiny_platform import TinyPlatform

HOSTILE: Final = Path(__file__).with_name("hostile")
OWN_SECRET: Final = "of-the-hostile-build"
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})


@frozen(kw_only=True)
class HostileBuild:
    """The result of the hostile build.

    Attributes:
        deployment: The deployment after it has ended.
        log: The lines of the build log.
        answers: AWS's error code for each attempt, or `OK`, by the purpose of the attempt.
        key_url: What the build printed about the URL with which it has received its deploy key.
        targets: The targets of the attempts.
    """

    deployment: Json
    log: list[str]
    answers: dict[str, str]
    key_url: str
    targets: AttackTargets


@pytest.fixture(scope="module")
def hostile(platform: TinyPlatform, neighbour: Neighbour) -> HostileBuild:
    own = platform.create_private_project("gamma", tenant="eve")
    own.client.set_variables(own.project_id, [{"name": "OWN_SECRET", "value": OWN_SECRET, "isSecret": True}])
    targets = AttackTargets(cloud=platform.cloud, own=own, neighbour=neighbour)
    attempts = [asdict(each) for each in [*targets.list_allowed_attempts(), *targets.list_refused_attempts()]]
    ended = own.release(
        {
            "attempts.json": json.dumps({"python": sys.executable, "attempts": attempts}),
            **{file.name: file.read_bytes() for file in sorted(HOSTILE.iterdir()) if file.is_file()},
        },
        "Attack",
    )
    log = own.client.read_build_log(ended["deploymentId"])
    (key_url,) = [line for line in log if line.startswith("KEY URL ")]
    printed = [json.loads(line.partition(" ")[2]) for line in log if line.startswith("ATTEMPT ")]
    return HostileBuild(
        deployment=ended,
        log=log,
        answers={each["what"]: each["answer"] for each in printed},
        key_url=key_url,
        targets=targets,
    )


def read_answers(hostile: HostileBuild, attempts: list[Attempt]) -> dict[str, str]:
    assert len({each.what for each in attempts}) == len(attempts)
    return {each.what: hostile.answers.get(each.what, "not attempted") for each in attempts}


def test_a_build_cannot_attack_other_tenants_the_platform_or_its_own_permissions(
    hostile: HostileBuild,
) -> None:
    """Requirement P6."""
    answers = read_answers(hostile, hostile.targets.list_refused_attempts())
    assert {what: answer for what, answer in answers.items() if answer not in DENIED} == {}
    assert len(answers) > 50


def test_the_hostile_build_can_still_do_its_task_and_its_site_goes_live(hostile: HostileBuild) -> None:
    """P6: this proves that the build had valid credentials, and that AWS refused only the hostile calls."""
    answers = read_answers(hostile, hostile.targets.list_allowed_attempts())
    assert set(answers.values()) == {"OK"}
    assert hostile.deployment["status"] == "live", hostile.deployment


def test_the_log_masks_credentials_and_secrets_that_a_build_prints(hostile: HostileBuild) -> None:
    """Requirement A4."""
    (printed,) = [line for line in hostile.log if line.startswith("SECRET ")]
    assert OWN_SECRET not in "\n".join(hostile.log)
    assert set(printed.removeprefix("SECRET ").split()) == {"***"}


def test_the_build_of_a_private_repository_cannot_read_its_deploy_key_again(hostile: HostileBuild) -> None:
    """H6, P6: the calls to AWS are among the refused attempts."""
    assert hostile.key_url == "KEY URL answered 404"
    assert [line for line in hostile.log if "PRIVATE KEY" in line] == []


def test_the_other_tenant_is_not_affected(hostile: HostileBuild, neighbour: Neighbour) -> None:
    """Requirement P6."""
    assert hostile.answers
    shown = neighbour.site.visitor.get("/api/release").json()
    assert shown == {"release": neighbour.deployment["commitSha"]}
    assert SECRET not in "\n".join(hostile.log)
    assert neighbour.site.client.get_deployment(neighbour.deployment["deploymentId"]) == neighbour.deployment
