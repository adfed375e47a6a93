"""Builds are kept, and a kept build is repeated without running its commands."""

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local.builds.runner import BuildRunner
from local.emulator.build_request import (
    BuildArtifacts,
    BuildRequest,
    BuildResult,
    BuildStatus,
    EnvironmentVariable,
)
from tests.conformance.harness.builds import ARTIFACT, KeepingBuildRunner, KeptBuild

REPOSITORY = "https://github.com/acme/site"
REQUEST = BuildRequest(
    build_id="site:1",
    arn="arn:aws:codebuild:eu-west-1:123456789012:build/site:1",
    project_name="site",
    region="eu-west-1",
    service_role_arn="arn:aws:iam::123456789012:role/site",
    buildspec="",
    log_group="group",
    log_stream="1",
    timeout_minutes=1,
    environment_variables=(EnvironmentVariable(name="ANCHOR_REPOSITORY_URL", value=REPOSITORY),),
    artifacts=BuildArtifacts(location="bucket", name="01JD", path="artifacts"),
)


class FakeRunner:
    """A runner that writes the files of a build, and records its calls."""

    def __init__(self, folder: Path, status: BuildStatus = "SUCCEEDED") -> None:
        self.folder = folder
        self.status: BuildStatus = status
        self.builds = 0
        self.uploads: list[tuple[str, str, bytes]] = []

    def run(self, request: BuildRequest) -> BuildResult:
        self.builds += 1
        source = self.folder / request.build_id.replace(":", "-") / "src"
        for name in ("source/.next/BUILD_ID", "source/.next/cache/x", "source/package.json", ARTIFACT):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(name)
        return BuildResult(status=self.status, phases=())

    def clock(self) -> dt.datetime:
        return dt.datetime(2026, 11, 30, tzinfo=dt.UTC)

    def credentials(self, role: str) -> dict[str, str]:
        return {"role": role}

    def clients(self, credentials: dict[str, str], _region: str) -> SimpleNamespace:
        def put_object(**put: Any) -> None:  # noqa: ANN401 - the parameters of S3
            self.uploads.append((credentials["role"], put["Key"], put["Body"].read()))

        return SimpleNamespace(objects=SimpleNamespace(put_object=put_object))


def make_runners(
    tmp_path: Path, status: BuildStatus = "SUCCEEDED"
) -> tuple[FakeRunner, KeepingBuildRunner, KeptBuild]:
    fake = FakeRunner(tmp_path / "builds", status)
    kept = KeptBuild(folder=tmp_path / "cache" / "site")
    return fake, KeepingBuildRunner(runner=cast("BuildRunner", fake), builds={REPOSITORY: kept}), kept


def test_the_second_build_of_the_same_sources_only_uploads_the_artifact(tmp_path: Path) -> None:
    fake, runner, kept = make_runners(tmp_path)
    assert runner.run(REQUEST).status == "SUCCEEDED"
    assert (kept.source / ".next/BUILD_ID").exists()
    assert not (kept.source / ".next/cache").exists()
    assert runner.run(REQUEST).status == "SUCCEEDED"
    assert fake.builds == 1
    assert fake.uploads == [(REQUEST.service_role_arn, f"artifacts/01JD/{ARTIFACT}", ARTIFACT.encode())]


@pytest.mark.parametrize("status", ["FAILED", "STOPPED"])
def test_a_build_that_failed_is_not_kept(tmp_path: Path, status: BuildStatus) -> None:
    fake, runner, kept = make_runners(tmp_path, status)
    assert runner.run(REQUEST).status == status
    assert not kept.exists
    assert not list(fake.folder.iterdir())
