"""What is left of a site's releases when all but the newest are collected (D6; issue 5, line 8).

Three releases are kept here, and ten by the stage's settings, of which `tests/runtime` has the numbers.
"""

from collections.abc import Generator

import pytest
from attrs import frozen

from local.platform_client import PlatformError
from local.visitor import Visitor
from tests.e2e.collecting import Remains, collect, remains
from tests.e2e.released import SHARED, Released
from tests.e2e.tiny_platform import TinyPlatform

KEPT = 3
SETTING = 10


@frozen(kw_only=True)
class Collected:
    """What there was before and after."""

    before: Remains
    after: Remains


@pytest.fixture(scope="module")
def collected(platform: TinyPlatform, released: Released) -> Generator[Collected]:
    assert released.releases
    before = remains(platform.cloud, "alpha")
    collect(platform.cloud, kept=KEPT)
    after = remains(platform.cloud, "alpha")
    yield Collected(before=before, after=after)
    collect(platform.cloud, kept=SETTING)


def test_the_newest_releases_and_the_one_that_is_live_and_pinned_remain(
    released: Released, collected: Collected
) -> None:
    every = frozenset(each["deploymentId"].lower() for each in released.releases)
    kept = frozenset(each["deploymentId"].lower() for each in _kept(released))
    assert len(kept) == KEPT + 1
    before, after = collected.before, collected.after
    assert before.hosts == before.aliases == before.objects == every
    assert after.hosts == after.aliases == after.objects == kept
    assert before.versions - after.versions == before.urls - after.urls == len(every) - len(kept)


def test_what_is_kept_answers_at_its_own_url_with_all_its_files(
    released: Released, collected: Collected
) -> None:
    assert collected.after.hosts
    for each in _kept(released):
        visitor = Visitor(url=each["url"])
        assert visitor.get("/api/release").json() == {"release": each["commitSha"]}
        assert each["commitSha"] in visitor.get(f"/_next/static/chunks/{each['commitSha']}.js").text
        assert visitor.get("/robots.txt").text == "User-agent: *\n"


def test_the_live_site_goes_on_and_shared_files_are_still_there(
    released: Released, collected: Collected
) -> None:
    """Hashed files belong to the site and not to one release: pages that visitors have open ask for them."""
    assert collected.after.hosts
    visitor = released.site.visitor
    assert visitor.get("/api/release").json() == {"release": released.releases[0]["commitSha"]}
    assert visitor.get(SHARED).status_code == 200
    for each in released.releases:
        assert visitor.get(f"/_next/static/chunks/{each['commitSha']}.js").status_code == 200


def test_a_collected_release_is_no_site_any_more_and_cannot_be_promoted(
    released: Released, collected: Collected
) -> None:
    kept = {each["deploymentId"] for each in _kept(released)}
    gone = [each for each in released.releases if each["deploymentId"] not in kept]
    assert len(gone) == len(released.releases) - len(kept)
    for each in gone:
        assert each["deploymentId"].lower() not in collected.after.hosts
        assert Visitor(url=each["url"]).get("/").status_code == 404
        with pytest.raises(PlatformError) as refused:
            released.site.client.promote(each["deploymentId"])
        assert refused.value.status == 409


def _kept(released: Released) -> list[dict[str, str]]:
    return [released.releases[0], *released.releases[-KEPT:]]
