"""Finds Pulumi's command line or builds it: the first step of `make engine`.

`python -m local.pulumi_engine` prints where the command line is. If there is neither Pulumi nor Go, it prints
what to install, and the exit status is 1.
"""

import sys
from pathlib import Path
from typing import Final

from local.pulumi_engine.cli import PulumiMissingError, find_or_build

CACHE: Final = Path(__file__).parents[2] / ".anchor"


def main() -> int:
    """Find or build the command line, and return the exit status."""
    try:
        found = find_or_build(CACHE, report=lambda line: print(line, flush=True))
    except PulumiMissingError as error:
        print(f"make: {error}", file=sys.stderr)
        return 1
    print(f"Pulumi: {found.origin}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
