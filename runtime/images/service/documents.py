"""Images and albums as the API's JSON. Field by field: nothing is shown that is not listed here."""

from datetime import datetime

from runtime.images.model import Album, Image, Status
from runtime.images.repositories.objects import PresignedPost
from runtime.images.service.answers import AlbumDocument, ImageDocument, UploadDocument
from runtime.shared.clock import to_text


def image_document(image: Image, *, url: str | None) -> ImageDocument:
    """Return an image as the API shows it to its owner; what an upload decides, once it has.

    Args:
        image: The image.
        url: Where visitors get it; None unless it is ready.
    """
    document: ImageDocument = {
        "imageId": image.image_id,
        "status": image.status.value,
        "contentType": image.content_type,
        "size": image.declared_size if image.size is None else image.size,
        "title": image.title,
        "description": image.description,
        "albumId": image.album_id,
        "createdAt": to_text(image.created_at),
        "updatedAt": to_text(image.updated_at),
    }
    if url is not None:
        document["width"] = image.width
        document["height"] = image.height
        document["url"] = url
    if image.status is Status.REJECTED:
        document["reason"] = image.reason
    return document


def upload_document(form: PresignedPost, *, expires_at: datetime) -> UploadDocument:
    """Return an upload form; `fields` go before the file, which is the form's last field, `file`."""
    return {
        "method": "POST",
        "url": form.url,
        "fields": dict(form.fields),
        "expiresAt": to_text(expires_at),
    }


def album_document(album: Album) -> AlbumDocument:
    """Return an album as the API shows it to its owner."""
    return {
        "albumId": album.album_id,
        "name": album.name,
        "description": album.description,
        "imageCount": album.image_count,
        "createdAt": to_text(album.created_at),
        "updatedAt": to_text(album.updated_at),
    }
