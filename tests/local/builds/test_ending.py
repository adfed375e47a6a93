"""Builds that are stopped or that time out. In both cases, no process of the build remains."""

import os
import threading
import time
from pathlib import Path

from local.builds.command import kill_marked_processes
from tests.local.builds.bench import Bench, failed_phase, statuses


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}


def printed_pids(bench: Bench) -> list[int]:
    return [int(line) for line in bench.aws.output() if line.isdigit()]


def test_a_stopped_build_ends_at_once_with_everything_it_started(bench: Bench) -> None:
    request = bench.request("""
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

    def stop_when_it_sleeps() -> None:
        while len([line for line in bench.shown if line.isdigit()]) < 2:
            time.sleep(0.01)
        request.stop_requested.set()

    threading.Thread(target=stop_when_it_sleeps).start()
    started = time.monotonic()
    result = bench.runner.run(request)

    assert time.monotonic() - started < 10
    assert result.status == "STOPPED"
    assert statuses(result)["BUILD"] == "STOPPED"
    assert "POST_BUILD" not in statuses(result)
    pids = printed_pids(bench)
    assert len(pids) == 2
    assert not any(map(is_running, pids))


def test_a_build_that_was_stopped_before_it_began_runs_nothing(bench: Bench) -> None:
    request = bench.request("version: 0.2\nphases:\n  build:\n    commands: [sleep 60]\n")
    request.stop_requested.set()

    assert bench.runner.run(request).status == "STOPPED"


def test_a_timeout_is_reported_for_the_current_phase(bench: Bench) -> None:
    """P5: the timeout in the cloud is 30 minutes."""
    result = bench.command("echo $$; sleep 60", timeout_minutes=0.005)

    assert result.status == "TIMED_OUT"
    phase = failed_phase(result)
    assert (phase.type, phase.status) == ("BUILD", "TIMED_OUT")
    assert phase.contexts[0].status_code == "BUILD_TIMED_OUT"
    assert not any(map(is_running, printed_pids(bench)))


def test_background_processes_end_with_their_command(bench: Bench) -> None:
    result = bench.command("sleep 60 & echo $!")

    assert result.status == "SUCCEEDED"
    assert not any(map(is_running, printed_pids(bench)))


def test_a_daemon_that_left_its_process_group_ends_with_the_build(bench: Bench) -> None:
    """L3: build tools start daemons. No daemon runs longer than its build."""
    detached = (
        "python3 -c 'import subprocess; "
        'print(subprocess.Popen(["sleep", "60"], start_new_session=True).pid)\''
    )
    result = bench.command(detached)

    assert result.status == "SUCCEEDED"
    pids = printed_pids(bench)
    assert len(pids) == 1
    assert not any(map(is_running, pids))


def test_only_processes_of_the_marked_build_are_killed() -> None:
    assert kill_marked_processes("CODEBUILD_BUILD_ID=no-such-build") == 0
    assert is_running(os.getpid())
