"""Takes the shell of the documents apart, so that each command in it can be looked up."""

import re
import shlex
from collections.abc import Iterator

_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_SEPARATORS = {"&&", "||", "|", ";", "&"}
_OPENING = "$("
_ARITHMETIC = re.compile(r"\$\(\(((?:[^()]|\([^()]*\))*)\)\)")


def commands(script: str) -> Iterator[list[str]]:
    """Every command with its arguments, those in `$(...)` included.

    Assignments in front of a command are left out. What a substitution would give stands as `SUBSTITUTED`.
    """
    # What is calculated may hold commands, too.
    script = _ARITHMETIC.sub(r"\1", script.replace("\\\n", " "))
    outer, inner = _substituted(script)
    for text in inner:
        yield from commands(text)
    for statement in _statements(outer):
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


def _statements(script: str) -> Iterator[str]:
    """Lines, but for those within a quotation that is not closed yet."""
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
        raise ValueError(f"a quotation is not closed: {pending}")


def _substituted(script: str) -> tuple[str, list[str]]:
    """The script without its outermost substitutions, and what stands in them."""
    inner: list[str] = []
    while (start := script.find(_OPENING)) >= 0:
        depth, end = 1, start + len(_OPENING)
        while depth:
            depth += {"(": 1, ")": -1}.get(script[end], 0)
            end += 1
        inner.append(script[start + len(_OPENING) : end - 1])
        script = f"{script[:start]}SUBSTITUTED{script[end:]}"
    return script, inner
