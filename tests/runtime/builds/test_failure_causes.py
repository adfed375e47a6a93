"""Q1: the failure of a build names the cause first, and then the site's own lines."""

import pytest
from attrs import evolve

from runtime.deploy.builds.build_event import BuildEvent
from runtime.deploy.builds.failure_causes import explain_failure
from runtime.deploy.model import Failure, Status

EVENT = BuildEvent(
    project_id="P",
    deployment_id="D",
    build_id="site:build",
    outcome=Status.FAILED,
    step="BUILD",
    reason="",
    queued=0,
    log_group=None,
    log_stream=None,
)
PLATFORM_LINES = ["[Container] 2026/01/31 09:30:00.1 Running command bash steps.sh x\n"]


def explain(step: str, *lines: str) -> Failure:
    """Return the failure of a build whose step of the script has failed after printing these lines."""
    command = f'Error while executing command: bash "$CODEBUILD_SRC_DIR/steps.sh" {step}.'
    event = evolve(EVENT, reason=f"COMMAND_EXECUTION_ERROR: {command} Reason: exit status 1")
    failure = explain_failure(event, [*PLATFORM_LINES, *(f"{line}\n" for line in lines)])
    assert failure
    return failure


@pytest.mark.parametrize(
    ("step", "lines", "shown"),
    [
        (
            "checkout",
            [
                "fatal: couldn't find remote ref refs/heads/nope",
                "==> FAILED: Branch nope could not be fetched.",
            ],
            "checkout: branch 'nope' does not exist",
        ),
        (
            "checkout",
            ["fatal: remote error: upload-pack: not our ref 0123abcd", "==> FAILED: It failed."],
            "checkout: commit 0123abcd does not exist",
        ),
        (
            "checkout",
            ["fatal: unable to access 'https://x/': Could not resolve host: x", "==> FAILED: It failed."],
            "checkout: the host x does not exist or cannot be reached",
        ),
        (
            "checkout",
            ["==> FAILED: A submodule could not be fetched."],
            "checkout: A submodule could not be fetched",
        ),
        (
            "dependencies",
            ["==> FAILED: The root of the repository has no package.json."],
            "dependencies: The root of the repository has no package.json",
        ),
        (
            "dependencies",
            [
                "npm error code EUSAGE",
                "npm error",
                "npm error `npm ci` can only install packages when in sync.",
                "npm error",
                "npm error Missing: left-pad@1.3.0 from lock file",
                "npm error Invalid: lock file's next@16.0.0 does not satisfy next@16.4.6",
                "npm error",
                "npm error Usage:",
                "==> FAILED: x",
            ],
            (
                "dependencies: `npm ci` can only install packages when in sync. "
                "Missing: left-pad@1.3.0 from lock file "
                "Invalid: lock file's next@16.0.0 does not satisfy next@16.4.6"
            ),
        ),
        (
            "dependencies",
            [
                "npm error request to https://r/next failed, reason: getaddrinfo ENOTFOUND r",
                "==> FAILED: npm ci failed.",
            ],
            "dependencies: the package registry cannot be reached: the host r cannot be found",
        ),
        (
            "dependencies",
            ["==> FAILED: npm ci failed (npm's reason is above)."],
            "dependencies: npm ci failed",
        ),
        (
            "open_next_build",
            [
                "npm warn deprecated inflight",
                "   Linting and checking validity of types ...",
                "\x1b[31mFailed to compile.\x1b[39m",
                "",
                "./app/page.tsx:2:9",
                "Type error: Type 'string' is not assignable to type 'number'.",
                "",
                "Error: Command failed: npm run build",
                "==> FAILED: open-next build failed (the reason is above).",
            ],
            "build: ./app/page.tsx:2:9: Type error: Type 'string' is not assignable to type 'number'.",
        ),
        (
            "open_next_build",
            [
                "> Build error occurred",
                "Error: Turbopack build failed with 1 errors:",
                "./app/page.tsx:5:10",
                "Module not found: Can't resolve 'left-pad'",
                "==> FAILED: x",
            ],
            "build: ./app/page.tsx:5:10: Module not found: Can't resolve 'left-pad'",
        ),
        (
            "open_next_build",
            [
                'Error occurred prerendering page "/".',
                "TypeError: fetch failed",
                "    at async Page",
                "  [cause]: Error: getaddrinfo ENOTFOUND api.example.invalid",
                "==> FAILED: x",
            ],
            (
                "build: page / cannot be prerendered: a request of the site failed: "
                "the host api.example.invalid cannot be found"
            ),
        ),
        (
            "open_next_build",
            ["==> FAILED: open-next build failed (the reason is above)."],
            "build: open-next build failed",
        ),
        ("pack", ["Killed"], "pack: pack failed"),
    ],
)
def test_the_cause_comes_first(step: str, lines: list[str], shown: str) -> None:
    failure = explain(step, *lines)
    assert f"{failure.step}: {failure.reason}" == shown


def test_the_tail_has_only_the_lines_of_the_site_and_the_advice_is_apart() -> None:
    failure = explain(
        "open_next_build",
        *(f"line {number}" for number in range(60)),
        "x" * 10_000,
        "==> FAILED: open-next build failed (the reason is above).",
        "==> What to do: Run npx open-next build.",
        "[Container] 2026/01/31 09:30:00.1 Phase complete: BUILD State: FAILED",
    )
    assert failure.advice == "Run npx open-next build."
    assert failure.log_tail == (*(f"line {number}" for number in range(21, 60)), "x" * 500)


def test_long_lines_are_cut_before_the_cause_is_searched() -> None:
    """The repository decides the length of a line, and the search is slow for long lines."""
    failure = explain("dependencies", "YN0000: " * 100 + "YN0001: Error too late", "==> FAILED: It failed.")
    assert failure.reason == "It failed"
    assert [len(line) for line in failure.log_tail] == [500]


def test_a_build_that_did_not_fail_in_a_step_keeps_the_reason_of_codebuild() -> None:
    event = evolve(EVENT, reason="the build exceeded its time limit")
    failure = explain_failure(event, ["one\n", "==> What to do: nothing\n"])
    assert failure == Failure(step="BUILD", reason="the build exceeded its time limit", log_tail=("one",))


def test_a_successful_build_has_no_failure() -> None:
    assert explain_failure(evolve(EVENT, outcome=Status.BUILT), []) is None


@pytest.mark.parametrize("is_one_message", [True, False])
def test_the_script_of_the_platform_is_left_out(*, is_one_message: bool) -> None:
    """CloudWatch can have the command as one message, and the archive has it as lines."""
    script = [
        "[Container] 2026 Running command cat > steps.sh <<STEPS",
        "set -euo pipefail",
        "say",
    ]
    messages = ["\n".join(script)] if is_one_message else script
    failure = explain(
        "pack",
        *messages,
        "[Container] 2026 Running command bash steps.sh pack",
        "packing",
        "[Container] done",
    )
    assert failure.log_tail == ("packing",)
