"""Static files of a site: hashed assets that its releases share, and public files of each release."""

import re
from collections.abc import Collection, Iterator
from types import MappingProxyType

from runtime.deploy.model import Deployment
from runtime.deploy.releases.build_output.artifact import ASSETS, Artifact
from runtime.deploy.releases.build_output.served_files import HASHED_FOLDER
from runtime.deploy.releases.release_clients import S3Client
from runtime.deploy.releases.uploading import Upload

IMMUTABLE = "public, max-age=31536000, immutable"
"""`Cache-Control` of files whose content never changes."""

REVALIDATE = "public, max-age=0, s-maxage=31536000"
"""`Cache-Control` of public files.

The edge can keep them for a year, because its cache key contains the release. Browsers must ask each time,
because the next release can have another file with the same name.
"""

_MEDIA_FOLDER = "_next/static/media/"

_CHARSET = re.compile(r"text/|application/(?:javascript|json)")
# The media types of `next start` (package `send`), for the file name extensions that web sites use.
_TYPES = {
    "application/atom+xml": "atom",
    "application/dash+xml": "mpd",
    "application/epub+zip": "epub",
    "application/geo+json": "geojson",
    "application/gzip": "gz",
    "application/java-archive": "ear jar war",
    "application/javascript": "js mjs",
    "application/json": "json map",
    "application/json5": "json5",
    "application/ld+json": "jsonld",
    "application/manifest+json": "webmanifest",
    "application/msword": "doc dot",
    "application/pdf": "pdf",
    "application/pgp-signature": "asc sig",
    "application/pkix-cert": "cer",
    "application/postscript": "ai eps ps",
    "application/rdf+xml": "rdf",
    "application/rss+xml": "rss",
    "application/rtf": "rtf",
    "application/vnd.android.package-archive": "apk",
    "application/vnd.apple.mpegurl": "m3u8",
    "application/vnd.google-earth.kml+xml": "kml",
    "application/vnd.google-earth.kmz": "kmz",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-fontobject": "eot",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/wasm": "wasm",
    "application/x-7z-compressed": "7z",
    "application/x-bzip2": "bz2",
    "application/x-rar-compressed": "rar",
    "application/x-sh": "sh",
    "application/x-shockwave-flash": "swf",
    "application/x-subrip": "srt",
    "application/x-tar": "tar",
    "application/x-x509-ca-cert": "crt der pem",
    "application/x-xpinstall": "xpi",
    "application/x-xz": "xz",
    "application/xhtml+xml": "xhtml",
    "application/xml": "xml xsd xsl",
    "application/xslt+xml": "xslt",
    "application/zip": "zip",
    "audio/midi": "mid midi",
    "audio/mp4": "m4a mp4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "oga ogg spx",
    "audio/wav": "wav",
    "audio/webm": "weba",
    "audio/x-aac": "aac",
    "audio/x-aiff": "aif aiff",
    "audio/x-flac": "flac",
    "font/collection": "ttc",
    "font/otf": "otf",
    "font/ttf": "ttf",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "image/apng": "apng",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/jpeg": "jpe jpeg jpg",
    "image/jxl": "jxl",
    "image/ktx": "ktx",
    "image/png": "png",
    "image/svg+xml": "svg svgz",
    "image/tiff": "tif tiff",
    "image/vnd.adobe.photoshop": "psd",
    "image/webp": "webp",
    "image/x-icon": "ico",
    "image/x-tga": "tga",
    "message/rfc822": "eml",
    "model/gltf+json": "gltf",
    "model/gltf-binary": "glb",
    "text/cache-manifest": "appcache manifest",
    "text/calendar": "ics ifb",
    "text/coffeescript": "coffee",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "htm html shtml",
    "text/jsx": "jsx",
    "text/less": "less",
    "text/markdown": "markdown md",
    "text/mathml": "mml",
    "text/plain": "conf def ini list log text txt",
    "text/tab-separated-values": "tsv",
    "text/turtle": "ttl",
    "text/vtt": "vtt",
    "text/x-vcard": "vcf",
    "text/yaml": "yaml yml",
    "video/3gpp": "3gp",
    "video/mp2t": "ts",
    "video/mp4": "mp4",
    "video/mpeg": "mpeg mpg",
    "video/ogg": "ogv",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-m4v": "m4v",
    "video/x-matroska": "mkv",
    "video/x-ms-wmv": "wmv",
    "video/x-msvideo": "avi",
}
CONTENT_TYPES = MappingProxyType(
    {
        ending: f"{name}; charset=UTF-8" if _CHARSET.match(name) else name
        for name, endings in _TYPES.items()
        for ending in endings.split()
    }
)
"""Media types by file name extension, fixed here because Python's `mimetypes` reads the machine's tables."""


