"""Named errors of shops, jobs and import records."""

from runtime.shared.errors import ConflictError, NotFoundError


class ShopNotFoundError(NotFoundError):
    """The shop does not exist."""

    def __init__(self) -> None:
        super().__init__("no such shop")


class ShopChangedError(ConflictError):
    """The shop was changed or installed again after it was read, or after the time of the processed event."""

    def __init__(self, domain: str) -> None:
        super().__init__(f"shop {domain} has changed: read it again and retry")


class JobNotFoundError(NotFoundError):
    """The job does not exist, has expired, or belongs to another shop."""

    def __init__(self) -> None:
        super().__init__("no such job")


class JobExistsError(ConflictError):
    """A job with this id exists already."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} exists already")


class StaleJobError(ConflictError):
    """The status of a job does not allow the change. Perhaps another process has set that status.

    Attributes:
        found: Current status of the job.
    """

    def __init__(self, job_id: str, *, wanted: str, found: str) -> None:
        self.job_id = job_id
        self.found = found
        super().__init__(f"job {job_id} cannot be {wanted}: it is {found}")


class ImportTimesTakenError(ConflictError):
    """A thousand other imports of the shop ended in the same millisecond.

    The probable cause is a faulty loop that starts imports.
    """

    def __init__(self, domain: str) -> None:
        super().__init__(
            f"the import history of {domain} has a record for every microsecond of this millisecond"
        )


class TokenRefusedError(Exception):
    """KMS refuses to decrypt: the token belongs to another shop or another key, or it is damaged."""

    def __init__(self, domain: str) -> None:
        super().__init__(f"the stored access token was not encrypted for {domain}: install the shop again")


class TokenServiceError(Exception):
    """A call of KMS failed, and the token is not the reason.

    Attributes:
        code: Error code of AWS or botocore, such as `AccessDeniedException`.
    """

    def __init__(self, operation: str, code: str) -> None:
        self.code = code
        super().__init__(f"KMS cannot {operation} an access token: {code}")
