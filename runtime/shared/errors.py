"""Errors that refuse a request. Handlers map them to responses; every other error is raised."""

from typing import ClassVar

from attrs import frozen


@frozen(kw_only=True)
class FieldProblem:
    """One problem of an input field. It never contains the value, which can be a secret.

    Attributes:
        field: Path of the field in the input, such as `variables.API_URL.value`; empty for the whole input.
        problem: The problem and what is allowed, as the end of a sentence.
    """

    field: str
    problem: str


class AnchorError(Exception):
    """Base class of the errors that are part of the product's behavior."""


class NotFoundError(AnchorError):
    """The resource does not exist or belongs to another tenant. The caller cannot tell which."""


class UnauthenticatedError(AnchorError):
    """The request does not prove its sender's identity."""


class ForbiddenError(AnchorError):
    """The user is known, but may not make this request."""


class MissingGroupError(ForbiddenError):
    """The user is not in the group whose members may use this API."""

    def __init__(self, group: str) -> None:
        super().__init__(
            f"this API is only for members of the group {group!r}: ask an operator of the stage to add you, "
            "then sign in again"
        )


class QuotaExceededError(ForbiddenError):
    """The request needs more of something than the quota of the user allows. The detail has the numbers."""

    def __init__(self, what: str, *, used: int, limit: int, advice: str) -> None:
        super().__init__(f"the quota of {what} is reached ({used} of {limit} used): {advice}")


class TooManyRequestsError(AnchorError):
    """The user made this request too often. The detail has the limit.

    Attributes:
        retry_after: Seconds to wait before a retry.
    """

    def __init__(self, what: str, *, limit: int, period: str, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"the limit of {limit} {what} in {period} is reached: try again in {retry_after} seconds"
        )


class UnsupportedContentError(AnchorError):
    """The content type of the request is not supported."""


class ConflictError(AnchorError):
    """The resource's state does not allow the request, or the resource changed at the same moment."""


class PreconditionFailedError(AnchorError):
    """The resource no longer has the version that the request's `If-Match` header names."""


class UnavailableError(AnchorError):
    """A required service cannot take the request now. The same request can succeed later.

    Attributes:
        retry_after: Seconds to wait before a retry.
    """

    retry_after: ClassVar[int] = 5


class BusyError(UnavailableError):
    """An AWS service is busy or does not respond in time."""

    def __init__(self) -> None:
        # If AWS did not respond, the call has perhaps succeeded.
        super().__init__(
            "the platform is busy: try again in a few seconds (the change has perhaps already been made)"
        )


class MalformedError(AnchorError):
    """The request cannot be parsed: invalid JSON or an invalid cursor."""


class InvalidInputError(AnchorError):
    """The request was parsed, but some fields are invalid.

    Attributes:
        problems: Every invalid field, not only the first.
    """

    def __init__(self, *problems: FieldProblem) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem.field}: {problem.problem}" for problem in problems))
