"""The lines of a build log that concern the site: without the lines of CodeBuild and the platform's script.

CodeBuild writes the text of each command into the log, including the script of the buildspec (`steps.sh`).
These lines do not help the owner of a site, and they hide the lines of the site.
"""

import re
from collections.abc import Iterable
from typing import Final

_CODEBUILD_PREFIX: Final = "[Container] "
# The command that writes the script. Its other lines follow without a prefix.
_SCRIPT_COMMAND: Final = re.compile(r"Running command cat > .*steps\.sh")


def select_site_lines(texts: Iterable[str], *, in_script: bool = False) -> tuple[list[str], bool]:
    """Return the lines that concern the site, and whether the last line is part of the platform's script.

    Args:
        texts: Messages of the log, oldest first. A message can have several lines.
        in_script: Whether the line before the first one is part of the script.
    """
    kept: list[str] = []
    for text in texts:
        selected, in_script = select_site_text(text, in_script=in_script)
        if selected is not None:
            kept += selected.split("\n")
    return kept, in_script


def select_site_text(text: str, *, in_script: bool) -> tuple[str | None, bool]:
    """Return a message without the lines of the platform, or None if it has only such lines.

    Args:
        text: One message of the log, with one or more lines.
        in_script: Whether the previous line is part of the script.

    Returns:
        The remaining text, and whether the last line is part of the script.
    """
    kept: list[str] = []
    for line in text.rstrip("\r\n").split("\n"):
        if line.startswith(_CODEBUILD_PREFIX):
            in_script = bool(_SCRIPT_COMMAND.search(line))
        elif not in_script:
            kept.append(line)
    return ("\n".join(kept) if kept else None), in_script
