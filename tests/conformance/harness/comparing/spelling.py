"""Spellings of the paths of public files. Next.js finds a file only by some of them."""

from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

_IMAGES: Final = "/_next/image"
# The characters that JavaScript's encodeURIComponent leaves as they are, and the separator of folders.
_UNENCODED: Final = "!'()*/"
# The characters that a URL parser of browsers also leaves as they are in a path.
_KEPT_IN_PATHS: Final = "!$&'()*+,/:;=@%[]|^"


def is_unknown_to_next(target: str) -> bool:
    """Return whether Next.js finds no file by this spelling of a path, whether or not the file exists.

    Next.js compares the path, as it was sent, with the names of the files, encoded by `encodeURIComponent`
    or not encoded. It knows no other spelling of the same path. For an optimized image, the path of its
    source counts. See `next/dist/server/lib/router-utils/filesystem.js`.

    Args:
        target: Path and query of a request.
    """
    parts = urlsplit(target)
    path = parts.path
    if path.removesuffix("/").endswith(_IMAGES):
        sources = parse_qs(parts.query).get("url", [])
        path = quote(sources[0], safe=_KEPT_IN_PATHS) if sources else path
    name = unquote(path)
    return path not in {quote(name, safe=_UNENCODED), name}
