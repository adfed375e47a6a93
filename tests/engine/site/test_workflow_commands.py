"""The commands of the workflows `preview` and `drift` with Pulumi's own engine, on the stage production."""

import shlex
from pathlib import Path

import pytest
import yaml

from local.cloud import Cloud
from local.pulumi_engine.engine import PulumiEngine
from reference.plan_summary import summarize_event_log
from tests.engine.stacks import ROOT


def read_command(workflow: str, job: str, verb: str, folder: Path) -> list[str]:
    """Return the arguments of the Pulumi command of a job, without the pipe that shows its output."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())["jobs"][job]["steps"]
    (step,) = [each for each in steps if f"pulumi {verb} " in each.get("run", "")]
    assert step["env"]["PULUMI_DEBUG_COMMANDS"] == "true"
    text = step["run"].replace("\\\n", " ").partition(f"pulumi {verb} ")[2].partition("2>&1")[0]
    words = text.replace("$STAGE", "production").replace("$RUNNER_TEMP", str(folder))
    return [verb, *shlex.split(words)]


def run_command(
    cloud: Cloud, command: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """Run a command, and return its exit status and the summary of its event log."""
    assert isinstance(cloud.engine, PulumiEngine)
    monkeypatch.setenv("PULUMI_DEBUG_COMMANDS", "true")
    done = cloud.engine.run(*command)
    events = folder / "events.json"
    assert events.exists(), done.stdout
    with events.open() as lines:
        return done.returncode, summarize_event_log("production", lines)


def test_the_preview_of_an_unchanged_program_has_no_changes(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requirement G7."""
    command = read_command("preview.yml", "preview", "preview", tmp_path)
    assert run_command(cloud, command, tmp_path, monkeypatch) == (0, "production: no changes\n")


def test_the_drift_workflow_fails_only_if_something_has_changed_in_aws(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary names the changed resource and the property, but not the value."""
    command = read_command("drift.yml", "refresh", "refresh", tmp_path)
    functions = cloud.emulator.client("lambda")
    declared = functions.get_function_configuration(FunctionName="anchor-production-release")["Timeout"]
    assert run_command(cloud, command, tmp_path, monkeypatch) == (0, "production: no changes\n")
    functions.update_function_configuration(FunctionName="anchor-production-release", Timeout=declared - 1)
    try:
        status, summary = run_command(cloud, command, tmp_path, monkeypatch)
    finally:
        functions.update_function_configuration(FunctionName="anchor-production-release", Timeout=declared)
    assert status != 0
    assert summary.splitlines()[0] == "production: 1 update"
    assert summary.splitlines()[-1] == "  update   aws:lambda/function release (timeout)"
