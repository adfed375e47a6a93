"""The log line about uploads to presigned URLs that failed and were repeated. An alarm reads this line."""

from http import HTTPStatus
from typing import Final

from attrs import Factory, define

from runtime.shared.logging import Log

CONNECTIONS: Final = 32
"""Number of parallel uploads.

One upload takes less than 1 ms of CPU time but, inside AWS, about 20 ms of waiting.
"""

# Log message for failed uploads to presigned URLs (components/operations/alarms.py).
PRESIGNED_UPLOADS_FAILED: Final = "presigned uploads failed"


@define
class UploadFailures:
    """The failed uploads of one artifact.

    Attributes:
        statuses: HTTP status of each failed upload, 0 without a response. Threads add statuses concurrently.
    """

    statuses: list[int] = Factory(list)

    def write_to(self, log: Log) -> None:
        """Write one warning if at least one upload has failed.

        The warning has the number of failed uploads, the number of uploads that S3 denied, and the statuses.
        """
        if self.statuses:
            log.warning(
                PRESIGNED_UPLOADS_FAILED,
                failed=len(self.statuses),
                denied=self.statuses.count(HTTPStatus.FORBIDDEN),
                statuses=", ".join(str(status) for status in sorted(set(self.statuses))),
            )
