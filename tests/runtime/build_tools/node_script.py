"""Runs functions of the build tools in Node.js."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from components.deploy.build_tools import FOLDER
from local.node import find_node

TIMEOUT_SECONDS: Final = 60


class ScriptError(Exception):
    """The script failed. The message is the message of its error."""


def run_script(module: str, expression: str, *arguments: object, folder: Path | None = None) -> Any:  # noqa: ANN401 - any JSON
    """Return the value of a JavaScript expression, which uses `tools` (a module) and `given` (the arguments).

    Args:
        module: The module, relative to the folder of the build tools.
        expression: An expression. If its value is a promise, the result is awaited.
        arguments: Values that JSON can represent.
        folder: The working directory.
    """
    script = f"""
        const tools = await import({json.dumps((FOLDER / module).as_uri())});
        const given = JSON.parse(process.argv[1]);
        try {{
            console.log("\\n" + JSON.stringify({{ value: (await ({expression})) ?? null }}));
        }} catch (error) {{
            console.log("\\n" + JSON.stringify({{ error: error.message }}));
        }}
    """
    done = subprocess.run(
        [str(find_node().node), "--input-type=module", "-e", script, json.dumps(arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    if "error" in answer:
        raise ScriptError(answer["error"])
    return answer["value"]
