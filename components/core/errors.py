"""Errors that stop the program before it registers a resource."""

import pulumi


class DeclarationError(pulumi.RunError):
    """A wrong input of the program, such as a component argument that AWS would refuse.

    The message says what is wrong and what is allowed.

    Pulumi prints the message of a `RunError` without a traceback.
    """


class ConfigurationError(DeclarationError):
    """All wrong settings of a stage, in one error.

    Attributes:
        problems: One line per wrong setting: its dotted path, the problem and the allowed values.
    """

    def __init__(self, stage: str, problems: tuple[str, ...]) -> None:
        self.problems = problems
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"Pulumi.{stage}.yaml cannot be deployed:{lines}")
