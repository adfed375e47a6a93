"""The errors with which the program stops before it declares a resource."""

import pulumi


class DeclarationError(pulumi.RunError):
    """A component was asked for something that cannot exist; the message says what and what can.

    Pulumi prints the message of a `RunError` without a traceback: whoever runs `pulumi up` reads a sentence.
    """


class ConfigurationError(DeclarationError):
    """The settings of a stage are wrong. One error names every wrong setting.

    Attributes:
        problems: One line per wrong setting: its dotted path, what is wrong, what is allowed.
    """

    def __init__(self, stage: str, problems: tuple[str, ...]) -> None:
        self.problems = problems
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"Pulumi.{stage}.yaml cannot be deployed:{lines}")
