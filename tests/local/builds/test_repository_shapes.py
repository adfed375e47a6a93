"""Workspaces, Git LFS, submodules and memory: the buildspec with fake tools, as in test_site_build.py."""

import json
import subprocess
from pathlib import Path

import pytest

from components.deploy.build_tools import FOLDER
from local.node import find_node
from tests.local.builds.site_harness import NEXT, SITE, Files, Site

WEB = "apps/web"
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n"
)


def make_workspace(**files: str | None) -> Files:
    """Return a repository with a workspace: a site in apps/web, and one lock file in the root."""
    return {
        **dict.fromkeys(SITE),
        "package.json": '{"name": "mono", "packageManager": "pnpm@10.12.1"}',
        "pnpm-lock.yaml": "lockfileVersion: '9.0'",
        "packages/ui/package.json": '{"name": "@acme/ui"}',
        f"{WEB}/package.json": json.dumps(NEXT),
        f"{WEB}/app/page.tsx": "",
        **files,
    }


def read_failure(site: Site) -> tuple[str, str]:
    """Return the cause and the advice in the log."""
    *_, cause, advice = site.read_messages()
    return cause.removeprefix("FAILED: "), advice.removeprefix("What to do: ")


def test_a_site_in_the_root_directory_is_installed_from_the_lock_file_of_the_workspace(site: Site) -> None:
    """H4: OpenNext runs in the folder of the site, and the artifact has its output."""
    result = site.build(make_workspace(), ANCHOR_ROOT_DIRECTORY=WEB)

    assert result.status == "SUCCEEDED", site.harness.aws.log
    calls = site.read_tool_calls()
    assert "pnpm@10.12.1" in calls[0]
    assert calls[1].startswith("pnpm install --frozen-lockfile")
    assert "open-next build --config-path ../../../open-next.config.mjs" in calls
    assert "open-next.output.json" in site.open_artifact().namelist()


def test_a_lock_file_in_the_root_directory_comes_first(site: Site) -> None:
    """H4: as in OpenNext, the nearest lock file selects the package manager."""
    result = site.build(make_workspace(**{f"{WEB}/package-lock.json": "{}"}), ANCHOR_ROOT_DIRECTORY=WEB)

    assert result.status == "SUCCEEDED", site.harness.aws.log
    assert site.read_tool_calls()[0].startswith("npm ci")


def test_a_root_without_a_site_names_the_setting_and_the_folders_with_sites(site: Site) -> None:
    """H4 and Q1."""
    docs = {"docs/package.json": json.dumps(NEXT), "docs/src/pages/index.js": ""}
    site.build(make_workspace(**docs))

    assert site.read_tool_calls() == []
    assert read_failure(site) == (
        "The root of the repository is no Next.js site.",
        (
            "Set the root directory of the project to the folder of the site (anchor projects update "
            "--root-directory): apps/web, docs."
        ),
    )


@pytest.mark.parametrize(
    ("directory", "cause"),
    [
        ("apps/wbe", "The root directory apps/wbe is not a folder of this commit."),
        ("packages/ui", "packages/ui is no Next.js site."),
    ],
)
def test_a_wrong_root_directory_names_the_folders_with_sites(site: Site, directory: str, cause: str) -> None:
    """H4 and Q1."""
    site.build(make_workspace(), ANCHOR_ROOT_DIRECTORY=directory)

    assert read_failure(site)[0] == cause
    assert read_failure(site)[1].endswith(": apps/web.")


def test_a_folder_outside_of_the_workspace_needs_a_lock_file_of_its_own(site: Site) -> None:
    """H4: without this check, OpenNext would report that it cannot find next."""
    site.build(make_workspace(**{"without-next": ""}), ANCHOR_ROOT_DIRECTORY=WEB)

    assert read_failure(site) == (
        "The lock file pnpm-lock.yaml does not install next for apps/web.",
        "Add the folder to the workspaces of the lock file, or commit a lock file in the folder.",
    )


PROBE = "echo linker: $YARN_NODE_LINKER; echo options: $NODE_OPTIONS"


def test_yarn_reads_the_same_settings_in_the_build_as_in_the_installation(site: Site) -> None:
    """H4: without .yarnrc.yml, `yarn build` would otherwise look for Plug'n'Play files."""
    site.build({"package-lock.json": None, "yarn.lock": "__metadata:\n", "probe.sh": PROBE})

    assert "linker: node-modules" in site.harness.aws.read_output()


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({"ANCHOR_BUILD_MEMORY": "4096"}, "--max-old-space-size=3072"),
        (
            {"ANCHOR_BUILD_MEMORY": "8192", "NODE_OPTIONS": "--trace-warnings"},
            "--trace-warnings --max-old-space-size=7168",
        ),
        (
            {"ANCHOR_BUILD_MEMORY": "4096", "NODE_OPTIONS": "--max_old_space_size=99"},
            "--max_old_space_size=99",
        ),
        ({}, ""),
    ],
)
def test_node_may_use_the_memory_of_the_build_machine(
    site: Site, variables: dict[str, str], options: str
) -> None:
    """Requirement P5."""
    site.build({"probe.sh": PROBE}, **variables)

    assert f"options: {options}".strip() in [line.strip() for line in site.harness.aws.read_output()]


def make_large_files(**files: str) -> Files:
    return {
        ".gitattributes": "*.png filter=lfs diff=lfs merge=lfs -text\n",
        "public/hero.png": POINTER,
        **files,
    }


def add_git_lfs(site: Site, script: str | None = None) -> None:
    """Add a fake git-lfs, or a script in its place, to the tools of the build."""
    folder = site.harness.runner.machine.node
    tool = folder / "git-lfs"
    if script is None:
        tool.symlink_to((folder / "npm").readlink())
    else:
        tool.write_text(script)
        tool.chmod(0o755)


