"""A build stores its log in CloudWatch Logs and the logs bucket, and its artifact in the artifacts bucket."""

import gzip
from pathlib import Path

import pytest

from local.builds.artifacts import find_artifacts
from local.builds.buildspec import ArtifactsSpec
from local.builds.log import _split_into_batches
from tests.local.builds.build_harness import BuildHarness, find_failed_phase, read_phase_statuses

ZIP = """
version: 0.2
phases:
  build:
    commands: [echo zip > open-next.zip]
artifacts:
  files: [open-next.zip]
"""


def test_the_artifact_is_stored_below_its_path_and_name(harness: BuildHarness) -> None:
    """P6: the key of the object begins with the path and the name of the artifact."""
    result = harness.run(ZIP)

    assert result.status == "SUCCEEDED"
    assert harness.aws.objects == {"artifacts-bucket/artifacts/next-site/01J0/open-next.zip": b"zip\n"}
    assert harness.aws.metadata["artifacts-bucket/artifacts/next-site/01J0/open-next.zip"] == {
        "codebuild-buildarn": harness.create_request("").arn
    }


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (ArtifactsSpec(files=("**/*",), base_directory="out"), {".next/a", "b"}),
        (ArtifactsSpec(files=("**/*",), base_directory="out", discard_paths=True), {"a", "b"}),
        (ArtifactsSpec(files=("out/*", "missing")), {"out/b"}),
        (ArtifactsSpec(files=("**/*",), base_directory="ou*", exclude_paths=(".next/*",)), {"b"}),
    ],
)
def test_artifact_files_are_chosen_as_in_codebuild(
    tmp_path: Path, spec: ArtifactsSpec, names: set[str]
) -> None:
    (tmp_path / "out" / ".next").mkdir(parents=True)
    for name in ("open-next.zip", "out/.next/a", "out/b"):
        (tmp_path / name).touch()

    assert set(find_artifacts(spec, tmp_path)) == names


def test_a_build_that_does_not_create_its_artifact_fails(harness: BuildHarness) -> None:
    result = harness.run(ZIP.replace("[open-next.zip]", "[other.zip]"))

    phase = find_failed_phase(result)
    assert (result.status, phase.type) == ("FAILED", "UPLOAD_ARTIFACTS")
    assert phase.contexts[0].message == "no matching artifact paths found"


def test_the_upload_fails_with_the_reason_if_the_role_may_not_write_the_artifact(
    harness: BuildHarness,
) -> None:
    """Q3: the upload fails if the build's role may not write to the prefix of the artifact."""
    harness.aws.refused = {"PutObject"}
    result = harness.run(ZIP)

    assert read_phase_statuses(result)["UPLOAD_ARTIFACTS"] == "FAILED"
    assert "not authorized to perform: PutObject" in find_failed_phase(result).contexts[0].message


def test_a_project_without_artifacts_uploads_nothing(harness: BuildHarness) -> None:
    result = harness.run(ZIP, artifacts=None)

    assert result.status == "SUCCEEDED"
    assert harness.aws.objects == {}


def test_all_lines_are_logged_completely_and_in_order(harness: BuildHarness) -> None:
    """The output has empty and overwritten lines, lines without a line feed, and bytes that are not UTF-8."""
    harness.run_commands(
        "seq 1 20000",
        "printf 'a\\n\\nb'",
        "printf '10%%\\r100%%\\nwindows\\r\\n'",
        "printf 'caf\\303\\251 \\377\\n'",
    )

    output = harness.aws.read_output()
    assert output[:20000] == [str(number) for number in range(1, 20001)]
    assert output[20000:] == ["a", "", "b", "100%", "windows", "café \N{REPLACEMENT CHARACTER}"]
    timestamps = [event["timestamp"] for batch in harness.aws.batches for event in batch]
    assert timestamps == sorted(timestamps)


def test_log_batches_respect_the_limits_of_cloudwatch_logs() -> None:
    """`PutLogEvents` accepts at most 10,000 events and 1 MiB. An event counts as its text plus 26 bytes."""
    many = list(_split_into_batches([{"message": "a\n", "timestamp": 0}] * 10_001))
    large = list(_split_into_batches([{"message": "ä" * 100_000, "timestamp": 0}] * 11))

    assert [len(batch) for batch in many] == [10_000, 1]
    assert [len(batch) for batch in large] == [5, 5, 1]
    assert not list(_split_into_batches([]))


def test_the_log_is_kept_in_the_logs_bucket(harness: BuildHarness) -> None:
    """B3: the object has the prefix `logs/builds/{site}` and is compressed with gzip."""
    harness.run_commands("echo hello", log_archive="logs-bucket/logs/builds/next-site")

    kept = harness.aws.objects[f"logs-bucket/logs/builds/next-site/{harness.build_uuid}.gz"]
    assert gzip.decompress(kept).decode().splitlines() == harness.aws.log


def test_a_build_whose_role_may_not_log_fails_before_its_first_command(harness: BuildHarness) -> None:
    """Q3: the build fails before its first command if its role may not create the log stream."""
    harness.aws.refused = {"CreateLogStream"}
    result = harness.run_commands("echo never")

    phase = find_failed_phase(result)
    assert (result.status, phase.type) == ("FAILED", "PROVISIONING")
    assert (
        "does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams"
        in phase.contexts[0].message
    )


def test_refused_log_events_are_reported_once_and_the_build_continues(harness: BuildHarness) -> None:
    harness.aws.refused = {"PutLogEvents"}
    result = harness.run_commands("echo hello")

    assert result.status == "SUCCEEDED"
    assert len([line for line in harness.shown if "could not be sent" in line]) == 1
