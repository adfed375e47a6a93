"""Real image files, created once."""

from functools import cache
from io import BytesIO

from PIL import Image

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/avif": "AVIF",
}
SVG = b"""<?xml version="1.0" encoding="UTF-8"?>
<!-- drawn by hand -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
     width="120" height="80" viewBox="0 0 120 80">
  <title>On the hill</title>
  <defs><linearGradient id="sky"><stop offset="0" stop-color="#8cf"/></linearGradient></defs>
  <style>rect { fill: url(#sky) }</style>
  <rect width="120" height="80" style="stroke: red"/>
  <use xlink:href="#sky"/>
</svg>
"""
QUARTER_TURN = 6  # EXIF orientation: viewers must rotate the picture clockwise by 90 degrees


@cache
def make_picture(
    content_type: str = "image/png",
    width: int = 40,
    height: int = 30,
    *,
    color: str = "red",
    rotated: bool = False,
) -> bytes:
    """Return a file of this type and size. Files with different colors have different ETags.

    If `rotated` is true, the EXIF orientation of the file tells viewers to rotate the picture.
    """
    if content_type == "image/svg+xml":
        return SVG.replace(b"red", color.encode())
    exif = Image.Exif()
    if rotated:
        exif[0x0112] = QUARTER_TURN
    file = BytesIO()
    Image.new("RGB", (width, height), color).save(file, FORMATS[content_type], exif=exif.tobytes())
    return file.getvalue()
