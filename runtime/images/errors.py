"""What can stand in the way of an image or an album, by name."""

from typing import ClassVar

from runtime.shared.errors import AnchorError, ConflictError, NotFoundError, UnavailableError


class ImageNotFoundError(NotFoundError):
    """No such image, one whose time is over, or another user's."""

    def __init__(self) -> None:
        super().__init__("no such image")


class AlbumNotFoundError(NotFoundError):
    """No such album, or another user's."""

    def __init__(self) -> None:
        super().__init__("no such album")


class AlbumUnavailableError(AnchorError):
    """An image cannot lie in this album: there is none, or it is another user's; not told apart (A5)."""

    def __init__(self) -> None:
        super().__init__("the album is not available")


class AlbumNotEmptyError(ConflictError):
    """An album with images in it is not deleted."""

    def __init__(self) -> None:
        super().__init__("the album has images in it: delete them or take them out first")


class ImageChangedError(ConflictError):
    """The image, or its album's counter, changed between being read and being written."""

    def __init__(self) -> None:
        super().__init__("the image or its album changed at the same moment: read it again and repeat")


class ImageDeletingError(ConflictError):
    """The image's deletion has begun and can only be finished."""

    def __init__(self) -> None:
        super().__init__("the image is being deleted: delete it again to finish that")


class ImageStillCachedError(UnavailableError):
    """The image's object is deleted, but the distribution's caches could not be told."""

    retry_after: ClassVar[int] = 60  # invalidations under way are through within minutes

    def __init__(self) -> None:
        super().__init__("the image is being deleted, but is still cached: delete it again in a minute")


class ObjectChangedError(Exception):
    """The object is no longer the one that an event told of: it was replaced or deleted since."""


class RefusedFileError(Exception):
    """An uploaded file is not one that is kept.

    Attributes:
        reason: A sentence for the owner: what is wrong and what is allowed.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
