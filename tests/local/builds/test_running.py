"""A build runs the commands of all phases in CodeBuild's order.

Each command starts with the exported variables and the directory of the previous command.
"""

from datetime import UTC, datetime

from tests.local.builds.build_harness import BuildHarness, find_failed_phase, read_phase_statuses


def test_commands_run_in_the_order_of_the_phases_and_are_logged_in_that_order(harness: BuildHarness) -> None:
    """Requirement P5."""
    result = harness.run("""
version: 0.2
phases:
  post_build:
    commands: [echo four]
  install:
    commands: [echo one]
  build:
    commands: [echo three >&2]
  pre_build:
    commands: [echo two, echo and a half]
""")

    assert result.status == "SUCCEEDED"
    assert harness.aws.read_output() == ["one", "two", "and a half", "three", "four"]
    assert harness.shown == harness.aws.log


def test_phases_are_reported_as_codebuild_reports_them(harness: BuildHarness) -> None:
    result = harness.run_commands("true")

    assert [(phase.type, phase.status) for phase in result.phases] == [
        ("PROVISIONING", "SUCCEEDED"),
        ("DOWNLOAD_SOURCE", "SUCCEEDED"),
        ("INSTALL", "SUCCEEDED"),
        ("PRE_BUILD", "SUCCEEDED"),
        ("BUILD", "SUCCEEDED"),
        ("POST_BUILD", "SUCCEEDED"),
        ("UPLOAD_ARTIFACTS", "SUCCEEDED"),
        ("FINALIZING", "SUCCEEDED"),
        ("COMPLETED", None),
    ]
    assert result.phases[0].started_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert result.phases[0].duration_seconds == 0
    assert result.phases[-1].duration_seconds is None


def test_a_command_starts_with_the_variables_and_directory_of_the_previous_one(harness: BuildHarness) -> None:
    result = harness.run("""
version: 0.2
phases:
  install:
    commands: [mkdir deep, cd deep, export GREETING="hello  'you'"]
  build:
    commands: ['basename "$PWD"', 'echo "$GREETING"']
""")

    assert result.status == "SUCCEEDED"
    assert harness.aws.read_output() == ["deep", "hello  'you'"]


def test_a_failing_command_fails_its_phase_with_the_command_and_its_exit_status(
    harness: BuildHarness,
) -> None:
    """P7, Q1: the deployment shows the command and its exit status as its failure."""
    result = harness.run_commands("echo before", "exit 3", "echo after")

    assert result.status == "FAILED"
    assert harness.aws.read_output() == ["before"]
    phase = find_failed_phase(result)
    assert (phase.type, phase.status) == ("BUILD", "FAILED")
    assert phase.contexts[0].status_code == "COMMAND_EXECUTION_ERROR"
    assert phase.contexts[0].message == "Error while executing command: exit 3. Reason: exit status 3"
    assert any(line.endswith("Phase complete: BUILD State: FAILED") for line in harness.aws.log)


def test_post_build_runs_after_a_failed_build_phase(harness: BuildHarness) -> None:
    """The commands of `post_build` can read `CODEBUILD_BUILD_SUCCEEDING`, which is 0 after a failure."""
    result = harness.run("""
version: 0.2
phases:
  build:
    commands: ["false"]
  post_build:
    commands: ['echo succeeding: $CODEBUILD_BUILD_SUCCEEDING']
""")

    assert result.status == "FAILED"
    assert harness.aws.read_output() == ["succeeding: 0"]
    assert read_phase_statuses(result)["POST_BUILD"] == "SUCCEEDED"


def test_on_failure_abort_ends_the_build_at_the_failed_phase(harness: BuildHarness) -> None:
    """D9: a failed build uploads no artifact."""
    result = harness.run("""
version: 0.2
phases:
  build:
    on-failure: ABORT
    commands: ["touch left", "false"]
  post_build:
    commands: [echo never]
artifacts:
  files: [left]
""")

    assert result.status == "FAILED"
    assert list(read_phase_statuses(result))[-3:] == ["BUILD", "FINALIZING", "COMPLETED"]
    assert harness.aws.read_output() == []
    assert harness.aws.objects == {}


def test_a_failed_pre_build_phase_ends_the_build(harness: BuildHarness) -> None:
    result = harness.run("""
version: 0.2
phases:
  pre_build:
    commands: ["false"]
  build:
    commands: [echo never]
""")

    assert list(read_phase_statuses(result))[-3:] == ["PRE_BUILD", "FINALIZING", "COMPLETED"]


def test_finally_runs_after_a_failure_and_the_first_failure_is_reported(harness: BuildHarness) -> None:
    result = harness.run("""
version: 0.2
phases:
  build:
    commands: [exit 4, echo never]
    finally: [echo cleaning, exit 5]
""")

    assert harness.aws.read_output() == ["cleaning"]
    assert find_failed_phase(result).contexts[0].message.endswith("exit status 4")


def test_an_invalid_buildspec_fails_the_download_phase_with_the_reason(
    harness: BuildHarness,
) -> None:
    result = harness.run("version: 0.2\nphases:\n  biuld:\n    commands: [echo]\n")

    phase = find_failed_phase(result)
    assert (result.status, phase.type) == ("FAILED", "DOWNLOAD_SOURCE")
    assert phase.contexts[0].status_code == "YAML_FILE_ERROR"
    assert "biuld" in phase.contexts[0].message


def test_the_provisioning_fails_if_codebuild_may_not_assume_the_role(harness: BuildHarness) -> None:
    result = harness.run_commands("echo never", service_role_arn="arn:aws:iam::000000000000:role/other")

    assert [(phase.type, phase.status) for phase in result.phases] == [
        ("PROVISIONING", "FAILED"),
        ("COMPLETED", None),
    ]
    assert "role/other" in result.phases[0].contexts[0].message


def test_nothing_of_a_build_stays_on_disk(harness: BuildHarness) -> None:
    request = harness.create_request("version: 0.2\nphases:\n  build:\n    commands: [touch a, chmod 0 a]\n")
    harness.runner.run(request)

    assert list(harness.runner.folder.iterdir()) == []
