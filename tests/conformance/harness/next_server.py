"""`next start` with the build of a site, at the same host name and port as the site of the platform."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Final

from local.node import find_node
from tests.conformance.harness.exchange import Server

# The edge listens on 127.0.0.1, so `next start` can have the same port on another loopback address.
ADDRESS: Final = "127.0.0.2"
PRELOAD: Final = Path(__file__).with_name("loopback.cjs")
START_SECONDS: Final = 60.0


class NextServerError(Exception):
    """`next start` ended before it listened. The message has its output."""


@contextlib.contextmanager
def run_next_start(  # noqa: PLR0913 - what servers differ in
    source: Path, *, root: str, host: str, port: int, variables: Mapping[str, str], log: Path
) -> Generator[Server]:
    """Run `next start` on a copy of a built site until the end of the `with` block.

    The copy has hard links to the installed packages. Its `.next` is a real copy, because the server writes
    to this folder.

    Args:
        source: The checkout of the repository after the build.
        root: The folder of the site in the repository.
        host: The name by which the site's server knows itself.
        port: The port, also of the edge.
        variables: Environment variables of the site.
        log: The file for the server's output.

    Raises:
        NextServerError: The server did not start.
    """
    with tempfile.TemporaryDirectory(dir=source.parent, prefix="next-start-") as temporary:
        folder = Path(temporary) / "site"
        shutil.copytree(source, folder, symlinks=True, ignore=_list_not_copied)
        for modules in _find_modules(source):
            (folder / modules.relative_to(source)).symlink_to(modules)
        node = find_node().node
        environment = {
            "PATH": f"{node.parent}:/usr/bin:/bin",
            "HOME": temporary,
            "NODE_OPTIONS": f"--require={PRELOAD}",
            "ANCHOR_CONFORMANCE_ADDRESS": ADDRESS,
            "ANCHOR_CONFORMANCE_HOST": host,
            "NEXT_TELEMETRY_DISABLED": "1",
            "NODE_ENV": "production",
            "TZ": "UTC",
            **variables,
        }
        command = [str(node), str(_find_next(folder, root)), "start", "-p", str(port), "-H", host]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=folder / root, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                _wait(process, port, log)
                yield Server(address=(ADDRESS, port), host=f"{host}:{port}")
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _list_not_copied(folder: str, names: list[str]) -> list[str]:
    """Return the names of folders that are linked or not needed.

    `.next/node_modules` is copied: it has links to packages under the names that Turbopack gives them.
    """
    skipped = {"node_modules", ".open-next", ".git"}
    return [name for name in names if name in skipped and Path(folder).name != ".next"]


def _find_next(folder: Path, root: str) -> Path:
    """Return the command of Next.js that the site has installed."""
    program = Path("node_modules", "next", "dist", "bin", "next")
    return next(path for path in (folder / root / program, folder / program) if path.exists())


def _find_modules(source: Path) -> list[Path]:
    """Return the outermost folders `node_modules`."""
    found: list[Path] = []
    for folder, folders, _ in os.walk(source):
        if "node_modules" in folders:
            found.append(Path(folder) / "node_modules")
        folders[:] = [name for name in folders if name not in {"node_modules", ".next", ".open-next"}]
    return found


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise NextServerError(f"`next start` did not start:\n{log.read_text(errors='replace')[-3000:]}")
        try:
            # An unknown address of Next.js itself: no page of the site is rendered.
            opener.open(f"http://{ADDRESS}:{port}/_next/static/conformance", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
