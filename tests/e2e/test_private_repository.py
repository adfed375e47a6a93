"""A private repository goes from a push to live, and a wrong key fails with the next step (H6).

The git server speaks SSH. It answers only to the deploy keys of a repository.
"""

import json

import pytest
import requests
from attrs import frozen

from local.platform_client import Json
from local.ssh_git_server import SshGitServer
from tests.e2e.tiny_platform import TinyPlatform, TinyProject


@frozen(kw_only=True)
class PrivateSite:
    """The project of a private repository after its first push.

    Attributes:
        server: The SSH side of the git server.
        deployment: The deployment of the first push.
        answer: What the site answered after the first push.
    """

    server: SshGitServer
    site: TinyProject
    deployment: Json
    answer: Json

    @property
    def name(self) -> str:
        """Name of the repository on the git server."""
        return self.site.repository.folder.stem

    def call(self, method: str) -> Json:
        """Call the route of the project's deploy key."""
        return self.site.client.call(method, f"/projects/{self.site.project_id}/key")

    def read_failure(self, deployment: Json) -> str:
        """Return everything that the API tells about a failed deployment."""
        assert deployment["status"] == "failed", deployment
        return json.dumps(deployment["failure"])


@pytest.fixture(scope="module")
def private(platform: TinyPlatform) -> PrivateSite:
    site = platform.create_private_project("iota", tenant="frida")
    deployment = site.release(message="Start")
    answer = site.visitor.get("/api/release").json()
    return PrivateSite(server=platform.cloud.git.ssh, site=site, deployment=deployment, answer=answer)


def test_a_push_to_a_private_repository_goes_live(private: PrivateSite) -> None:
    """Requirement H6."""
    assert private.deployment["status"] == "live", private.deployment
    assert private.answer == {"release": private.deployment["commitSha"]}
    log = "\n".join(private.site.client.read_build_log(private.deployment["deploymentId"]))
    assert "with the deploy key" in log
    assert "PRIVATE KEY" not in log


def test_the_repository_is_not_readable_without_its_key(platform: TinyPlatform, private: PrivateSite) -> None:
    address = f"{platform.cloud.git.base_url}{private.site.repository.url.rpartition('/')[2]}.git/info/refs"
    assert requests.get(address, params={"service": "git-upload-pack"}, timeout=30).status_code == 401


def test_no_key_is_left_for_another_build(platform: TinyPlatform, private: PrivateSite) -> None:
    """H6: the build has deleted the object with which it received the key."""
    assert private.deployment["status"] == "live", private.deployment
    bucket = platform.cloud.deployed.outputs["buckets"]["artifacts"]
    listed = platform.cloud.emulator.client("s3").list_objects_v2(Bucket=bucket, Prefix="deploy-keys/")
    assert listed.get("Contents", []) == []


def test_a_rotated_key_works_before_and_after_it_is_added(private: PrivateSite) -> None:
    """H6: builds try the previous key for a week."""
    former = private.call("GET")
    rotated = private.call("POST")
    assert rotated["previous"]["fingerprint"] == former["fingerprint"]
    assert private.site.release(message="Before")["status"] == "live"
    private.server.remove_deploy_keys(private.name)
    private.server.add_deploy_key(private.name, rotated["publicKey"])
    assert private.site.release(message="After")["status"] == "live"


def test_a_key_that_the_server_does_not_know_fails_with_the_next_step(private: PrivateSite) -> None:
    """H6, Q1: for example a key that was rotated and not added, or that was deleted on the git server."""
    key, known = private.call("GET"), private.server.list_deploy_keys(private.name)
    private.server.remove_deploy_keys(private.name)
    failure = private.read_failure(private.site.release(message="Refused"))
    for each in known:
        private.server.add_deploy_key(private.name, each)
    assert f"refused the deploy key {key['fingerprint']}" in failure
    assert key["settingsPage"] in failure
    assert "anchor projects key show" in failure
    assert private.site.visitor.get("/api/release").status_code == 200  # the live release stays live


def test_a_removed_key_fails_with_the_next_step(private: PrivateSite) -> None:
    """Requirements H6 and Q1."""
    private.call("DELETE")
    failure = private.read_failure(private.site.release(message="Without a key"))
    private.server.add_deploy_key(private.name, private.call("POST")["publicKey"])
    assert "anchor projects key create" in failure
