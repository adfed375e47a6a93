"""P7: builds and releases of real Next.js sites that fail, and what their owner can read about the failure.

All cases have the packages of one site of the comparison with `next start`. Each case is one push of the same
project, with some changed files.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

from anchor.credentials import CredentialsFile
from local.cloud import User
from local.platform_client import Json
from tests.e2e.command_line import Anchor
from tests.e2e.tiny_platform import TinyPlatform, TinyProject

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ROOT / "tests" / "conformance" / "sites" / "noconfig"
# Without `headers()`, Next.js would render the page in the build.
DYNAMIC_PAGE: Final = """import { headers } from "next/headers";
export default async function Page() { await headers(); %s }
"""
CRASH: Final = """export async function register() {
  const isServer = process.env.NEXT_RUNTIME === "nodejs";
  if (isServer && !process.env.MUST_BE_SET) throw new Error("MUST_BE_SET is not set");
}
"""
# A heap that grows until Node.js aborts. The limit of 64 MB keeps the test short.
FILL_HEAP: Final = (
    "node --max-old-space-size=64 -e \"const all = []; for (;;) all.push('x'.repeat(1e6) + Math.random())\""
)
POINTER: Final = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n"
)


@frozen(kw_only=True)
class FailingSite:
    """A project whose pushes fail.

    Attributes:
        project: The project.
        sources: The files of the site that all pushes have in common, by path.
    """

    project: TinyProject
    sources: Mapping[str, str]

    def fail(self, changes: Mapping[str, str | bytes | None]) -> Json:
        """Push changes, and return the first answer of the API in which the deployment has ended."""
        deployment_id = self.project.push(changes, "Fail")
        self.project.repository.commit({path: self.sources.get(path) for path in changes}, "Correct it")
        deployment = self.project.wait(deployment_id)
        assert deployment["status"] == "failed", deployment
        return deployment


@pytest.fixture(scope="module")
def failing_site(platform: TinyPlatform) -> FailingSite:
    repository = platform.cloud.git.create("kappa", SOURCES)
    project = platform.connect(repository, "kappa", tenant="grace")
    sources = {name: (SOURCES / name).read_text() for name in ("package.json", "app/page.tsx")}
    return FailingSite(project=project, sources=sources)


@pytest.fixture(scope="module")
def crashed(failing_site: FailingSite) -> Json:
    """A release whose server throws an error when it starts."""
    page = DYNAMIC_PAGE % "return <h1>home</h1>;"
    return failing_site.fail({"instrumentation.ts": CRASH, "app/page.tsx": page})


@pytest.fixture
def sign_in(
    platform: TinyPlatform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Anchor]:
    """Return a function that returns the command line of a tenant."""

    def sign_in_as_tenant(name: str) -> Anchor:
        anchor = Anchor(
            cloud=platform.cloud,
            user=User(name=name, password=""),
            file=CredentialsFile(folder=tmp_path / name),
            capture=capsys,
        )
        return anchor.sign_in_as(platform.get_tenant_client(name))

    return sign_in_as_tenant


def test_the_first_answer_after_a_crash_at_the_start_has_the_stack(
    crashed: Json, sign_in: Callable[[str], Anchor]
) -> None:
    """P7: the lines are stored together with the status. So the owner does not wait for them."""
    failure = crashed["failure"]
    assert failure["step"] == "smoke test", failure
    lines = "\n".join(failure["logTail"])
    assert re.search(r"MUST_BE_SET is not set\n\s+at ", lines), lines
    shown = sign_in("grace").run_ok("deployment", crashed["deploymentId"])
    assert [line.strip() for line in failure["logTail"]] == [
        line.strip() for line in shown.splitlines()[-len(failure["logTail"]) :]
    ]


def test_a_release_that_never_went_live_has_no_run_time_log_of_its_own(
    crashed: Json, sign_in: Callable[[str], Anchor]
) -> None:
    """P7: the command says where its last lines are."""
    status, _, error = sign_in("grace").run("logs", crashed["deploymentId"], "--runtime")
    assert status == 1
    assert error.endswith("if it failed, its failure has the last lines\n")


@pytest.mark.parametrize(
    ("command", "missing"),
    [(("deployment",), "deployment"), (("logs",), "deployment"), (("logs", "--runtime"), "project")],
    ids=["deployment", "build log", "run-time log"],
)
def test_another_tenant_cannot_read_the_failure(
    crashed: Json, sign_in: Callable[[str], Anchor], command: tuple[str, ...], missing: str
) -> None:
    """Requirement A5."""
    name, *options = command
    answer = sign_in("heidi").run(name, crashed["deploymentId"], *options)
    assert answer == (1, "", f"refused (404): the {missing} does not exist\n")


def test_a_pointer_of_git_lfs_is_not_released_as_a_file(failing_site: FailingSite) -> None:
    """H4, Q1: the embedded git server has no files of Git LFS, so the build fails, and names the file."""
    failure = failing_site.fail(
        {".gitattributes": "*.png filter=lfs diff=lfs merge=lfs -text\n", "public/hero.png": POINTER}
    )["failure"]
    assert failure["step"] == "checkout"
    assert "public/hero.png" in failure["reason"]
    assert failure["advice"]


@pytest.mark.conformance
def test_the_failure_of_a_page_that_throws_has_its_stack(failing_site: FailingSite) -> None:
    """Requirement P7."""
    failure = failing_site.fail({"app/page.tsx": DYNAMIC_PAGE % 'throw new Error("database is down");'})[
        "failure"
    ]
    assert failure["reason"] == "the server answered GET / with status 500"
    lines = "\n".join(failure["logTail"])
    assert re.search(r"database is down\n\s+at ", lines), lines


@pytest.mark.conformance
def test_a_build_that_runs_out_of_memory_says_so_and_what_to_do(failing_site: FailingSite) -> None:
    """Requirements P7 and Q1."""
    package = json.loads(failing_site.sources["package.json"])
    package["scripts"]["build"] = FILL_HEAP
    failure = failing_site.fail({"package.json": json.dumps(package)})["failure"]
    assert (failure["step"], failure["reason"]) == ("build", "the build ran out of memory")
    assert "larger buildComputeType" in failure["advice"]
    assert [line for line in failure["logTail"] if "heap out of memory" in line]
