"""What a request can be refused for. Handlers map these to answers; everything else fails loudly."""

from typing import ClassVar

from attrs import frozen


@frozen(kw_only=True)
class FieldProblem:
    """One thing wrong with one field of the input; never carries the value, which may be a secret.

    Attributes:
        field: Path of the field in the input, such as `variables[2].name`; empty for the whole input.
        problem: What is wrong and what is allowed, as the end of a sentence.
    """

    field: str
    problem: str


class AnchorError(Exception):
    """Base of every refusal that is part of the product's behaviour."""


class NotFoundError(AnchorError):
    """The thing does not exist, or belongs to another tenant: the two are not told apart (A5)."""


class UnauthenticatedError(AnchorError):
    """The request does not prove who sends it."""


class UnsupportedContentError(AnchorError):
    """The request's content type is not one that is read here."""


class ConflictError(AnchorError):
    """The thing is in a state that does not allow this, or changed at the same moment."""


class UnavailableError(AnchorError):
    """A service that is needed takes nothing more at the moment: the same request succeeds later.

    Attributes:
        retry_after: Seconds after which asking again is worth it.
    """

    retry_after: ClassVar[int] = 5


class BusyError(UnavailableError):
    """What the platform is built on is busy, or does not answer in time."""

    def __init__(self) -> None:
        # A call that was not answered in time may have been done.
        super().__init__(
            "the platform is busy: try again in a few seconds (a change may have been made all the same)"
        )


class MalformedError(AnchorError):
    """The request could not be read at all: no JSON, an impossible cursor."""


class InvalidInputError(AnchorError):
    """The request was read and its fields are wrong.

    Attributes:
        problems: Every wrong field, not only the first.
    """

    def __init__(self, *problems: FieldProblem) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem.field}: {problem.problem}" for problem in problems))
