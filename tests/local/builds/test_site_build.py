"""These tests run the sites' buildspec unchanged. They check its inputs, refusals, messages and artifact.

Node.js, the package managers and open-next are fakes (`tools.py`). git, bash and python3 are real.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import frozen

from components.deploy.build_tools import FOLDER
from local.builds.buildspec import parse_buildspec
from runtime.deploy.builds.build_logs import find_commit
from tests.local.builds.build_harness import find_failed_phase
from tests.local.builds.site_harness import ARTIFACT, BUILDSPEC, NEXT, OWN, Files, Site


@frozen
class PrintedLog:
    """A CloudWatch Logs client that returns the output of a build."""

    lines: list[str]

    def get_log_events(self, **_: object) -> Mapping[str, Any]:
        return {"events": [{"message": line + "\n"} for line in self.lines], "nextForwardToken": "f/1"}


def test_the_buildspec_has_every_phase_and_each_failure_ends_the_build() -> None:
    """P5, D2: a failed build produces nothing that could be released."""
    buildspec = parse_buildspec(BUILDSPEC)

    assert [phase.name for phase in buildspec.phases] == ["install", "pre_build", "build", "post_build"]
    assert all(phase.aborts and phase.commands for phase in buildspec.phases)
    assert buildspec.phases[0].runtime_versions == {"nodejs": "22"}
    assert buildspec.shell == "bash"
    assert buildspec.artifacts
    assert buildspec.artifacts.files == ("open-next.zip",)


def test_no_secret_can_be_echoed_by_the_shell() -> None:
    assert "set -x" not in BUILDSPEC
    assert "xtrace" not in BUILDSPEC


def test_a_site_is_fetched_installed_built_and_packed(site: Site) -> None:
    result = site.build()

    assert result.status == "SUCCEEDED", site.harness.aws.log
    assert site.read_tool_calls() == [
        "npm ci --include=dev --prefer-offline --no-audit --no-fund --loglevel=warn",
        "open-next build --config-path open-next.config.ts",
    ]
    assert site.read_messages() == [
        site.read_messages()[0],
        f"Fetching commit {site.repository.head} of https://github.com/acme/next-site",
        "Installing dependencies: npm ci",
        "Building: open-next build, the repository's own version, without the platform's corrections",
        "Packing .open-next into open-next.zip",
        (
            "Keeping the preview keys of Next.js: the build has no such keys, "
            "or the project has no key for server actions."
        ),
        "Skipping .open-next/server-functions/default/node_modules/gone: it is a broken link.",
        site.read_messages()[-1],
    ]
    assert site.read_messages()[-1].startswith("Packed 6 files")


def test_without_a_commit_the_head_of_the_branch_is_built(site: Site) -> None:
    """P5: the log names the commit in the form that `runtime/deploy/builds/build_logs.py` reads."""
    result = site.build(ANCHOR_COMMIT_SHA="", ANCHOR_BRANCH="main")

    assert result.status == "SUCCEEDED", site.harness.aws.log
    head = site.repository.head
    assert site.read_messages()[1:3] == [
        "Fetching branch main of https://github.com/acme/next-site",
        f"Commit {head} is the head of main",
    ]
    assert find_commit(PrintedLog(site.harness.aws.read_output()), group="", stream="") == head
    assert f"commit: {head}" in site.harness.aws.read_output()


@pytest.mark.parametrize("branch", ["", "gone", "a b"])
def test_an_invalid_or_unknown_branch_is_refused_by_name(site: Site, branch: str) -> None:
    """Q1: the branch name is missing or invalid, or the repository has no branch of this name."""
    result = site.build(ANCHOR_COMMIT_SHA="", ANCHOR_BRANCH=branch)

    assert result.status == "FAILED"
    expected = "Branch gone could not be fetched" if branch == "gone" else "ANCHOR_BRANCH is not a branch"
    assert any(expected in line for line in site.read_messages())


def test_the_artifact_holds_dotfiles_and_no_links(site: Site) -> None:
    """D9: a release refuses links. Order and dates are fixed, so that equal builds make equal artifacts."""
    site.build()

    artifact = site.open_artifact()
    assert artifact.namelist() == sorted(artifact.namelist())
    assert {info.date_time[0] for info in artifact.infolist()} == {1980}
    assert set(artifact.namelist()) == {
        "open-next.output.json",
        "server-functions/default/.next/BUILD_ID",
        "server-functions/default/node_modules/next/index.js",
        "server-functions/default/node_modules/linked/index.js",
        "image-optimization-function/index.mjs",
        "image-optimization-function/node_modules/@img/sharp-linux-x64/lib/sharp-linux-x64.node",
    }
    assert {info.external_attr >> 28 for info in artifact.infolist()} == {0o10}  # plain files
    assert artifact.read("server-functions/default/node_modules/linked/index.js") == b"next"


def test_a_prerendered_page_keeps_its_time(site: Site) -> None:
    """D2: the age of the page counts from this time. The artifact has it in UTC."""
    site.build({"prerendered-at": "1796083198"})

    page = site.open_artifact().getinfo("cache/build/index.cache")
    assert page.date_time == (2026, 11, 30, 23, 59, 58)


def make_preview_keys(digit: str) -> dict[str, str]:
    """Return preview keys with the names and lengths of those that Next.js generates."""
    return {
        "previewModeId": f"{digit}1" * 16,
        "previewModeSigningKey": f"{digit}2" * 32,
        "previewModeEncryptionKey": f"{digit}3" * 32,
    }


def test_all_builds_of_a_project_have_the_same_preview_keys(site: Site) -> None:
    """D7: otherwise, the revalidation function could not render pages of other releases of the project."""

    def build_and_read_keys(digit: str, encryption_key: str) -> dict[str, str]:
        manifest = json.dumps({"version": 4, "preview": make_preview_keys(digit)})
        site.build({"prerender-manifest.json": manifest}, NEXT_SERVER_ACTIONS_ENCRYPTION_KEY=encryption_key)
        found: dict[str, str] = json.loads(
            site.open_artifact().read("revalidation-function/prerender-manifest.json")
        )["preview"]
        return found

    first, second, others = (
        build_and_read_keys("a", "project"),
        build_and_read_keys("b", "project"),
        build_and_read_keys("a", "another"),
    )

    assert first == second
    assert not set(first.values()) & (set(make_preview_keys("a").values()) | set(others.values()))
    assert [len(value) for value in first.values()] == [32, 64, 64]
    assert len({value[:32] for value in first.values()}) == 3


def test_preview_keys_of_an_unknown_format_fail_the_build(site: Site) -> None:
    """D7: the build cannot replace these keys, and the platform could not revalidate pages with them."""
    manifest = json.dumps({"preview": {"previewModeId": "short"}})
    result = site.build({"prerender-manifest.json": manifest}, NEXT_SERVER_ACTIONS_ENCRYPTION_KEY="project")

    assert result.status == "FAILED"
    assert site.read_messages()[-1] == (
        "FAILED: previewModeId in .next/prerender-manifest.json has an unknown format."
    )


def test_a_repository_without_open_next_is_built_with_the_platforms_open_next(site: Site) -> None:
    """D7: the build tools have a lock file with hashes, so that every build runs the same packages."""
    result = site.build({"package.json": json.dumps(NEXT), "open-next.config.ts": None})

    assert result.status == "SUCCEEDED", site.harness.aws.log
    assert site.read_tool_calls()[1:] == [
        "npm ci --ignore-scripts --legacy-peer-deps --prefer-offline --no-audit --no-fund --loglevel=error",
        "node apply_patches.mjs",
        "open-next build --config-path ../open-next.config.mjs",
        site.read_tool_calls()[-1],
    ]
    assert site.read_tool_calls()[-1].endswith("/build_tools/complete_functions.mjs")
    assert f"Building: open-next build, version {read_open_next_version()}" in site.read_messages()
    config = next(line for line in site.harness.aws.read_output() if line.startswith("config: "))
    assert config.endswith("export default completeConfigOrExit();")


def test_the_config_of_a_repository_is_completed_with_the_platforms_overrides(site: Site) -> None:
    """D7: the version of OpenNext in package.json is not used unless the repository selects it."""
    listed = json.dumps({**NEXT, "devDependencies": {"@opennextjs/aws": "4.1.12"}})
    site.build({"package.json": listed})

    config = next(line for line in site.harness.aws.read_output() if line.startswith("config: "))
    assert "/source/open-next.config.ts" in config
    assert config.endswith("export default completeConfigOrExit(site.default);")
    assert any("@opennextjs/aws in package.json is not used" in line for line in site.read_messages())


def test_a_repository_that_selects_its_own_open_next_needs_no_config(site: Site) -> None:
    """D7: the configuration of the platform enables streaming and installs sharp."""
    site.build({"open-next.config.ts": None})

    assert site.read_tool_calls()[-1] == "open-next build --config-path ../open-next.config.mjs"
    config = next(line for line in site.harness.aws.read_output() if line.startswith("config: "))
    assert "build_tools/config/plain_config.mjs" in config


def read_open_next_version() -> str:
    packages = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    version: str = packages["dependencies"]["@opennextjs/aws"]
    return version


@pytest.mark.parametrize(
    ("files", "calls"),
    [
        (
            {"pnpm-lock.yaml": "lockfileVersion: '9.0'"},
            ["npm install --global", "pnpm@10.34.9", "pnpm install --frozen-lockfile", "node-linker=hoisted"],
        ),
        (
            {
                "pnpm-lock.yaml": "lockfileVersion: '9.0'",
                "package.json": OWN[:-1] + ', "packageManager": "pnpm@9.15.0+sha512.abc"}',
            },
            ["pnpm@9.15.0\n"],
        ),
        (
            {"yarn.lock": "# yarn lockfile v1\n"},
            ["yarn@1.22.22", "yarn install --frozen-lockfile --production=false"],
        ),
        (
            {"yarn.lock": "__metadata:\n  version: 8\n"},
            ["@yarnpkg/cli-dist@4.18.1", "yarn install --immutable"],
        ),
        ({"bun.lock": ""}, ["bun@1.4.5", "bun install --frozen-lockfile --linker=hoisted"]),
    ],
    ids=["pnpm", "pnpm of packageManager", "yarn 1", "yarn", "bun"],
)
def test_the_lock_file_selects_the_package_manager(site: Site, files: Files, calls: list[str]) -> None:
    result = site.build({"package-lock.json": None, **files})

    assert result.status == "SUCCEEDED", site.harness.aws.log
    called = "\n".join(site.read_tool_calls()) + "\n"
    assert all(call in called for call in calls), called


@pytest.mark.parametrize(
    ("files", "cause", "advice"),
    [
        ({"package-lock.json": None}, "no lock file", "commit package-lock.json"),
        ({"package.json": None}, "is no Next.js site", "with next in the dependencies"),
        ({"package.json": "{"}, "not valid JSON", "Correct it"),
        ({"broken": ""}, "open-next build failed", "npx next build"),
        (
            {"package.json": OWN.replace('"own"', '"mine"')},
            'anchor.openNext in package.json is "mine"',
            '"own"',
        ),
        ({"leads-out": ""}, "is a link to a target outside of the repository", ""),
    ],
)
def test_a_refused_build_logs_the_cause_and_the_advice(
    site: Site, files: Files, cause: str, advice: str
) -> None:
    """Q1, P7: the cause and the advice are in the last lines of the log, which the deployment stores."""
    result = site.build(files)

    assert result.status == "FAILED"
    messages = site.read_messages()
    assert any(line.startswith("FAILED: ") and cause in line for line in messages), messages
    assert any(advice in line for line in messages)
    assert "steps.sh" in find_failed_phase(result).contexts[0].message
    assert len(find_failed_phase(result).contexts[0].message) < 150
    assert ARTIFACT not in site.harness.aws.objects


def test_a_commit_that_cannot_be_fetched_fails_before_anything_is_installed(site: Site) -> None:
    """P2: a build uses exactly the pushed commit, or fails."""
    result = site.build(ANCHOR_COMMIT_SHA="0" * 39 + "1")

    assert find_failed_phase(result).type == "PRE_BUILD"
    assert site.read_tool_calls() == []
    assert "could not be fetched from https://github.com/acme/next-site" in site.read_messages()[-2]


@pytest.mark.parametrize(
    "variables",
    [
        {"ANCHOR_REPOSITORY_URL": "file:///etc"},
        {"ANCHOR_REPOSITORY_URL": "--upload-pack=touch /tmp/x"},
        {"ANCHOR_COMMIT_SHA": "main"},
        {"ANCHOR_COMMIT_SHA": "--help"},
    ],
)
def test_only_a_full_commit_id_of_an_https_repository_is_fetched(
    site: Site, variables: dict[str, str]
) -> None:
    assert find_failed_phase(site.build(**variables)).type == "PRE_BUILD"
    assert "FAILED: ANCHOR_" in "\n".join(site.read_messages())


def test_credentials_of_a_repositorys_address_stay_out_of_the_log(site: Site) -> None:
    site.build(ANCHOR_REPOSITORY_URL="https://user:pa55word@127.0.0.1:1/acme/next-site")

    assert "https://***@127.0.0.1:1/acme/next-site" in "\n".join(site.read_messages())
    assert "pa55word" not in "\n".join(site.harness.aws.log)


def test_a_build_without_sharp_warns_or_fails(site: Site) -> None:
    """D7: open-next continues if sharp cannot be installed.

    Then a build with the repository's own OpenNext succeeds with a warning. A build with the platform's
    OpenNext fails.
    """
    own = site.build({"without-sharp": ""})
    warned = [line for line in site.read_messages() if line.startswith("WARNING")]
    default = site.build({"package.json": json.dumps(NEXT)})

    assert own.status == "SUCCEEDED"
    assert len(warned) == 1
    assert find_failed_phase(default).type == "BUILD"
    assert "sharp for linux-x64 could not be installed" in site.read_messages()[-2]
