"""`python -m anchor`: runs a command; what can go wrong is said in a sentence."""

import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from cyclopts.exceptions import CycloptsError

from anchor.application import application
from anchor.client import Client
from anchor.credentials import CredentialsFile
from anchor.errors import CommandError
from anchor.terminal import Terminal

_FAILED: Final = 1
_MISUSED: Final = 2
_INTERRUPTED: Final = 130  # the shell's exit status for a command ended by Ctrl-C
_UNREAD: Final = 141  # and for one whose output nobody reads any more


def main(arguments: Sequence[str], terminal: Terminal) -> int:
    """Run a command; returns its exit status."""
    try:
        application(terminal)(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        terminal.complain(str(error))
        return _MISUSED
    except CommandError as error:
        terminal.complain(str(error))
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # As in `logs ... | head`. What Python still wants to write at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _UNREAD
    return 0


if __name__ == "__main__":
    client = Client(file=CredentialsFile.of(os.environ), now=time.time)
    sys.exit(main(sys.argv[1:], Terminal(client=client)))
