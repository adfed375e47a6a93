"""Named errors of images and albums."""

from typing import ClassVar

from runtime.shared.errors import AnchorError, ConflictError, NotFoundError, UnavailableError


class ImageNotFoundError(NotFoundError):
    """The image does not exist, has expired, or belongs to another user."""

    def __init__(self) -> None:
        super().__init__("no such image")


class AlbumNotFoundError(NotFoundError):
    """The album does not exist or belongs to another user."""

    def __init__(self) -> None:
        super().__init__("no such album")


class AlbumUnavailableError(AnchorError):
    """An image cannot be put into this album: the album does not exist or belongs to another user."""

    def __init__(self) -> None:
        super().__init__("the album is not available")


class AlbumNotEmptyError(ConflictError):
    """The album cannot be deleted because it contains images."""

    def __init__(self) -> None:
        super().__init__("the album contains images: delete them or move them out of the album first")


class ImageChangedError(ConflictError):
    """The image or its album's counter changed between the read and the write."""

    def __init__(self) -> None:
        super().__init__("the image or its album was changed at the same moment: read it again and retry")


class ImageDeletingError(ConflictError):
    """The image is being deleted, so every request except its deletion is refused."""

    def __init__(self) -> None:
        super().__init__("the image is being deleted: repeat the deletion to finish it")


class ImageStillCachedError(UnavailableError):
    """The image's object is deleted, but CloudFront did not accept the invalidation of the caches."""

    retry_after: ClassVar[int] = 60  # seconds; running invalidations complete within minutes

    def __init__(self) -> None:
        super().__init__("the image is being deleted, but is still cached: repeat the deletion in a minute")


class ObjectChangedError(Exception):
    """The object was replaced or deleted after its event was sent."""


class ObjectBusyError(Exception):
    """Another request changes the object at the same moment. The same call can succeed later."""


class RefusedFileError(Exception):
    """An uploaded file is invalid, so it is deleted.

    Attributes:
        reason: A sentence for the owner: the problem and what is allowed.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
