"""What a command can fail with; each is shown as its sentence, without a traceback."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_BUSY: Final = frozenset({429, 503})


class CommandError(Exception):
    """A command could not do what it was asked for; the message says why and what to do."""


class NotSignedInError(CommandError):
    """There are no credentials, or they are good no more."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: sign in with `python -m anchor login`")


class RefusedError(CommandError):
    """The API refused a request.

    Attributes:
        status: Of HTTP.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        said: str = problem.get("detail") or problem.get("message") or "no reason was given"
        if status in _BUSY and not problem.get("detail"):
            said += (
                ": the API takes no more at the moment, try again in a few seconds"  # the gateway is brief
            )
        wrong: Sequence[Mapping[str, str]] = problem.get("errors") or []
        fields = [f"\n  {each['field'] or 'the body'}: {each['problem']}" for each in wrong]
        super().__init__(f"refused ({status}): {said}{''.join(fields)}")
