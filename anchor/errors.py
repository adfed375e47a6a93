"""Errors of commands, printed as their message without a traceback."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

_BUSY: Final = frozenset({429, 503})


def format_command(*words: str) -> str:
    """Return an `anchor` command that the user can copy into a shell."""
    return shlex.join(("anchor", *words))


class CommandError(Exception):
    """A command failed; the message gives the cause and what to do."""


class UnreachableError(CommandError):
    """A server cannot be reached. The message names the URL, the cause and the next step."""

    def __init__(self, url: str, cause: Exception) -> None:
        super().__init__(
            f"{url} cannot be reached: {cause}. Check the URL and the network, then repeat the command"
        )


class UsageError(CommandError):
    """A command was called with wrong or missing arguments."""


class NotSignedInError(CommandError):
    """The credentials are missing, unreadable or expired, or the API refused them.

    Args:
        reason: Why the user is not signed in.
        command: The command that signs in.
    """

    def __init__(
        self, reason: str, command: str = "anchor login --api URL --client-id ID --user EMAIL"
    ) -> None:
        super().__init__(f"{reason}: sign in with `{command}`")


class RequestRefusedError(CommandError):
    """The API refused a request.

    Attributes:
        status: The HTTP status code.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        detail: str = problem.get("detail") or problem.get("message") or "the API gave no reason"
        if status in _BUSY and not problem.get("detail"):
            # This response is from API Gateway itself. Its short message contains no advice, so add one.
            detail += ": the API is busy, try again in a few seconds"
        errors: Sequence[Mapping[str, str]] = problem.get("errors") or []
        fields = [f"\n  {each['field'] or 'the body'}: {each['problem']}" for each in errors]
        super().__init__(f"refused ({status}): {detail}{''.join(fields)}")
