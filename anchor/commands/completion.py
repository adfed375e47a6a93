"""The command that makes shells complete commands and options."""

from typing import Annotated, Literal

from attrs import frozen
from cyclopts import App, Parameter
from cyclopts.completion.detect import ShellDetectionError, detect_shell

from anchor.errors import CommandError, UsageError
from anchor.terminal import Terminal

Shell = Literal["bash", "zsh", "fish"]


@frozen(kw_only=True)
class Completion:
    """The command for shell completion.

    Attributes:
        terminal: The output of the command.
        app: The application whose commands and options are completed.
    """

    terminal: Terminal
    app: App

    def completion(
        self,
        shell: Annotated[Shell | None, Parameter(help="The shell. Default: your login shell.")] = None,
        /,
        *,
        install: Annotated[
            bool,
            Parameter(
                negative="",
                help="Write the script to the shell's folder for completions, and load it in the shell's"
                " startup file.",
            ),
        ] = False,
    ) -> None:
        """Print the completion script of a shell, or install it with --install."""
        wanted = shell or _detect_shell()
        if not install:
            self.terminal.print(self.app.generate_completion(shell=wanted).rstrip("\n"))
            return
        try:
            path = self.app.install_completion(shell=wanted)
        except OSError as error:
            raise CommandError(f"the completion script cannot be written: {error}") from None
        self.terminal.print(f"installed {path}: start a new shell to use it")


def _detect_shell() -> Shell:
    """Return the shell that runs this command.

    Raises:
        UsageError: The shell is unknown.
    """
    try:
        shell = detect_shell()
    except ShellDetectionError:
        shell = None
    if shell is None or shell == "powershell":
        raise UsageError("the shell is unknown: name it, for example `anchor completion bash`")
    return shell
