"""Headless Chromium for `test_browser.py`. A locked npm package is installed below `.anchor`.

The package contains the browser for Linux on x86-64, its libraries and a font. On other machines, set
ANCHOR_CHROMIUM to the path of an installed browser.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from attrs import frozen

from local.node import find_node

FOLDER: Final = Path(__file__).with_name("browser")
PACKAGE: Final = "node_modules/@sparticuz/chromium/bin"
TIMEOUT: Final = 300  # seconds, for each command that downloads or unpacks

_UNPACK: Final = """
const { createReadStream, createWriteStream } = require("node:fs");
const { createBrotliDecompress } = require("node:zlib");
const { pipeline } = require("node:stream/promises");
const [, from, to] = process.argv;
pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to));
"""
_FONTS: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fonts</cachedir>
</fontconfig>
"""


@frozen(kw_only=True)
class Chromium:
    """An installed browser.

    Attributes:
        program: The executable.
        environment: All environment variables of the browser's process.
    """

    program: Path
    environment: dict[str, str]


def install_chromium(parent: Path) -> Chromium:
    """Return the browser that ANCHOR_CHROMIUM names, or else the browser that is installed below `parent`.

    If the installation is missing or does not match the lock file, install the browser first.

    Args:
        parent: A folder that is kept between sessions.

    Raises:
        subprocess.CalledProcessError: npm could not download the package; npm prints the reason.
    """
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
    if chosen := os.environ.get("ANCHOR_CHROMIUM"):
        return Chromium(program=Path(chosen), environment=inherited)
    folder = parent / "chromium"
    lock = (FOLDER / "package-lock.json").read_bytes()
    installed = folder / "installed-lock.json"  # written last, so its content proves a complete installation
    if not installed.exists() or installed.read_bytes() != lock:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(FOLDER, folder)
        _install_chromium(folder, Path(os.environ.get("npm_config_cache", parent / "npm-cache")))  # noqa: SIM112 - npm's own name
        installed.write_bytes(lock)
    own = {
        "LD_LIBRARY_PATH": str(folder / "lib"),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    return Chromium(program=folder / "chromium", environment=inherited | own)


def _install_chromium(folder: Path, cache: Path) -> None:
    node = find_node()
    path = f"{node.node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PATH": path, "npm_config_cache": str(cache)}
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    subprocess.run([*node.npm, "ci", *options], cwd=folder, env=environment, timeout=TIMEOUT, check=True)
    for name in ("chromium", "al2023.tar", "fonts.tar"):
        source, target = folder / PACKAGE / f"{name}.br", folder / name
        subprocess.run([node.node, "-e", _UNPACK, source, target], timeout=TIMEOUT, check=True)
        if target.suffix == ".tar":
            with tarfile.open(target) as archive:
                # `tarfile.data_filter` exists since Python 3.11.4.
                archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _folder: member)
                archive.extractall(folder)  # noqa: S202 - the lock file has the package's hash
            target.unlink()
    (folder / "fonts.conf").write_text(_FONTS)
    (folder / "chromium").chmod(0o755)
    shutil.rmtree(folder / "node_modules")
