"""Runs scripts in Node.js with the overrides that answer requests, and stand-ins for OpenNext and Next.js."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from local.node import find_node

OVERRIDES: Final = Path(__file__).parents[3] / "components" / "sites" / "build_tools" / "overrides"
HERE: Final = Path(__file__).parent
_OUTPUT: Final = "\n})();\nconsole.log(JSON.stringify(result ?? null));\n"


@cache
def _find_node() -> Path:
    return find_node().node


def create_override_folder(folder: Path, override: str) -> Path:
    """Copy an override and the stand-ins of its packages to a folder, as the build tools contain them."""
    (folder / "overrides").mkdir(parents=True)
    shutil.copy(OVERRIDES / override, folder / "overrides")
    shutil.copytree(HERE / "stand_ins" / "open_next", folder / "node_modules/@opennextjs/aws/dist")
    shutil.copytree(HERE / "stand_ins" / "next", folder / "node_modules/next")
    return folder


def run_script(folder: Path, imports: str, script: str, variables: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value that the body of an async function returns.

    Args:
        folder: A folder of `create_override_folder`.
        imports: Statements before the function, in JavaScript.
        script: The body of the function.
        variables: Environment variables.
    """
    path = folder / "script.mjs"
    path.write_text(f"{imports}\nconst result = await (async () => {{\n{script}{_OUTPUT}", encoding="utf-8")
    ended = subprocess.run(
        [_find_node(), path],
        env=dict(variables or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
