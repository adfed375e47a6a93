"""What can stand in the way of a shop, a job or an import record, by name."""

from runtime.shared.errors import ConflictError, NotFoundError


class ShopNotFoundError(NotFoundError):
    """No such shop."""

    def __init__(self) -> None:
        super().__init__("no such shop")


class ShopChangedError(ConflictError):
    """The shop was changed or installed again since it was read, or since the event at hand happened."""

    def __init__(self, domain: str) -> None:
        super().__init__(f"shop {domain} has changed in the meantime: read it again")


class JobNotFoundError(NotFoundError):
    """No such job, another shop's, or one that has expired."""

    def __init__(self) -> None:
        super().__init__("no such job")


class JobExistsError(ConflictError):
    """A job with this id was created before."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} exists already")


class StaleJobError(ConflictError):
    """A job is no longer in a status that allows this: someone else moved it on (S3).

    Attributes:
        found: Its present status.
    """

    def __init__(self, job_id: str, *, wanted: str, found: str) -> None:
        self.job_id = job_id
        self.found = found
        super().__init__(f"job {job_id} cannot be {wanted}: it is {found}")


class ImportTimesTakenError(ConflictError):
    """A thousand other imports of the shop ended within the same millisecond: something records in a loop."""

    def __init__(self, domain: str) -> None:
        super().__init__(f"every time within the millisecond is taken in the import history of {domain}")


class TokenRefusedError(Exception):
    """KMS does not decrypt it: it is another shop's token, encrypted with another key, or damaged (S2)."""

    def __init__(self, domain: str) -> None:
        super().__init__(f"what is stored as the access token of {domain} was not encrypted for it")


class TokenServiceError(Exception):
    """KMS could not be asked, or refused for a reason that has nothing to do with the token.

    Attributes:
        code: What AWS or its client calls the reason, such as `AccessDeniedException`.
    """

    def __init__(self, operation: str, code: str) -> None:
        self.code = code
        super().__init__(f"KMS did not {operation} an access token: {code}")
