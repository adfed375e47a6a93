"""Many switches in a row while visitors load the site (D3, D5). `make bench` measures a thousand switches."""

import time

from local.demo.load import VisitorLoad
from tests.e2e.released import ReleasedSite

SWITCHES = 60


def test_no_request_fails_or_mixes_releases_during_many_switches(released_site: ReleasedSite) -> None:
    """D3, D5: after each switch, the site answers with the promoted release."""
    first, last = released_site.releases[0], released_site.releases[-1]
    wrong: list[str] = []
    with VisitorLoad(url=released_site.site.project["url"], visitors=3, pause_seconds=0.01) as load:
        for number in range(SWITCHES):
            promoted = (last, first)[number % 2]
            released_site.site.client.promote(promoted["deploymentId"])
            answered = time.monotonic()
            shown = released_site.site.visitor.get("/api/release").json()["release"]
            if shown != promoted["commitSha"]:
                wrong.append(f"switch {number}, {time.monotonic() - answered:.3f} s after it: {shown}")
    assert wrong == []
    assert load.failed_answers == []
    assert load.mixed_answers == []
    assert len(load.answers) > 3 * SWITCHES
    assert load.list_releases_since(0.0) == {first["commitSha"], last["commitSha"]}
