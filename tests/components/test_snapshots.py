"""G7: the resource graph of each stage equals its snapshot, on any machine and at any time."""

import copy
import difflib
import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import attrs
import pytest

from policies.graph import Resource
from policies.plain_secrets import RULES as SECRET_RULES
from tests.components.recorder import ROOT, Recording, get_recording
from tests.components.snapshot import (
    FOLDER,
    RENEW,
    find_differences,
    get_snapshot_path,
    read_graph,
    render_snapshot,
)
from tests.components.stages import STAGES

_SHOWN_LINES = 60
# This code runs in another interpreter and another folder, with a clock that is twelve years ahead.
_ELSEWHERE = """
import datetime, sys, time

YEARS = 12 * 365 * 86_400
real = time.time
time.time = lambda: real() + YEARS
time.time_ns = lambda: int(time.time() * 1e9)
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
    utcnow = today = now
datetime.datetime = Later

from tests.components.test_snapshots import dump_recording
from tests.components.recorder import get_recording

assert datetime.datetime.now().year > 2035
sys.stdout.write(dump_recording(get_recording(sys.argv[1])))
"""


def dump_recording(recorded: Recording) -> str:
    """Return everything in a recording as JSON, including the hashes of the files in archives."""
    resources = [attrs.asdict(resource) for resource in recorded.resources]
    return json.dumps([resources, recorded.outputs], default=sorted, sort_keys=True)


def describe_change(stage: str, stored: str, current: str) -> str:
    """Return the failure message for an outdated snapshot."""
    differing = difflib.unified_diff(
        stored.splitlines(), current.splitlines(), "stored", "now", lineterm="", n=2
    )
    shown = "\n".join(islice(differing, _SHOWN_LINES))
    return f"the graph of {stage} changed; if this is intended, run `{RENEW}` and review the diff:\n{shown}"


@pytest.mark.parametrize("stage", STAGES)
def test_the_graph_equals_the_snapshot(stage: str) -> None:
    """G7: the stored snapshot comes from another run, usually on another machine."""
    stored = get_snapshot_path(stage).read_text(encoding="utf-8") if get_snapshot_path(stage).exists() else ""
    current = render_snapshot(stage)
    assert stored == current, describe_change(stage, stored, current)


def test_the_failure_message_shows_the_change_and_the_command() -> None:
    message = describe_change("dev", "a: 1\nb: 2\n", "a: 1\nb: 3\n")
    assert "the graph of dev changed" in message
    assert "`make snapshots`" in message
    assert "-b: 2\n+b: 3" in message
    assert "\nsnapshots:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_differences_contain_each_added_removed_and_changed_resource() -> None:
    base = read_graph("production")
    other = copy.deepcopy(base)
    first, second = list(base["resources"])[:2]
    other["resources"]["new"] = {"inputs": {"size": 1}}
    del other["resources"][first]
    other["resources"][second]["protect"] = "changed"
    other["outputs"]["apiId"] = "changed"
    differences = find_differences(base, other, "production")
    assert differences["added"] == {"new": {"inputs": {"size": 1}}}
    assert differences["removed"] == [first]
    (changed,) = differences["changed"]
    assert changed["resources"] == [second]
    assert changed["values"]["protect"]["production"] == "changed"
    assert differences["outputs"].keys() == {"apiId"}


@pytest.mark.parametrize("stage", STAGES)
def test_every_changed_value_of_a_stage_appears_in_its_differences(stage: str) -> None:
    """The test changes `ignoreChanges` of one resource at a time. Each change must change the differences."""
    base, graph = read_graph("production"), read_graph(stage)
    for urn, resource in graph["resources"].items():
        # Only this resource is compared, because comparing all resources each time would take minutes.
        former = {name: value for name, value in base["resources"].items() if name == urn}
        expected = find_differences(
            {**base, "resources": former}, {**graph, "resources": {urn: resource}}, stage
        )
        changed = {**graph, "resources": {urn: {**resource, "ignoreChanges": ["x"]}}}
        assert find_differences({**base, "resources": former}, changed, stage) != expected, urn


def test_folder_clock_and_hash_seed_do_not_change_the_graph(tmp_path: Path) -> None:
    """G7: all runs record the same bytes, including the files in archives.

    One stage is enough: production has every type of resource, and all stages run the same program. The
    settings of a stage cannot depend on the time, the folder or the order of a set.
    """
    here = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TZ": "Pacific/Kiritimati"}
    elsewhere = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, "production"],
        cwd=tmp_path,
        env={**here, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT), "LC_ALL": "C"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert elsewhere.stdout == dump_recording(get_recording("production"))


def test_each_stage_has_one_snapshot() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_no_snapshot_contains_a_secret(stage: str) -> None:
    (rule,) = (rule for rule in SECRET_RULES if rule.name == "no-secret-in-plain-text")
    lines = get_snapshot_path(stage).read_text(encoding="utf-8").splitlines()
    resource = Resource(type="", name=stage, urn="", props={"lines": lines, **read_graph(stage)})
    assert list(rule.check(resource)) == []