def find_content_type(name: str) -> str:
    """Return the media type of a file. A file with an unknown extension becomes a download."""
    ending = name.rpartition("/")[2].rpartition(".")[2]
    return CONTENT_TYPES.get(ending.lower(), "application/octet-stream")


def build_site_prefix(site: str) -> str:
    """Return the key prefix of all files of a site, without a trailing slash."""
    return f"{ASSETS}{site}"


def build_project_folder(deployment: Deployment) -> str:
    """Return the folder of a project's files below `assets/`, without slashes around it.

    The folder contains the project's id, because a site can belong to another tenant later. If both projects
    had the same folder, scripts of the old project would run in the pages of the new project.
    """
    return f"{deployment.site}/{deployment.project_id}"


def build_project_prefix(deployment: Deployment) -> str:
    """Return the key prefix of all files of a deployment's project, without a trailing slash."""
    return f"{ASSETS}{build_project_folder(deployment)}"


def build_release_prefix(deployment: Deployment) -> str:
    """Return the key prefix of a release's own files, without a trailing slash."""
    return f"{build_project_prefix(deployment)}/{deployment.deployment_id}"


def list_hashed_assets(client: S3Client, bucket: str, deployment: Deployment) -> frozenset[str]:
    """Return the keys of a project's hashed assets in the bucket. Makes one call per 1,000 keys."""
    prefix = f"{build_project_prefix(deployment)}/{HASHED_FOLDER}"
    keys: set[str] = set()
    response = client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    while True:
        keys.update(each["Key"] for each in response.get("Contents", ()))
        if not response.get("IsTruncated"):
            return frozenset(keys)
        response = client.list_objects_v2(
            Bucket=bucket, Prefix=prefix, ContinuationToken=response["NextContinuationToken"]
        )


def list_asset_uploads(
    artifact: Artifact, deployment: Deployment, *, present: Collection[str]
) -> Iterator[Upload]:
    """Yield the uploads that the release of a deployment needs.

    Args:
        artifact: The build's artifact.
        deployment: The deployment to release.
        present: Keys of hashed assets that are already in the bucket.
    """
    # The paths that visitors and the image function request contain the base path, so these keys contain it.
    # Keys of hashed assets do not contain it, so a site keeps these files when its base path changes.
    own = build_release_prefix(deployment) + artifact.manifest.base_path
    # One folder in `_next/static/` has the build id as its name. Two builds with different content can have
    # the same build id, so files in this folder are always uploaded again.
    by_build_id = f"{HASHED_FOLDER}{artifact.build.build_id}/"
    for name in artifact.list_served_names():
        source, media_type = f"{ASSETS}{name}", find_content_type(name)
        if name.startswith(HASHED_FOLDER):
            key = f"{build_project_prefix(deployment)}/{name}"
            if key not in present or name.startswith(by_build_id):
                yield Upload(source=source, key=key, content_type=media_type, cache_control=IMMUTABLE)
        if name.startswith(
            _MEDIA_FOLDER
        ):  # uploaded again, because the image function only reads the release's prefix
            yield Upload(source=source, key=f"{own}/{name}", content_type=media_type, cache_control=IMMUTABLE)
        if not name.startswith(HASHED_FOLDER):
            yield Upload(
                source=source, key=f"{own}/{name}", content_type=media_type, cache_control=REVALIDATE
            )
