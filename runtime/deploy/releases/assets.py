"""Static files of a site: hashed assets that its releases share, and public files of each release."""

from collections.abc import Collection, Iterator
from types import MappingProxyType

from runtime.deploy.model import Deployment
from runtime.deploy.releases.build_output.artifact import Artifact
from runtime.deploy.releases.release_clients import S3Client
from runtime.deploy.releases.uploading import Upload

IMMUTABLE = "public,max-age=31536000,immutable"
"""`Cache-Control` of files whose content never changes."""

REVALIDATE = "public,max-age=0,s-maxage=31536000,must-revalidate"
"""`Cache-Control` of public files.

The edge can keep them for a year, because its cache key contains the release. Browsers must ask each time,
because the next release can have another file with the same name.
"""

_ASSETS = "assets/"
_HASHED_FOLDER = "_next/static/"
_MEDIA_FOLDER = "_next/static/media/"
_BUILD_ID = "BUILD_ID"

_TEXT_TYPES = {
    "css": "text/css",
    "csv": "text/csv",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "js": "text/javascript",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "map": "application/json",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "vtt": "text/vtt",
    "webmanifest": "application/manifest+json",
    "xml": "application/xml",
    "xsl": "application/xslt+xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}
_BINARY_TYPES = {
    "aac": "audio/aac",
    "apng": "image/apng",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "eot": "application/vnd.ms-fontobject",
    "flac": "audio/flac",
    "gif": "image/gif",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "gz": "application/gzip",
    "heic": "image/heic",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "jxl": "image/jxl",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "otf": "font/otf",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "zip": "application/zip",
}
CONTENT_TYPES = MappingProxyType(
    {**{ending: f"{name}; charset=utf-8" for ending, name in _TEXT_TYPES.items()}, **_BINARY_TYPES}
)
"""Media types by file name extension, fixed here because Python's `mimetypes` reads the machine's tables."""


def find_content_type(name: str) -> str:
    """Return the media type of a file. A file with an unknown extension becomes a download."""
    _, _, ending = name.rpartition("/")[2].rpartition(".")
    return CONTENT_TYPES.get(ending.lower(), "application/octet-stream")


def build_project_folder(deployment: Deployment) -> str:
    """Return the folder of a project's files below `assets/`, without slashes around it.

    The folder contains the project's id, because a site can belong to another tenant later. If both projects
    had the same folder, scripts of the old project would run in the pages of the new project.
    """
    return f"{deployment.site}/{deployment.project_id}"


def build_project_prefix(deployment: Deployment) -> str:
    """Return the key prefix of all files of a deployment's project, without a trailing slash."""
    return f"{_ASSETS}{build_project_folder(deployment)}"


def build_release_prefix(deployment: Deployment) -> str:
    """Return the key prefix of a release's own files, without a trailing slash."""
    return f"{build_project_prefix(deployment)}/{deployment.deployment_id}"


def list_hashed_assets(client: S3Client, bucket: str, deployment: Deployment) -> frozenset[str]:
    """Return the keys of a project's hashed assets in the bucket. Makes one call per 1,000 keys."""
    prefix = f"{build_project_prefix(deployment)}/{_HASHED_FOLDER}"
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
    by_build_id = f"{_HASHED_FOLDER}{artifact.build.build_id}/"
    for name in _list_served_files(artifact):
        source, media_type = f"{_ASSETS}{name}", find_content_type(name)
        if name.startswith(_HASHED_FOLDER):
            key = f"{build_project_prefix(deployment)}/{name}"
            if key not in present or name.startswith(by_build_id):
                yield Upload(source=source, key=key, content_type=media_type, cache_control=IMMUTABLE)
        if name.startswith(
            _MEDIA_FOLDER
        ):  # uploaded again, because the image function only reads the release's prefix
            yield Upload(source=source, key=f"{own}/{name}", content_type=media_type, cache_control=IMMUTABLE)
        if not name.startswith(_HASHED_FOLDER):
            yield Upload(
                source=source, key=f"{own}/{name}", content_type=media_type, cache_control=REVALIDATE
            )


def list_root_entries(artifact: Artifact) -> tuple[str, ...]:
    """Return the first path segments of a release's public files below the base path. Folders end in `/`."""
    names = (name for name in _list_served_files(artifact) if not name.startswith("_next/"))
    return tuple(sorted({name[: name.find("/") + 1] or name for name in names}))


def _list_served_files(artifact: Artifact) -> Iterator[str]:
    # `assets/` contains `BUILD_ID` for other deployment tools. The site does not serve this file.
    return (name for name in artifact.list_files(_ASSETS) if name != _BUILD_ID)