def test_the_files_of_git_lfs_are_fetched(site: Site) -> None:
    """Requirement H4."""
    add_git_lfs(site)
    probe = "cat public/hero.png"
    result = site.build(make_large_files(**{"lfs-objects": "public/hero.png\n", "probe.sh": probe}))

    assert result.status == "SUCCEEDED", site.harness.aws.log
    assert "the large file" in "\n".join(site.harness.aws.read_output())


@pytest.mark.parametrize(
    ("objects", "cause"),
    [
        (
            None,
            (
                "Files of Git LFS could not be fetched (git's reason is above): "
                "a.png, b.png, c.png, d.png, e.png and 2 more."
            ),
        ),
        (
            "\n".join(f"{name}.png" for name in "abcdef"),
            "Files of Git LFS were not fetched: public/hero.png.",
        ),
    ],
)
def test_a_missing_file_of_git_lfs_fails_the_build_by_name(
    site: Site, objects: str | None, cause: str
) -> None:
    """H4: without this check, the site would serve the pointer as an image."""
    add_git_lfs(site)
    many = {f"{name}.png": POINTER for name in "abcdef"}
    site.build(make_large_files(**many, **({"lfs-objects": objects} if objects else {})))

    assert read_failure(site)[0] == cause


def test_a_build_machine_without_git_lfs_is_named(site: Site) -> None:
    """H4 and Q1."""
    add_git_lfs(site, "#!/bin/sh\nexit 1\n")
    site.build(make_large_files())

    assert "git-lfs is not installed on the build machine: public/hero.png." in read_failure(site)[0]


def test_a_file_that_only_describes_git_lfs_is_no_pointer(site: Site) -> None:
    """Requirement H4."""
    add_git_lfs(site, "#!/bin/sh\nexit 1\n")
    result = site.build({"docs.md": POINTER, ".gitattributes": "*.png filter=lfs\n", "a.png": "\x89PNG"})

    assert result.status == "SUCCEEDED", site.harness.aws.log


def add_submodule(site: Site, path: str, url: str, commit: str) -> None:
    """Commit a submodule, as `git submodule add` does."""
    repository = site.repository
    text = f'[submodule "lib"]\n\tpath = {path}\n\turl = {url}\n'
    commands = [
        "commit refs/heads/main",
        "committer Ada <ada@example.com> 0 +0000",
        "data 3\nadd",
        "from refs/heads/main^0",
        f"M 100644 inline .gitmodules\ndata {len(text)}\n{text}",
        f"M 160000 {commit} {path}",
    ]
    repository.git.run(
        "fast-import",
        "--quiet",
        repository=repository.folder,
        input_bytes="\n".join([*commands, ""]).encode(),
    )


@pytest.mark.parametrize("url", ["../shared-lib.git", "https://github.com/acme/shared-lib"])
def test_a_submodule_is_fetched(site: Site, tmp_path: Path, url: str) -> None:
    """H4: a relative address starts at the address of the repository."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "index.js").write_text('export const label = "of the library";')
    add_submodule(site, "vendor/lib", url, site.server.create("shared-lib", library).head)
    result = site.build({"probe.sh": "cat vendor/lib/index.js"})

    assert result.status == "SUCCEEDED", site.harness.aws.log
    assert 'export const label = "of the library";' in "\n".join(site.harness.aws.read_output())


def test_a_submodule_that_cannot_be_fetched_fails_the_build(site: Site) -> None:
    """H4 and Q1."""
    add_submodule(site, "vendor/lib", "../missing.git", "0" * 39 + "1")
    site.build()

    assert read_failure(site) == (
        "A submodule could not be fetched.",
        "Check that .gitmodules names public https repositories.",
    )


@pytest.mark.parametrize(
    ("file", "cause"),
    [
        ("export-detail.json", 'next.config sets output: "export"'),
        ("static/x.js", "The build command has not written the folder .next."),
    ],
)
def test_an_output_that_open_next_cannot_read_is_named(tmp_path: Path, file: str, cause: str) -> None:
    """Q1: next build writes another output with `output: "export"` or `distDir`."""
    path = tmp_path / ".next" / file
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    program = f"import {{ checkNextOutput }} from {json.dumps(str(FOLDER / 'next_output.mjs'))};"
    check = f"checkNextOutput({{ appBuildOutputPath: {json.dumps(str(tmp_path))} }});"
    done = subprocess.run(
        [str(find_node().node), "--input-type=module", "-e", f"{program}{check}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith(f"==> FAILED: {cause}")
    assert "\n==> What to do: Remove " in done.stdout


def test_a_broken_link_in_public_is_a_missing_file(tmp_path: Path) -> None:
    """H4: as under `next start`. The test runs the code with which the patch replaces OpenNext's."""
    public, output = tmp_path / "public", tmp_path / "output"
    (public / "folder").mkdir(parents=True)
    (public / "folder" / "kept.txt").write_text("kept")
    (public / "folder" / "link.txt").symlink_to("kept.txt")
    (public / "gone.txt").symlink_to("nowhere")
    program = (
        f"import patch from {json.dumps(str(FOLDER / 'patches' / 'broken_public_links.mjs'))};"
        'import fs from "node:fs";'
        'const copy = new Function("fs", "appPublicPath", "outputPath", patch.edits[0].after);'
        f"copy(fs, {json.dumps(str(public))}, {json.dumps(str(output))});"
    )
    done = subprocess.run(
        [str(find_node().node), "--input-type=module", "-e", program],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"==> Skipping {public / 'gone.txt'}: it is a broken link.\n"
    copied = {str(path.relative_to(output)): path.is_symlink() for path in output.rglob("*.txt")}
    assert copied == {"folder/kept.txt": False, "folder/link.txt": False}
