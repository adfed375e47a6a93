"""Runs a Pulumi program in its own process. As in `pulumi up`, the language host starts the process."""

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi.runtime

SETTINGS: Final = "ANCHOR_PULUMI_SETTINGS"
_ROOT: Final = str(Path(__file__).parents[2])


def main(program: str) -> int:
    """Run the program and return the exit status. Errors are reported to the engine."""
    values: dict[str, Any] = json.loads(os.environ.pop(SETTINGS))
    pulumi.runtime.set_all_config(
        pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env()
    )
    pulumi.runtime.configure(pulumi.runtime.Settings(**values))
    file = Path(program)
    if file.is_dir():
        file /= "__main__.py"
    # The program must import only its own packages, as if Python had started the program directly.
    sys.path[:] = [str(file.parent), *(path for path in sys.path if path not in {"", str(Path.cwd()), _ROOT})]

    def run() -> None:
        runpy.run_path(str(file), run_name="__main__")

    # If a resource fails, futures of other resources fail with it. Hide asyncio's message for each of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception:  # noqa: BLE001 - any error of the program is reported
        pulumi.log.error(traceback.format_exc())
        return 1
    finally:
        loop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
