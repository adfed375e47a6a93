"""Entry point of `anchor` and `python -m anchor`: runs one command and reports errors as one sentence."""

import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from cyclopts.exceptions import CycloptsError

from anchor.app import build_app
from anchor.client import Client
from anchor.credentials import CredentialsFile
from anchor.errors import CommandError, UsageError, format_command
from anchor.terminal import Terminal

_FAILED: Final = 1
_USAGE_ERROR: Final = 2
_INTERRUPTED: Final = 130  # a shell's exit status after SIGINT (Ctrl-C)
_BROKEN_PIPE: Final = 141  # a shell's exit status after SIGPIPE


def main(arguments: Sequence[str], terminal: Terminal) -> int:
    """Run a command and return its exit status."""
    try:
        build_app(terminal)(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        command = format_command(*(error.command_chain or ()), "--help")
        terminal.print_message(f"{error} `{command}` shows the usage.")
        return _USAGE_ERROR
    except UsageError as error:
        terminal.print_message(str(error))
        return _USAGE_ERROR
    except CommandError as error:
        terminal.print_message(str(error))
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of the output ended, for example in `logs ... | head`. Python flushes stdout at exit.
        # Stdout is redirected to the null device, so that this flush does not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return 0


def run() -> int:
    """Run the command of the command line, and return its exit status."""
    client = Client(file=CredentialsFile.from_environment(os.environ), now=time.time)
    return main(sys.argv[1:], Terminal(client=client))


if __name__ == "__main__":
    sys.exit(run())
