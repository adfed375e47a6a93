"""Time of a release with a thousand files, compared with `aws s3 sync` of the same files."""

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from benchmarks.embedded import require_live, run_tiny_platform
from benchmarks.model import Goal, Measurement, Report, ShowProgress
from local.cloud import Cloud
from reference.markdown import format_table
from runtime.deploy.releases.release_steps import Step
from tests.e2e.tiny_platform import TinyProject

SITE: Final = "thousand"
FILES: Final = 1_000
CHANGED: Final = 10
GOAL: Final = Goal(bound=0.5)
NONE: Final = Goal(bound=0)
# In bytes: typical sizes of the JavaScript chunks of a Next.js site.
_SMALLEST, _LARGEST = 500, 40_000
_BUCKET: Final = "benchmark-sync"
_FOLDER: Final = "_next/static/chunks"
_RELEASE: Final = "anchor-local-release"
_TIMEOUT: Final = 30.0
_POLL_SECONDS: Final = 0.5  # shorter intervals take CPU time from the release
_METHOD: Final = """\
A repository with {files:,} hashed files ({megabytes:.0f} MB) is pushed to the embedded cloud. Then
{changed} of the files are replaced, and the repository is pushed again. The time of a release is the sum
of its steps in the log of the release function, from the download of the artifact to the switch. It
includes all checks, two published and tested functions, and the writes to the edge. For comparison,
`aws s3 sync` of the locked AWS command line copies the same files from a folder to a bucket of the same
emulator. `aws s3 sync` runs once before and once after the release. The mean of both times is used. Later, it
copies the changed files. Wall time is measured. The benchmark polls the status of a deployment every half
second."""
_REMARK: Final = """\
Only the uploads do the same work as `aws s3 sync`. The other steps of the release took {others:.2f} s,
independent of the number of files. In the {sync:.2f} s of `aws s3 sync`, the emulator used {emulated:.2f}
s of CPU time in one thread. So with this emulator, every client needs at least that time. S3 would handle
the requests in parallel."""


@frozen(kw_only=True)
class Released:
    """The measured values of one release.

    Attributes:
        steps: Seconds of each step, in order.
        written: Keys of the hashed files that the release wrote.
    """

    steps: Mapping[str, float]
    written: frozenset[str]

    @property
    def seconds(self) -> float:
        """Seconds of all steps."""
        return sum(self.steps.values())


@frozen(kw_only=True)
class SyncResult:
    """The measured values of one run of `aws s3 sync`.

    Attributes:
        seconds: Wall time.
        emulator_seconds: CPU seconds of the emulator.
    """

    seconds: float
    emulator_seconds: float


def measure(show_progress: ShowProgress, *, files: int = FILES, changed: int = CHANGED) -> Report:
    """Measure two releases and `aws s3 sync` of the same files.

    Raises:
        ValueError: A release did not go live.
        CalledProcessError: The AWS command line failed.
        TimeoutError: The log of the release function did not arrive.
    """
    first = make_files(files, seed=1)
    # As in a build, the name of a file contains a hash of its content. So a changed file gets a new name.
    gone, new = sorted(first)[:changed], make_files(changed, seed=2)
    with tempfile.TemporaryDirectory() as folder, run_tiny_platform(SITE) as running:
        cloud = running.cloud
        cloud.emulator.client("s3").create_bucket(
            Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": cloud.emulator.region}
        )
        local = Path(folder)
        _write_files(local, first)
        site = running.create_project(
            SITE, more_files={_build_repository_path(name): first[name] for name in first}
        )
        show_progress(f"release: aws s3 sync of {files} files")
        syncs = [_sync_folder(cloud, local, "before")]
        show_progress(f"release: {files} files")
        whole = _measure_release(cloud, site, {})
        show_progress(f"release: aws s3 sync of {files} files, again")
        syncs.append(_sync_folder(cloud, local, "after"))
        for name in gone:
            (local / name).unlink()
        _write_files(local, new)
        show_progress(f"release: aws s3 sync of {changed} changed files")
        sync_of_changed = _sync_folder(cloud, local, "after")
        show_progress(f"release: {changed} changed files")
        changes = {_build_repository_path(name): content for name, content in new.items()}
        again = _measure_release(cloud, site, changes | {_build_repository_path(name): None for name in gone})
    kept = {f"assets/{SITE}/{site.project_id}/{name}" for name in first if name not in gone}
    sync = sum(each.seconds for each in syncs) / len(syncs)
    emulated = sum(each.emulator_seconds for each in syncs) / len(syncs)
    both = ", ".join(f"{each.seconds:.2f}" for each in syncs)
    return Report(
        title="Release",
        method=_METHOD.format(files=files, megabytes=sum(map(len, first.values())) / 1e6, changed=changed),
        measurements=(
            Measurement(
                name=f"release of {files:,} files / `aws s3 sync` of them",
                value=whole.seconds / sync,
                goal=GOAL,
                detail=f"{whole.seconds:.2f} s / {sync:.2f} s ({both})",
            ),
            Measurement(
                name="only its uploads / `aws s3 sync`",
                value=whole.steps[Step.ASSETS] / sync,
                goal=GOAL,
                remark=_REMARK.format(
                    others=whole.seconds - whole.steps[Step.ASSETS], emulated=emulated, sync=sync
                ),
                detail=f"{whole.steps[Step.ASSETS]:.2f} s / {sync:.2f} s",
            ),
            Measurement(
                name=f"release with {changed} changed files / `aws s3 sync` of them",
                value=again.seconds / sync_of_changed.seconds,
                detail=f"{again.seconds:.2f} s / {sync_of_changed.seconds:.2f} s",
            ),
            Measurement(
                name="unchanged files uploaded again",
                value=len(again.written & kept),
                unit="",
                goal=NONE,
                detail=(
                    f"of {len(kept):,}; {len(again.written)} hashed files were uploaded: {changed} changed "
                    "ones and those that differ in each build"
                ),
            ),
        ),
        tables=(("Steps of a release", _tabulate_steps(whole, again, files, changed)),),
    )


