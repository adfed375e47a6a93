# ruff: noqa: T201 - these are command line tools
"""A fake for node, npm, npx, pnpm, yarn and open-next in tests of the buildspec.

The tests create a link to this file for each tool. If the arguments ask for the version or for a value of
package.json, the file prints only the answer. Otherwise, the file prints the name of the link and the
arguments, and does what the buildspec needs.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

TOOL = Path(sys.argv[0]).name
ARGUMENTS = sys.argv[1:]


def create_link(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(Path(__file__))


def write_file(path: str, text: str = "") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def read_package_json(fields: list[str]) -> None:
    value = json.loads(Path("package.json").read_text(encoding="utf-8"))
    for field in fields:
        value = (value or {}).get(field)
    if value is not None:
        print(value)


def install_packages() -> None:
    if not Path("without-next").exists():
        write_file("node_modules/next/package.json", "{}")
    create_link(Path("node_modules/.bin"), "open-next")


def fetch_large_files() -> None:
    """Replace the pointer of a file by its content, as `git lfs pull` does."""
    if not Path("lfs-objects").is_file():
        print("batch response: Object does not exist on the server")
        sys.exit(2)
    for line in Path("lfs-objects").read_text(encoding="utf-8").splitlines():
        write_file(line, "the large file")


def build_site() -> None:
    if Path("broken").exists():
        print("Type error: this site is broken")
        sys.exit(1)
    if Path("probe.sh").exists():  # code of the repository, with the rights of the build
        subprocess.run(["/bin/bash", "probe.sh"], check=False)
    print("commit:", os.environ["ANCHOR_COMMIT_SHA"])
    config = Path(ARGUMENTS[ARGUMENTS.index("--config-path") + 1])
    print("config: " + " ".join(config.read_text(encoding="utf-8").split()))
    write_file(".open-next/open-next.output.json", "{}")
    write_file(".open-next/server-functions/default/.next/BUILD_ID", "id")
    write_file(".open-next/server-functions/default/node_modules/next/index.js", "next")
    Path(".open-next/server-functions/default/node_modules/linked").symlink_to("next")
    Path(".open-next/server-functions/default/node_modules/gone").symlink_to("nowhere")
    if Path("leads-out").exists():
        Path(".open-next/outside").symlink_to("/etc/hostname")
    write_file(".open-next/image-optimization-function/index.mjs")
    if Path("prerendered-at").exists():
        write_file(".open-next/cache/build/index.cache", "{}")
        seconds = int(Path("prerendered-at").read_text(encoding="utf-8"))
        os.utime(".open-next/cache/build/index.cache", (seconds, seconds))
    if Path("prerender-manifest.json").exists():
        made = Path("prerender-manifest.json").read_text(encoding="utf-8")
        write_file(".next/prerender-manifest.json", made)
        write_file(".open-next/revalidation-function/prerender-manifest.json", made)
    if not Path("without-sharp").exists():
        sharp = f"sharp-linux-{os.environ['ANCHOR_LAMBDA_ARCH']}"
        write_file(f".open-next/image-optimization-function/node_modules/@img/{sharp}/lib/{sharp}.node")


if TOOL == "node" and ARGUMENTS[0] == "-e":
    read_package_json(ARGUMENTS[2:])
elif ARGUMENTS == ["--version"]:
    print("22.1.0")
elif TOOL == "node":
    print("called:", TOOL, *ARGUMENTS)
else:
    print("called:", TOOL, *ARGUMENTS)
    if TOOL == "npm" and "--global" in ARGUMENTS:
        tools = Path(ARGUMENTS[ARGUMENTS.index("--prefix") + 1])
        name = ARGUMENTS[-1].partition("@")[0]
        create_link(tools / "bin", name if name in {"bun", "pnpm"} else "yarn")
    elif TOOL in {"bun", "npm", "pnpm", "yarn"}:
        install_packages()
    elif TOOL == "git-lfs" and ARGUMENTS == ["pull"]:
        fetch_large_files()
    elif TOOL == "git-lfs":
        pass
    else:
        build_site()
