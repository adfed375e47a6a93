"""Decides which paths match JavaScript expressions of a build. Runs as a program in a process of its own.

The expressions come from untrusted code, and some expressions need years for a short path. So
`find_matching_paths` of `served_files.py` runs this file in another process and ends it after some seconds.
This file imports only the standard library, because it runs without the platform's packages.
"""

import json
import re
import sys
import warnings
from collections.abc import Sequence

_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")


def find_matches(expressions: Sequence[str], paths: Sequence[Sequence[str]]) -> list[int]:
    """Return the positions of the paths that match an expression in one of their forms.

    An expression matches with or without regard to case, because not all programs ignore case. An expression
    that Python cannot compile matches every path.

    Args:
        expressions: Sources of JavaScript expressions.
        paths: The forms of each path, such as encoded and decoded.
    """
    compiled: list[re.Pattern[str]] = []
    for source in expressions:
        translated = _NAMED_GROUP.sub("(?P<", source)
        try:
            compiled += (re.compile(translated, re.ASCII | flag) for flag in (re.NOFLAG, re.IGNORECASE))
        except (re.error, RecursionError, OverflowError):
            return list(range(len(paths)))
    return [
        position
        for position, forms in enumerate(paths)
        if any(expression.search(form) for expression in compiled for form in forms)
    ]


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # Python warns of expressions that a later version could read differently
    request = json.load(sys.stdin)
    json.dump(find_matches(request["expressions"], request["paths"]), sys.stdout)
