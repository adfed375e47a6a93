"""A project without pushes: a deployment through the API, its build log, and the project's deletion (A2)."""

import pytest
from attrs import frozen

from local.demo.visitor import Visitor
from local.platform_client import Json, PlatformError
from tests.e2e.tiny_platform import TinyPlatform


@frozen(kw_only=True)
class ObservedProject:
    """What the fixture read from a project. The attributes are in the order in which it read them.

    Attributes:
        deployment: The deployment after it has ended.
        shown_commit: The commit that the live site shows.
        log: The build log, read while CloudWatch has it.
        kept_log: The build log, read after its deletion from CloudWatch.
        secrets_after: The names of the site's secrets after the project's deletion.
        answers_after: The status codes for the project, its site and its release after the deletion.
    """

    deployment: Json
    shown_commit: str
    log: list[str]
    kept_log: list[str]
    secrets_after: list[str]
    answers_after: list[int]


@pytest.fixture(scope="module")
def observed_project(platform: TinyPlatform) -> ObservedProject:
    emulator = platform.cloud.emulator
    site = platform.create_project("zeta", tenant="dora")
    secret = {"name": "KEY", "value": "of-the-deleted", "isSecret": True}
    site.client.set_variables(site.project_id, [secret])
    queued = site.client.deploy(site.project_id, branch="main")
    deployment = site.client.wait_until(queued["deploymentId"], set())
    assert deployment["status"] == "live", deployment
    visitors = [site.visitor, Visitor(url=deployment["url"])]
    shown_commit = site.visitor.get("/api/release").json()["release"]
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
    return ObservedProject(
        deployment=deployment,
        shown_commit=shown_commit,
        log=log,
        kept_log=kept_log,
        secrets_after=[each["Name"] for each in left],
        answers_after=[missing.value.status, *(each.get("/").status_code for each in visitors)],
    )


def test_a_branch_deployed_through_the_api_goes_live(observed_project: ObservedProject) -> None:
    assert observed_project.deployment["source"] == "manual"
    assert observed_project.shown_commit == observed_project.deployment["commitSha"]


def test_a_log_deleted_from_cloudwatch_is_read_from_the_bucket(observed_project: ObservedProject) -> None:
    # Compare only lines that begin with "==> ". The lines with commands differ: in CloudWatch, a command with
    # several lines is one long message, and the API returns only the beginning of this message.
    printed, kept = (
        [line for line in log if line.startswith("==> ")]
        for log in (observed_project.log, observed_project.kept_log)
    )
    assert any("Fetching branch main" in line for line in kept)
    assert kept == printed
    assert observed_project.kept_log[-1] == observed_project.log[-1]


def test_a_deleted_project_has_no_site_and_no_secret(observed_project: ObservedProject) -> None:
    assert observed_project.answers_after == [404, 404, 404]
    assert observed_project.secrets_after == []
