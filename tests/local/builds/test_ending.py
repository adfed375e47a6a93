"""Builds that are stopped or that time out. In both cases, no process of the build remains."""

import os
import threading
import time

from local.builds.command import kill_marked_processes
from tests.e2e.processes import is_running
from tests.local.builds.build_harness import BuildHarness, find_failed_phase, read_phase_statuses


def read_printed_pids(harness: BuildHarness) -> list[int]:
    return [int(line) for line in harness.aws.read_output() if line.isdigit()]


def test_stopping_a_build_ends_all_its_processes_immediately(harness: BuildHarness) -> None:
    request = harness.create_request("""
version: 0.2
phases:
  build:
    commands:
      - |
        trap '' TERM INT
        sleep 60 & echo $!
        echo $$
        sleep 60
  post_build:
    commands: [echo never]
""")

    def stop_after_two_pids() -> None:
        while len([line for line in harness.shown if line.isdigit()]) < 2:
            time.sleep(0.01)
        request.stop_requested.set()

    threading.Thread(target=stop_after_two_pids).start()
    started = time.monotonic()
    result = harness.runner.run(request)

    assert time.monotonic() - started < 10
    assert result.status == "STOPPED"
    assert read_phase_statuses(result)["BUILD"] == "STOPPED"
    assert "POST_BUILD" not in read_phase_statuses(result)
    pids = read_printed_pids(harness)
    assert len(pids) == 2
    assert not any(map(is_running, pids))


def test_a_build_that_was_stopped_before_it_began_runs_nothing(harness: BuildHarness) -> None:
    request = harness.create_request("version: 0.2\nphases:\n  build:\n    commands: [sleep 60]\n")
    request.stop_requested.set()

    assert harness.runner.run(request).status == "STOPPED"


def test_a_timeout_is_reported_for_the_current_phase(harness: BuildHarness) -> None:
    """P5: a build that reaches its timeout is ended. The timeout of a site's build is 30 minutes."""
    result = harness.run_commands("echo $$; sleep 60", timeout_minutes=0.005)

    assert result.status == "TIMED_OUT"
    phase = find_failed_phase(result)
    assert (phase.type, phase.status) == ("BUILD", "TIMED_OUT")
    assert phase.contexts[0].status_code == "BUILD_TIMED_OUT"
    assert not any(map(is_running, read_printed_pids(harness)))


def test_background_processes_end_with_their_command(harness: BuildHarness) -> None:
    result = harness.run_commands("sleep 60 & echo $!")

    assert result.status == "SUCCEEDED"
    assert not any(map(is_running, read_printed_pids(harness)))


def test_a_daemon_that_left_its_process_group_ends_with_the_build(harness: BuildHarness) -> None:
    """L3: build tools start daemons. No daemon runs longer than its build."""
    detached = (
        "python3 -c 'import subprocess; "
        'print(subprocess.Popen(["sleep", "60"], start_new_session=True).pid)\''
    )
    result = harness.run_commands(detached)

    assert result.status == "SUCCEEDED"
    pids = read_printed_pids(harness)
    assert len(pids) == 1
    assert not any(map(is_running, pids))


def test_processes_without_the_marker_of_the_build_are_not_killed() -> None:
    assert kill_marked_processes("CODEBUILD_BUILD_ID=no-such-build") == 0
    assert is_running(os.getpid())
