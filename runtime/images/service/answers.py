"""What the image service's API answers, as types: the OpenAPI document is made of them."""

from typing import Annotated, Literal, NotRequired, TypedDict

from runtime.images.model import CONTENT_TYPES, Status
from runtime.shared.api.shapes import Id, Shape, Time, Url


class ImageDocument(TypedDict):
    """An image as its owner sees it.

    Attributes:
        contentType: What was declared, until the upload is `ready`; then what it is.
        size: Bytes: as declared, until it is uploaded.
        width: Pixels, of an image that is ready.
        height: Pixels, of an image that is ready.
        url: Where visitors get it, once it is ready. It always answers with the same file.
        reason: Why it was rejected, if it was.
    """

    imageId: Id
    status: Annotated[str, Shape({"enum": [*Status]})]
    contentType: Annotated[str, Shape({"enum": [*CONTENT_TYPES]})]
    size: int
    title: str | None
    description: str | None
    albumId: str | None
    createdAt: Time
    updatedAt: Time
    width: NotRequired[int | None]
    height: NotRequired[int | None]
    url: NotRequired[Url]
    reason: NotRequired[str | None]


class UploadDocument(TypedDict):
    """A form that uploads the image's file.

    Attributes:
        fields: They go before the file, which is the form's last field, `file`.
        expiresAt: Until when it may be sent. If it is sent again, the first file that is accepted stays.
    """

    method: Literal["POST"]
    url: Url
    fields: dict[str, str]
    expiresAt: Time


class CreatedImageDocument(ImageDocument):
    """A new image, with the form that uploads its file."""

    upload: UploadDocument


class ImagesDocument(TypedDict):
    """Images, newest first.

    Attributes:
        cursor: Continues the list, for a day; null at its end.
    """

    images: list[ImageDocument]
    cursor: str | None


class AlbumDocument(TypedDict):
    """An album as its owner sees it.

    Attributes:
        imageCount: Its images that are ready.
    """

    albumId: Id
    name: str
    description: str | None
    imageCount: int
    createdAt: Time
    updatedAt: Time


class AlbumsDocument(TypedDict):
    """Albums, newest first.

    Attributes:
        cursor: Continues the list, for a day; null at its end.
    """

    albums: list[AlbumDocument]
    cursor: str | None
