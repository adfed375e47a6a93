"""A tiny site with more releases than the platform keeps. The first release is live."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from local.platform_client import Json
from tests.e2e.tiny_platform import TinyProject

KEPT: Final = 10
"""Number of releases that a project keeps by default."""

NUMBER: Final = 15
"""Number of releases: five more than a project keeps by default."""

# A hashed file that all releases contain. They share one object in the bucket.
SHARED: Final = "/_next/static/chunks/0iumlkwknlbd6.js"


@frozen(kw_only=True)
class ReleasedSite:
    """A site with its releases.

    Attributes:
        site: The project.
        releases: The deployments, oldest first. The first one is live, and the project is pinned.
    """

    site: TinyProject
    releases: Sequence[Json]


def release_and_promote(site: TinyProject, number: int = NUMBER) -> ReleasedSite:
    """Push `number` times. After `KEPT` pushes, promote the first release, so the others become `ready`.

    Each push starts when the build of the previous push has ended. So a push is built while the previous push
    is still being released. The releases are created in order, because a project's releases are queued.

    Raises:
        AssertionError: A push has no release.
    """
    pushed = [_push_and_wait_for_build(site, f"Release {each + 1}") for each in range(min(number, KEPT))]
    assert site.wait(pushed[-1])["status"] == "live"
    site.client.promote(pushed[0])
    pushed += [_push_and_wait_for_build(site, f"Release {each + 1}") for each in range(KEPT, number)]
    site.wait(pushed[-1])
    releases = [site.client.get_deployment(each) for each in pushed]
    assert {each["status"] for each in releases} <= {"live", "retired", "ready"}, releases
    return ReleasedSite(site=site, releases=releases)


def _push_and_wait_for_build(site: TinyProject, message: str) -> str:
    deployment_id = site.push(message=message)
    deployment = site.wait(deployment_id, {"built", "deploying"})
    assert deployment["status"] not in {"failed", "superseded"}, deployment
    return deployment_id
