"""Q1: the failure of a build names the cause first, and then the site's own lines."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

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
# OpenNext 4.1.16 ends with these lines if the command of the build has failed.
OPEN_NEXT_TRACE = (
    "node:internal/errors:984",
    "  const err = new Error(message);",
    "              ^",
    "",
    "Error: Command failed: npm run build",
    *(f"    at frame{number} (node:internal/errors:984:15)" for number in range(40)),
    "Node.js v22.20.0",
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
                "==> FAILED: Branch nope could not be fetched (git's reason is above).",
            ],
            "checkout: branch 'nope' does not exist",
        ),
        (
            "checkout",
            [
                "fatal: remote error: upload-pack: not our ref 0123abcd",
                "==> FAILED: It failed (git's reason is above).",
            ],
            "checkout: commit 0123abcd does not exist",
        ),
        (
            "checkout",
            [
                "fatal: unable to access 'https://x/': Could not resolve host: x",
                "==> FAILED: It failed (git's reason is above).",
            ],
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
                "==> FAILED: It failed (the reason is above).",
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
                "==> FAILED: npm ci failed (npm's reason is above).",
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
                "==> FAILED: It failed (the reason is above).",
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
                "==> FAILED: It failed (the reason is above).",
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
        (
            "dependencies",
            [
                '\u2009ERR_PNPM_OUTDATED_LOCKFILE\u2009 Cannot install with "frozen-lockfile"',
                "==> FAILED: pnpm install failed (its reason is above).",
            ],
            'dependencies: Cannot install with "frozen-lockfile"',
        ),
        (
            "dependencies",
            [
                "\u27a4 YN0000: \u2502 @@ -360,6 +360,13 @@",
                '\u27a4 YN0028: \u2502 +"left-pad@npm:1.3.0":',
                "\u27a4 YN0028: \u2502 The lockfile would have been modified by this install",
                "\u27a4 YN0000: \u2514 Completed",
                "==> FAILED: yarn install failed (its reason is above).",
            ],
            "dependencies: The lockfile would have been modified by this install",
        ),
        (
            "dependencies",
            [
                "error: lockfile had changes, but lockfile is frozen",
                "note: left-pad was added",
                "==> FAILED: bun install failed (its reason is above).",
            ],
            "dependencies: lockfile had changes, but lockfile is frozen",
        ),
        ("pack", ["Packing"], "pack: pack failed"),
        (
            "dependencies",
            [
                "npm error code 1",
                "npm error path /source/node_modules/prisma",
                "npm error command failed",
                "npm error Error: getaddrinfo ENOTFOUND binaries.example.invalid",
                "==> FAILED: npm ci failed (npm's reason is above).",
            ],
            "dependencies: a script of a package failed: the host binaries.example.invalid cannot be found",
        ),
        (
            "open_next_build",
            [
                "Error: the site prints this error, and goes on",
                "> Build error occurred",
                "Error: Turbopack build failed with 1 error:",
                "./app/page.tsx:1:1",
                "Error: Module not found: Can't resolve 'left-pad'",
                *OPEN_NEXT_TRACE,
                "==> FAILED: open-next build failed (the reason is above).",
            ],
            "build: ./app/page.tsx:1:1: Error: Module not found: Can't resolve 'left-pad'",
        ),
        (
            "open_next_build",
            [
                "  Running TypeScript ...",
                "app/page.tsx(1,7): error TS2322: Type 'string' is not assignable to type 'number'.",
                "Failed to type check.",
                *OPEN_NEXT_TRACE,
                "==> FAILED: open-next build failed (the reason is above).",
            ],
            ("build: app/page.tsx(1,7): error TS2322: Type 'string' is not assignable to type 'number'."),
        ),
        (
            "open_next_build",
            [
                "Failed to compile.",
                "",
                "./app/layout.tsx",
                "3:5  Warning: Image elements must have an alt prop.  jsx-a11y/alt-text",
                "",
                "./app/page.tsx",
                "1:42  Error: Unexpected any. Specify a different type.  @typescript-eslint/no-explicit-any",
                "==> FAILED: open-next build failed (the reason is above).",
            ],
            (
                "build: ./app/page.tsx:1:42: Unexpected any. Specify a different type.  "
                "@typescript-eslint/no-explicit-any"
            ),
        ),
        (
            "open_next_build",
            [
                "Error: Failed to collect configuration for /api/x",
                "    at ignore-listed frames {",
                "  [cause]: Error: DATABASE_URL is missing",
                "      at module evaluation (app/api/x/route.ts:1:17)",
                "> Build error occurred",
                "Error: Failed to collect page data for /api/x",
                "==> FAILED: open-next build failed (the reason is above).",
            ],
            "build: the data of /api/x cannot be collected: Error: DATABASE_URL is missing",
        ),
        (
            "open_next_build",
            [
                "   Collecting page data ...",
                "Error: DATABASE_URL is missing",
                "    at 1479 (.next/server/app/api/x/route.js:1:681)",
                "> Build error occurred",
                "[Error: Failed to collect page data for /api/x] { type: 'Error' }",
                "==> FAILED: open-next build failed (the reason is above).",
            ],
            "build: the data of /api/x cannot be collected: Error: DATABASE_URL is missing",
        ),
        (
            "open_next_build",
            [
                "\u2a2f Failed to load next.config.mjs, see more info here",
                "> Build error occurred",
                "Error: REQUIRED_X is not set",
                "==> FAILED: x (the reason is above).",
            ],
            "build: Error: REQUIRED_X is not set",
        ),
        (
            "open_next_build",
            ['✘ [ERROR] Could not resolve "x"', "==> FAILED: x (the reason is above)."],
            'build: Could not resolve "x"',
        ),
        (
            "open_next_build",
            ["Error: ENOENT: .next/standalone", "==> FAILED: The site sets distDir."],
            "build: The site sets distDir",
        ),
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


def test_the_tail_begins_shortly_before_the_cause() -> None:
    """The stack trace of OpenNext, and lines of other processes, do not push the cause out."""
    failure = explain(
        "open_next_build",
        *(f"line {number}" for number in range(60)),
        "Type error: wrong.",
        *(f"later {number}" for number in range(100)),
        *OPEN_NEXT_TRACE,
        "==> FAILED: open-next build failed (the reason is above).",
    )
    assert failure.log_tail[:7] == (
        *(f"line {number}" for number in range(55, 60)),
        "Type error: wrong.",
        "later 0",
    )
    assert len(failure.log_tail) == 40


@pytest.mark.parametrize(
    "line",
    [
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "Error [ERR_WORKER_OUT_OF_MEMORY]: Worker terminated due to reaching memory limit",
        "\u2a2f Next.js build worker exited with code: null and signal: SIGKILL",
        "npm error signal SIGKILL",
        "Killed",
        "\u2009ELIFECYCLE\u2009 Command failed with exit code 137.",
        "memory allocation of 1073741824 bytes failed",
        "fatal: Out of memory? mmap failed: Cannot allocate memory",
        "Error: spawn ENOMEM",
    ],
)
@pytest.mark.parametrize("step", ["dependencies", "open_next_build", "pack"])
def test_a_build_without_memory_is_named_as_such_with_what_to_do(step: str, line: str) -> None:
    failure = explain(
        step, "Error: first", line, *OPEN_NEXT_TRACE, "==> FAILED: It failed (the reason is above)."
    )
    assert failure.reason == "the build ran out of memory"
    assert failure.advice
    assert "buildComputeType" in failure.advice
    assert line.strip() in {each.strip() for each in failure.log_tail}


def test_a_killed_step_ran_out_of_memory() -> None:
    """The kernel kills the shell itself, so that the log has no line about it."""
    command = 'Error while executing command: bash "$CODEBUILD_SRC_DIR/steps.sh" pack.'
    failure = explain_failure(evolve(EVENT, reason=f"{command} Reason: exit status 137"), ["packing\n"])
    assert failure
    assert (failure.step, failure.reason) == ("pack", "the build ran out of memory")


def test_a_full_disk_is_named() -> None:
    failure = explain(
        "dependencies", "npm error nospc ENOSPC: no space left on device", "==> FAILED: npm ci failed."
    )
    assert failure.reason == "the disk of the build machine is full"


def test_a_build_that_exceeds_its_time_names_the_limit_the_step_and_the_last_lines() -> None:
    event = evolve(EVENT, reason="the build exceeded its time limit", minutes=30)
    failure = explain_failure(
        event,
        [
            '[Container] Running command bash "$CODEBUILD_SRC_DIR/build_tools/steps.sh" dependencies\n',
            '[Container] Running command bash "$CODEBUILD_SRC_DIR/build_tools/steps.sh" open_next_build\n',
            "? Which linter do you want to use?\n",
        ],
    )
    assert failure
    assert (failure.step, failure.reason) == ("build", "the build exceeded its time limit of 30 minutes")
    assert failure.log_tail == ("? Which linter do you want to use?",)
    assert failure.advice
    assert "buildComputeType" in failure.advice


LINES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            *OPEN_NEXT_TRACE[:6],
            'Error occurred prerendering page "/".',
            "TypeError: fetch failed",
            "Error: Failed to collect page data for /x",
            "  [cause]: Error: x",
            "./app/page.tsx",
            "1:1  Error: x",
            "==> FAILED: x (the reason is above).",
            "==> What to do: y",
            "npm error x",
            "Killed",
            "[Container] x",
        ]
    ),
)


@given(st.sampled_from(["checkout", "dependencies", "open_next_build", "pack"]), st.lists(LINES, max_size=60))
def test_any_log_gives_a_reason_and_at_most_forty_lines(step: str, lines: list[str]) -> None:
    failure = explain(step, *lines)
    assert failure.reason
    assert len(failure.reason) <= 500
    assert len(failure.log_tail) <= 40


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
