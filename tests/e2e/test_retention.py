"""The collection keeps the ten newest releases of a project and its live release (D6).

Whether the project is pinned makes no difference. In these tests, the live release is the oldest of fifteen.
Before each release, the releases that the project no longer keeps leave the edge (X1).
"""

from collections.abc import Sequence

import pytest
from attrs import frozen

from local.demo.visitor import Visitor
from local.platform_client import Json, PlatformError
from tests.e2e.collecting import ReleaseResources, list_release_resources, run_collection
from tests.e2e.released import KEPT, NUMBER, SHARED, ReleasedSite
from tests.e2e.tiny_platform import TinyPlatform


@frozen(kw_only=True)
class CollectedSite:
    """The resources before and after two collections.

    Attributes:
        before: Before the collections.
        after: After the first collection, in which the project was pinned.
        unpinned: After the second collection, in which the project was not pinned. The same release was live.
        projects: The project as the API returned it before each collection.
    """

    before: ReleaseResources
    after: ReleaseResources
    unpinned: ReleaseResources
    projects: tuple[Json, Json]


@pytest.fixture(scope="module")
def collected(platform: TinyPlatform, released_site: ReleasedSite) -> CollectedSite:
    site, first = released_site.site, released_site.releases[0]["deploymentId"]
    site.client.promote(first)
    pinned = site.client.call("GET", f"/projects/{site.project_id}")
    before = list_release_resources(platform.cloud, "alpha")
    run_collection(platform.cloud)
    after = list_release_resources(platform.cloud, "alpha")
    free = site.client.update_project(site.project_id, pinned=False)
    run_collection(platform.cloud)
    unpinned = list_release_resources(platform.cloud, "alpha")
    site.client.promote(first)
    return CollectedSite(before=before, after=after, unpinned=unpinned, projects=(pinned, free))


def test_the_ten_newest_releases_and_the_live_one_are_kept_with_or_without_a_pin(
    released_site: ReleasedSite, collected: CollectedSite
) -> None:
    first = released_site.releases[0]["deploymentId"]
    assert [each["live"]["deploymentId"] for each in collected.projects] == [first, first]
    assert [each["pinned"] for each in collected.projects] == [True, False]
    every, kept = _read_ids(released_site.releases), _read_ids(_list_kept_releases(released_site))
    assert (len(every), len(kept)) == (NUMBER, KEPT + 1)
    before, after = collected.before, collected.after
    assert before.aliases == before.objects == every
    # When the last release was published, one more release was kept than now.
    assert before.keys == _read_ids([released_site.releases[0], *released_site.releases[-KEPT - 1 :]])
    assert after.keys == after.aliases == after.objects == kept
    assert before.versions - after.versions == before.urls - after.urls == len(every) - len(kept)
    assert collected.unpinned == after


def test_kept_releases_answer_at_their_own_urls_with_all_files(
    released_site: ReleasedSite, collected: CollectedSite
) -> None:
    assert collected.after.keys
    for each in _list_kept_releases(released_site):
        visitor = Visitor(url=each["url"])
        assert visitor.get("/api/release").json() == {"release": each["commitSha"]}
        assert each["commitSha"] in visitor.get(f"/_next/static/chunks/{each['commitSha']}.js").text
        assert visitor.get("/robots.txt").text == "User-agent: *\n"


def test_the_live_site_works_and_shared_files_are_kept(
    released_site: ReleasedSite, collected: CollectedSite
) -> None:
    """Hashed files are kept for all releases, because pages that visitors have open still request them."""
    assert collected.after.keys
    visitor = released_site.site.visitor
    assert visitor.get("/api/release").json() == {"release": released_site.releases[0]["commitSha"]}
    assert visitor.get(SHARED).status_code == 200
    for each in released_site.releases:
        assert visitor.get(f"/_next/static/chunks/{each['commitSha']}.js").status_code == 200


def test_a_collected_release_is_offline_and_cannot_be_promoted(
    released_site: ReleasedSite, collected: CollectedSite
) -> None:
    gone = [each for each in released_site.releases if each not in _list_kept_releases(released_site)]
    assert len(gone) == NUMBER - KEPT - 1
    live = released_site.releases[0]
    for each in gone:
        release = each["deploymentId"].lower()
        assert release not in collected.after.keys
        # The API returns no URL of a release that has left the edge.
        url = live["url"].replace(live["deploymentId"].lower(), release)
        assert Visitor(url=url).get("/").status_code == 404
        with pytest.raises(PlatformError) as refused:
            released_site.site.client.promote(each["deploymentId"])
        assert refused.value.status == 409


def _list_kept_releases(released_site: ReleasedSite) -> Sequence[Json]:
    return [released_site.releases[0], *released_site.releases[-KEPT:]]


def _read_ids(releases: Sequence[Json]) -> frozenset[str]:
    return frozenset(each["deploymentId"].lower() for each in releases)
