"""Each stage's graph is as its snapshot says, wherever and whenever the program runs (G7, issue 3)."""

import difflib
import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import attrs
import pytest

from components.core.stage import STAGES
from policies.graph import Resource
from policies.plain_secrets import RULES as SECRET_RULES
from tests.components.recorder import ROOT, Recording, recording
from tests.components.snapshot import FOLDER, RENEW, path_of, snapshot

_SHOWN_LINES = 60
# Run by another interpreter in another folder: the same graph, file contents included, years later.
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

from tests.components.test_snapshots import exact
from tests.components.recorder import recording

assert datetime.datetime.now().year > 2035
sys.stdout.write(exact(recording(sys.argv[1])))
"""


def exact(recorded: Recording) -> str:
    """Everything of a recording, with the hashes of the files in archives."""
    resources = [attrs.asdict(resource) for resource in recorded.resources]
    return json.dumps([resources, recorded.outputs], default=sorted, sort_keys=True)


def stale(stage: str, kept: str, now: str) -> str:
    """What to say of a snapshot that is not what the program registers."""
    differing = difflib.unified_diff(kept.splitlines(), now.splitlines(), "kept", "now", lineterm="", n=2)
    shown = "\n".join(islice(differing, _SHOWN_LINES))
    return f"the graph of {stage} changed; if it should have, run `{RENEW}` and read the diff:\n{shown}"


@pytest.mark.parametrize("stage", STAGES)
def test_the_graph_is_as_its_snapshot_says(stage: str) -> None:
    """The snapshot is another run of the program: of another day, mostly on another machine."""
    kept = path_of(stage).read_text(encoding="utf-8") if path_of(stage).exists() else ""
    now = snapshot(stage)
    assert kept == now, stale(stage, kept, now)


def test_a_stale_snapshot_says_what_changed_and_what_to_run() -> None:
    message = stale("dev", "a: 1\nb: 2\n", "a: 1\nb: 3\n")
    assert "the graph of dev changed" in message
    assert "`make snapshots`" in message
    assert "-b: 2\n+b: 3" in message
    assert "\nsnapshots:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_another_folder_another_clock_and_another_hash_seed_change_nothing(tmp_path: Path) -> None:
    """G7: byte for byte, and the archives' files too.

    Production has every kind of resource; what the stages share is the program, and it is the program that
    could ask for the time, the folder, or the order of a set.
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
    assert elsewhere.stdout == exact(recording("production"))


def test_there_is_a_snapshot_of_every_stage_and_of_nothing_else() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_no_secret_is_in_a_snapshot(stage: str) -> None:
    lines = path_of(stage).read_text(encoding="utf-8").splitlines()
    (forms,) = (rule for rule in SECRET_RULES if rule.name == "no-secret-in-plain-text")
    whole = Resource(type="", name=stage, urn="", props={"lines": lines})
    assert list(forms.check(whole)) == []
