"""A tiny site with several releases, of which the first was promoted at the end."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from local.platform_client import Json
from tests.e2e.tiny_platform import TinyProject

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


def release_and_promote(site: TinyProject, number: int) -> Released:
    """Push so often, each push live before the next one, and promote the first release.

    Raises:
        AssertionError: A push did not go live.
    """
    releases: list[Json] = []
    for each in range(number):
        deployment = site.release(message=f"Release {each + 1}")
        assert deployment["status"] == "live", deployment
        releases.append(deployment)
    site.client.promote(releases[0]["deploymentId"])
    return Released(site=site, releases=releases)
