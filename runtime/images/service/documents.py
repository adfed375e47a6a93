"""Images and albums as the API's JSON. Each field is listed, so no other field can be exposed."""

from datetime import datetime

from runtime.images.model import Album, Image, Status
from runtime.images.repositories.objects import PresignedPost
from runtime.images.service.answers import AlbumDocument, ImageDocument, UploadDocument
from runtime.shared.clock import format_time


def build_image_document(image: Image, *, url: str | None) -> ImageDocument:
    """Return an image as the API shows it to its owner.

    Args:
        image: The image.
        url: URL for visitors; None if the image is not ready.
    """
    document: ImageDocument = {
        "imageId": image.image_id,
        "status": image.status.value,
        "contentType": image.content_type,
        "size": image.declared_size if image.size is None else image.size,
        "title": image.title,
        "description": image.description,
        "albumId": image.album_id,
        "createdAt": format_time(image.created_at),
        "updatedAt": format_time(image.updated_at),
    }
    if url is not None:
        document["width"] = image.width
        document["height"] = image.height
        document["url"] = url
    if image.status is Status.REJECTED:
        document["reason"] = image.reason
    return document


def build_upload_document(form: PresignedPost, *, expires_at: datetime) -> UploadDocument:
    """Return an upload form as the API shows it."""
    return {
        "method": "POST",
        "url": form.url,
        "fields": dict(form.fields),
        "expiresAt": format_time(expires_at),
    }


def build_album_document(album: Album) -> AlbumDocument:
    """Return an album as the API shows it to its owner."""
    return {
        "albumId": album.album_id,
        "name": album.name,
        "description": album.description,
        "imageCount": album.image_count,
        "createdAt": format_time(album.created_at),
        "updatedAt": format_time(album.updated_at),
    }
