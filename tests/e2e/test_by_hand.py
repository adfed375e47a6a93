"""The life of a project that nobody pushes to: deployed by hand, read about later, deleted (A2)."""

import pytest
from attrs import frozen

from local.demo.visitor import Visitor
from local.platform_client import Json, PlatformError
from tests.e2e.tiny_platform import TinyPlatform


@frozen(kw_only=True)
class Life:
    """What was seen of it, in order."""

    deployment: Json
    shown: str
    log: list[str]
    kept_log: list[str]
    secrets_after: list[str]
    answers_after: list[int]


@pytest.fixture(scope="module")
def life(platform: TinyPlatform) -> Life:
    emulator = platform.cloud.emulator
    site = platform.project("zeta", tenant="dora")
    secret = {"name": "KEY", "value": "of-the-deleted", "isSecret": True}
    site.client.set_variables(site.project_id, [secret])
    queued = site.client.deploy(site.project_id, branch="main")
    deployment = site.client.wait_until(queued["deploymentId"], set())
    assert deployment["status"] == "live", deployment
    visitors = [site.visitor, Visitor(url=deployment["url"])]
    shown = site.visitor.get("/api/release").json()["release"]
    log = site.client.read_build_log(deployment["deploymentId"])
    logs, group = emulator.client("logs"), "/aws/codebuild/anchor-local-site-zeta-build"
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])
    kept_log = site.client.read_build_log(deployment["deploymentId"])
    site.client.delete_project(site.project_id)
    folder = "/anchor/local/sites/zeta"
    left = emulator.client("ssm").get_parameters_by_path(Path=folder, Recursive=True)["Parameters"]
    with pytest.raises(PlatformError) as missing:
        site.client.call("GET", f"/projects/{site.project_id}")
    return Life(
        deployment=deployment,
        shown=shown,
        log=log,
        kept_log=kept_log,
        secrets_after=[each["Name"] for each in left],
        answers_after=[missing.value.status, *(each.get("/").status_code for each in visitors)],
    )


def test_a_branch_that_is_deployed_by_hand_goes_live(life: Life) -> None:
    assert life.deployment["source"] == "manual"
    assert life.shown == life.deployment["commitSha"]


def test_a_log_that_cloudwatch_has_forgotten_is_read_from_the_bucket(life: Life) -> None:
    # Of a long command CloudWatch's line, which is a whole event, is cut; these are not commands.
    said, kept = ([line for line in log if line.startswith("==> ")] for log in (life.log, life.kept_log))
    assert any("Fetching branch main" in line for line in kept)
    assert kept == said
    assert life.kept_log[-1] == life.log[-1]


def test_a_deleted_project_leaves_no_site_and_no_secret(life: Life) -> None:
    assert life.answers_after == [404, 404, 404]
    assert life.secrets_after == []
