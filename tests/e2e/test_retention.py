"""What is left of a site's releases when all but the newest are collected (D6; issue 5, line 8).

With the stage's own setting: a project keeps its ten newest releases and the one that is live, pinned or not,
here the oldest of fifteen.
"""

from collections.abc import Sequence

import pytest
from attrs import frozen

from local.demo.visitor import Visitor
from local.platform_client import Json, PlatformError
from tests.e2e.collecting import Remains, collect, remains
from tests.e2e.released import NUMBER, SHARED, Released
from tests.e2e.tiny_platform import TinyPlatform

KEPT = 10


@frozen(kw_only=True)
class Collected:
    """What there was.

    Attributes:
        before: All of it.
        after: While the live release was pinned.
        unpinned: After another collection, for which the same release was live and not pinned.
        live: The deployments that were live for the two.
    """

    before: Remains
    after: Remains
    unpinned: Remains
    live: tuple[Json, Json]


@pytest.fixture(scope="module")
def collected(platform: TinyPlatform, released: Released) -> Collected:
    site, first = released.site, released.releases[0]["deploymentId"]
    site.client.promote(first)
    pinned = site.client.call("GET", f"/projects/{site.project_id}")
    before = remains(platform.cloud, "alpha")
    collect(platform.cloud)
    after = remains(platform.cloud, "alpha")
    free = site.client.update_project(site.project_id, pinned=False)
    collect(platform.cloud)
    unpinned = remains(platform.cloud, "alpha")
    site.client.promote(first)
    return Collected(before=before, after=after, unpinned=unpinned, live=(pinned, free))


def test_the_newest_ten_releases_and_the_one_that_is_live_remain_pinned_or_not(
    released: Released, collected: Collected
) -> None:
    first = released.releases[0]["deploymentId"]
    assert [each["live"]["deploymentId"] for each in collected.live] == [first, first]
    assert [each["pinned"] for each in collected.live] == [True, False]
    every, kept = _ids(released.releases), _ids(_kept(released))
    assert (len(every), len(kept)) == (NUMBER, KEPT + 1)
    before, after = collected.before, collected.after
    assert before.keys == before.aliases == before.objects == every
    assert after.keys == after.aliases == after.objects == kept
    assert before.versions - after.versions == before.urls - after.urls == len(every) - len(kept)
    assert collected.unpinned == after


def test_what_is_kept_answers_at_its_own_url_with_all_its_files(
    released: Released, collected: Collected
) -> None:
    assert collected.after.keys
    for each in _kept(released):
        visitor = Visitor(url=each["url"])
        assert visitor.get("/api/release").json() == {"release": each["commitSha"]}
        assert each["commitSha"] in visitor.get(f"/_next/static/chunks/{each['commitSha']}.js").text
        assert visitor.get("/robots.txt").text == "User-agent: *\n"


def test_the_live_site_goes_on_and_shared_files_are_still_there(
    released: Released, collected: Collected
) -> None:
    """Hashed files belong to the site and not to one release: pages that visitors have open ask for them."""
    assert collected.after.keys
    visitor = released.site.visitor
    assert visitor.get("/api/release").json() == {"release": released.releases[0]["commitSha"]}
    assert visitor.get(SHARED).status_code == 200
    for each in released.releases:
        assert visitor.get(f"/_next/static/chunks/{each['commitSha']}.js").status_code == 200


def test_a_collected_release_is_no_site_any_more_and_cannot_be_promoted(
    released: Released, collected: Collected
) -> None:
    gone = [each for each in released.releases if each not in _kept(released)]
    assert len(gone) == NUMBER - KEPT - 1
    for each in gone:
        assert each["deploymentId"].lower() not in collected.after.keys
        assert Visitor(url=each["url"]).get("/").status_code == 404
        with pytest.raises(PlatformError) as refused:
            released.site.client.promote(each["deploymentId"])
        assert refused.value.status == 409


def _kept(released: Released) -> Sequence[Json]:
    return [released.releases[0], *released.releases[-KEPT:]]


def _ids(releases: Sequence[Json]) -> frozenset[str]:
    return frozenset(each["deploymentId"].lower() for each in releases)
