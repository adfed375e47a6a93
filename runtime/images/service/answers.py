"""Responses of the image service's API as types. The OpenAPI document is generated from them."""

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from runtime.images.model import CONTENT_TYPES, Status
from runtime.shared.api.shapes import Id, Shape, Time, Url


class ImageDocument(TypedDict):
    """An image as its owner sees it.

    Attributes:
        contentType: Declared media type. It is confirmed once the image is `ready`.
        size: Size of the file in bytes; before the upload, the declared size.
        width: Width in pixels, of a ready image.
        height: Height in pixels, of a ready image.
        url: URL for visitors, of a ready image. It always returns the same file.
        reason: Why the image was rejected.
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
        fields: Form fields to send before the file. The file is the last field, `file`.
        expiresAt: Time when the form expires. If the form is used twice, the first accepted file stays.
    """

    method: Literal["POST"]
    url: Url
    fields: dict[str, str]
    expiresAt: Time


class CreatedImageDocument(ImageDocument):
    """A new image, with the form to upload its file."""

    upload: UploadDocument


class ImagesDocument(TypedDict):
    """Images, newest first.

    Attributes:
        cursor: Continues the list. Valid for a day; null on the last page.
    """

    images: list[ImageDocument]
    cursor: str | None


class AlbumDocument(TypedDict):
    """An album as its owner sees it.

    Attributes:
        imageCount: Number of ready images in the album.
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
        cursor: Continues the list. Valid for a day; null on the last page.
    """

    albums: list[AlbumDocument]
    cursor: str | None
