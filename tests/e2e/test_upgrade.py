"""R5, E1: after the upgrade from version 0.1.0, visitors do not get middleware responses of other visitors.

Version 0.1.0 let CloudFront cache responses that middleware had created for one visitor (SECURITY.md). The
upgrade also stops this for existing releases, which need no new build.
"""

import tarfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve, frozen

from local.cloud import Cloud, Ports
from local.engine.engine import Deployment
from local.platform_client import Json
from local.progress import Progress
from tests.components.stages import write_earlier_stage_file
from tests.e2e.collecting import run_collection
from tests.e2e.tiny_platform import TinyPlatform, TinyProject
from tests.e2e.visitors import EdgeClient, Reply, VisitorProfile, VisitorRequest

ROOT: Final = Path(__file__).parents[2]
EARLIER: Final = Path(__file__).parent / "upgrade" / "0.1.0.tar.xz"
STRANGER: Final = VisitorProfile()
MEMBER: Final = VisitorProfile(cookie="user=ok")
# The server function of the site. It responds like OpenNext for a static page of the Pages Router with a
# `middleware.ts` that redirects strangers.
GATE: Final = """
const headers = {
  "content-type": "text/html",
  "cache-control": "public, max-age=0, s-maxage=31536000, must-revalidate",
};

export const handler = async (event) => {
  if (event.rawPath === "/api/feed") {
    const asking = { ...headers, "cache-control": "public, s-maxage=60" };
    return { statusCode: 200, headers: asking, body: String(Math.random()) };
  }
  if (event.rawPath !== "/protected") return { statusCode: 200, headers, body: "public page" };
  if (event.cookies?.includes("user=ok")) return { statusCode: 200, headers, body: "secret of the members" };
  return { statusCode: 307, headers: { ...headers, location: "/" } };
};
"""
# Beginnings of the types of resources that hold data.
DATA_TYPES: Final = (
    "aws:dynamodb/table:",
    "aws:s3/bucket:",
    "aws:kms/",
    "aws:cognito/userPool",
    "aws:cloudfront/keyValueStore:",
)


@frozen(kw_only=True)
class UpgradedStage:
    """A stage before and after the upgrade.

    Attributes:
        cloud: The embedded cloud.
        project: The project of the site.
        cached_before: Responses from the cache before the upgrade, as a second visitor got them. The keys are
            the names of the visitors whose requests had filled the cache.
        upgrade: The resources that the upgrade created, updated and deleted.
        first: The deployment of the project's first push, before the upgrade.
    """

    cloud: Cloud
    project: TinyProject
    cached_before: dict[str, Reply]
    upgrade: Deployment
    first: Json

    def send(self, visitor: VisitorProfile, path: str) -> Reply:
        """Send a request to the live site."""
        return EdgeClient(url=self.project.project["url"]).send(VisitorRequest(visitor=visitor, path=path))


@pytest.fixture(scope="module")
def upgraded(
    find_ports: Callable[[], Ports], tmp_path_factory: pytest.TempPathFactory
) -> Generator[UpgradedStage]:
    earlier = tmp_path_factory.mktemp("earlier")
    with tarfile.open(EARLIER) as archive:
        archive.extractall(earlier, filter="data")
    with Cloud.start(
        root=earlier,
        stage_files=write_earlier_stage_file("local", tmp_path_factory.mktemp("stages")),
        ports=find_ports(),
        progress=Progress(),
        sites=("alpha",),
    ) as cloud:
        platform = TinyPlatform(cloud, tmp_path_factory.mktemp("tiny"))
        project = platform.create_project(
            "alpha", more_files={"output/server-functions/default/index.mjs": GATE}
        )
        first = project.release()
        assert first["status"] == "live", first
        edge = EdgeClient(url=project.project["url"])
        cached_before = {}
        for name, (one, other) in {"member": (MEMBER, STRANGER), "stranger": (STRANGER, MEMBER)}.items():
            path = f"/protected?first={name}"
            edge.send(VisitorRequest(visitor=one, path=path))
            cached_before[name] = edge.send(VisitorRequest(visitor=other, path=path))
        upgrade = cloud.upgrade(ROOT)
        # The earlier version had no groups.
        user = platform.get_tenant("ada")
        cloud.add_to_groups(user)
        project = evolve(project, client=cloud.sign_in(user))
        yield UpgradedStage(
            cloud=cloud, project=project, cached_before=cached_before, upgrade=upgrade, first=first
        )


def test_the_earlier_version_served_a_response_to_another_visitor(upgraded: UpgradedStage) -> None:
    """Without this test, the other tests would prove nothing."""
    cached = upgraded.cached_before
    assert (cached["member"].status, cached["member"].body) == (200, "secret of the members")
    assert cached["stranger"].status == 307
    assert all(reply.is_hit and "s-maxage" in (reply.control or "") for reply in cached.values())


@pytest.mark.parametrize("first_visitor", ["member", "stranger"])
def test_cached_responses_are_not_served_after_the_upgrade(
    upgraded: UpgradedStage, first_visitor: str
) -> None:
    path = f"/protected?first={first_visitor}"
    for _ in range(2):
        stranger, member = upgraded.send(STRANGER, path), upgraded.send(MEMBER, path)
        assert (stranger.status, stranger.location) == (307, "/")
        assert (member.status, member.body) == (200, "secret of the members")
        assert not stranger.is_hit
        assert not member.is_hit
        assert stranger.control == member.control == "public, max-age=0, must-revalidate"


def test_the_upgrade_replaces_no_resource_with_data(upgraded: UpgradedStage) -> None:
    holding_data = [
        urn.rpartition("::")[2]
        for urn in upgraded.upgrade.created
        if urn.split("::")[2].rpartition("$")[2].startswith(DATA_TYPES)
    ]
    assert holding_data == ["audit"]  # the earlier version had no audit log
    assert upgraded.upgrade.deleted == ()


def test_the_platform_invalidates_the_edge_cache_once(upgraded: UpgradedStage) -> None:
    run_collection(upgraded.cloud)
    run_collection(upgraded.cloud)
    client = upgraded.cloud.emulator.client("cloudfront")
    distribution = upgraded.cloud.deployed.outputs["distributionId"]
    listed = client.list_invalidations(DistributionId=distribution)["InvalidationList"]["Items"]
    made = [client.get_invalidation(DistributionId=distribution, Id=each["Id"]) for each in listed]
    assert [each["Invalidation"]["InvalidationBatch"]["Paths"]["Items"] for each in made] == [["/*"]]


def test_the_edge_caches_responses_of_a_new_release_but_not_of_an_old_release(
    upgraded: UpgradedStage,
) -> None:
    # The new release needs this manifest, because the platform lets CloudFront cache only responses of builds
    # with such a manifest.
    manifest = {"output/server-functions/default/.next/routes-manifest.json": "{}"}
    second = upgraded.project.release(manifest, message="After the upgrade")
    assert second["status"] == "live", second
    path = "/api/feed?after=upgrade"
    replies = [upgraded.send(visitor, path) for visitor in (STRANGER, MEMBER)]
    assert (replies[1].is_hit, replies[1].body) == (True, replies[0].body)

    upgraded.project.client.promote(upgraded.first["deploymentId"])
    replies = [upgraded.send(visitor, path) for visitor in (STRANGER, MEMBER, STRANGER)]
    assert len({reply.body for reply in replies}) == len(replies)
    path = "/protected?after=promote"
    assert [upgraded.send(visitor, path).status for visitor in (MEMBER, STRANGER, MEMBER)] == [200, 307, 200]
