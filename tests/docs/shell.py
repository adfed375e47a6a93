"""Parser of shell scripts in the documents, which returns their commands."""

import re
import shlex
from collections.abc import Iterator

_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_SEPARATORS = {"&&", "||", "|", ";", "&"}
_OPENING = "$("
_ARITHMETIC = re.compile(r"\$\(\(((?:[^()]|\([^()]*\))*)\)\)")


def parse_commands(script: str) -> Iterator[list[str]]:
    """Yield every command with its arguments, including the commands in `$(...)`.

    Assignments before a command are dropped. Each substitution is replaced by `SUBSTITUTED`.
    """
    # Keep the content of arithmetic expansions, because it can contain command substitutions.
    script = _ARITHMETIC.sub(r"\1", script.replace("\\\n", " "))
    outer, inner = _replace_substitutions(script)
    for text in inner:
        yield from parse_commands(text)
    for statement in _split_statements(outer):
        words = shlex.split(statement, comments=True)
        command: list[str] = []
        for word in [*words, ";"]:
            if word not in _SEPARATORS:
                command.append(word)
                continue
            while command and (_ASSIGNMENT.match(command[0]) or command[0] == "export"):
                command.pop(0)
            if command:
                yield command
            command = []


def _split_statements(script: str) -> Iterator[str]:
    """Yield the lines. Lines within an open quotation are joined."""
    pending = ""
    for line in script.splitlines():
        pending = f"{pending}\n{line}" if pending else line
        try:
            shlex.split(pending, comments=True)
        except ValueError:
            continue
        yield pending
        pending = ""
    if pending:
        raise ValueError(f"unclosed quotation: {pending}")


def _replace_substitutions(script: str) -> tuple[str, list[str]]:
    """Replace the outermost substitutions. Return the new script, and the scripts in the substitutions."""
    inner: list[str] = []
    while (start := script.find(_OPENING)) >= 0:
        depth, end = 1, start + len(_OPENING)
        while depth:
            depth += {"(": 1, ")": -1}.get(script[end], 0)
            end += 1
        inner.append(script[start + len(_OPENING) : end - 1])
        script = f"{script[:start]}SUBSTITUTED{script[end:]}"
    return script, inner