def make_files(number: int, *, seed: int) -> Mapping[str, bytes]:
    """Return random contents of files by path. Names and sizes are like those of Next.js chunks."""
    source = random.Random(seed)  # noqa: S311 - not for security
    found: dict[str, bytes] = {}
    for _ in range(number):
        size = source.randint(_SMALLEST, _LARGEST)
        content = base64.b64encode(source.randbytes(size * 3 // 4))
        found[f"{_FOLDER}/{hashlib.sha256(content).hexdigest()[:13]}.js"] = content
    return found


def _build_repository_path(name: str) -> str:
    return f"output/assets/{name}"


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _sync_folder(cloud: Cloud, folder: Path, prefix: str) -> SyncResult:
    """Run `aws s3 sync`, and measure its time, which includes the start of the process."""
    keys = cloud.emulator.administrator
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder.parent),  # a folder without the AWS settings of the user
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_DEFAULT_REGION": cloud.emulator.region,
        "AWS_ENDPOINT_URL": cloud.emulator.endpoint_url,
    }
    command = [sys.executable, "-m", "awscli", "s3", "sync", "--only-show-errors", "--delete"]
    began, computed = time.perf_counter(), time.process_time()
    subprocess.run(  # noqa: S603 - the locked AWS command line
        [*command, str(folder), f"s3://{_BUCKET}/{prefix}/"], env=environment, check=True
    )
    # The emulator runs in this process, and the sync in a child process. This process does nothing else
    # during the sync, so its CPU time is that of the emulator.
    return SyncResult(seconds=time.perf_counter() - began, emulator_seconds=time.process_time() - computed)


def _measure_release(cloud: Cloud, site: TinyProject, changes: Mapping[str, bytes | None]) -> Released:
    before = _list_modification_times(cloud, site)
    deployment_id = site.push(changes)
    require_live(site.client.wait_until(deployment_id, frozenset(), poll=_POLL_SECONDS))
    after = _list_modification_times(cloud, site)
    # S3 stores modification times in whole seconds. A build takes longer than a second. So if the release
    # wrote a file again, its modification time is later than before.
    written = frozenset(key for key, at in after.items() if before.get(key) != at)
    return Released(steps=_read_step_seconds(cloud, deployment_id), written=written)


def _list_modification_times(cloud: Cloud, site: TinyProject) -> Mapping[str, datetime]:
    """Return the time of the last write of each hashed file, by key."""
    prefix = f"assets/{SITE}/{site.project_id}/_next/static/"
    pages = (
        cloud.emulator.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=cloud.deployed.outputs["buckets"]["assets"], Prefix=prefix)
    )
    return {item["Key"]: item["LastModified"] for page in pages for item in page.get("Contents", ())}


def _read_step_seconds(cloud: Cloud, deployment_id: str) -> Mapping[str, float]:
    """Return the seconds of each step from the log of the release function.

    The log can arrive after the deployment is live, so wait for it.

    Raises:
        TimeoutError: The log did not arrive.
    """
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        records = [each for each in _read_log_records(cloud) if each.get("deploymentId") == deployment_id]
        if any(each["message"] == "live" for each in records):
            return {each["step"]: each["seconds"] for each in records if each["message"] == "step done"}
        time.sleep(0.1)
    raise TimeoutError(f"the release function logged no steps of {deployment_id}")


def _read_log_records(cloud: Cloud) -> Sequence[Mapping[str, Any]]:
    pages = (
        cloud.emulator.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=f"/aws/lambda/{_RELEASE}")
    )
    messages = (event["message"] for page in pages for event in page["events"])
    return [json.loads(message) for message in messages if message.startswith("{")]


def _tabulate_steps(first: Released, second: Released, files: int, changed: int) -> str:
    """Return a table of the seconds of each step, for the release of all files and that of changed files."""
    return format_table(
        ("step", f"{files:,} files", f"{changed} changed files"),
        [(step, f"{seconds:.2f} s", f"{second.steps[step]:.2f} s") for step, seconds in first.steps.items()],
    )
