"""A tiny site with as many releases as retention is about, of which the first was promoted at the end."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from local.platform_client import Json
from tests.e2e.tiny_platform import TinyProject

NUMBER: Final = 15
"""Of releases: five more than a project keeps by default."""

# A file that every release has under the same name and with the same content, so that all share the object.
SHARED: Final = "/_next/static/chunks/0iumlkwknlbd6.js"


@frozen(kw_only=True)
class Released:
    """What there is of the site.

    Attributes:
        site: Its project.
        releases: Its deployments, oldest first; the first of them is live, and the project pinned to it.
    """

    site: TinyProject
    releases: Sequence[Json]


def release_and_promote(site: TinyProject, number: int = NUMBER) -> Released:
    """Push so often, each push built before the next one, and promote the first release.

    Each goes live in its turn: while one is released the next is built, and a project's releases are a queue.

    Raises:
        AssertionError: A push did not go live.
    """
    pushed = [_pushed(site, f"Release {each + 1}") for each in range(number)]
    newest = site.wait(pushed[-1])
    releases = [site.client.get_deployment(each) for each in pushed]
    assert newest["status"] == "live", newest
    assert all(each["liveAt"] for each in releases), releases
    site.client.promote(pushed[0])
    return Released(site=site, releases=releases)


def _pushed(site: TinyProject, message: str) -> str:
    deployment_id = site.push(message=message)
    deployment = site.wait(deployment_id, {"built", "deploying"})
    assert deployment["status"] not in {"failed", "superseded"}, deployment
    return deployment_id
