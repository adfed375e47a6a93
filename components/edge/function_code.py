"""The code of CloudFront Functions, as CloudFront gets it."""

import re
from pathlib import Path
from typing import Final

from components.core.errors import DeclarationError

_MAX_FUNCTION_SIZE: Final = 10_240
_COMMENTS: Final = re.compile(r"^[ \t]*(?://[^\n]*|/\*.*?\*/[ \t]*)\n", re.DOTALL | re.MULTILINE)


def read_function_code(file: Path) -> str:
    """Return the code of a function without its comments, because CloudFront limits the size of a function.

    A comment must begin at the beginning of its line.

    Raises:
        DeclarationError: The function is larger than CloudFront allows.
    """
    code = _COMMENTS.sub("", file.read_text(encoding="utf-8"))
    size = len(code.encode())
    if size > _MAX_FUNCTION_SIZE:
        raise DeclarationError(
            f"{file} has {size} bytes without its comments; CloudFront allows {_MAX_FUNCTION_SIZE}"
        )
    return code
