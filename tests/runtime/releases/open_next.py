"""A small OpenNext 4.1.12 output for Next.js 16, and zips of it. The layout is that of a real output."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

BUILD_ID = "h54mCxr14b933Ow7L-nFn"
PAGE = "route-cache/APP_PAGE/fa5b84d5d47b8acb/$/isr/tag"
FETCH = "380822b9de9ff0bed02ce79f546de00d"

MANIFEST = "open-next.output.json"
SEED = "dynamodb-provider/dynamodb-cache.json"
SETTINGS = "image-optimization-function/.next/required-server-files.json"
SERVER = "server-functions/default/"


def make_manifest() -> dict[str, Any]:
    """Return the content of `open-next.output.json` for a site with one streaming server function."""
    lambda_function = {"type": "function", "handler": "index.handler", "converter": "aws-apigw-v2"}
    return {
        "edgeFunctions": {},
        "origins": {
            "s3": {
                "type": "s3",
                "originPath": "_assets",
                "copy": [
                    {
                        "from": ".open-next/assets",
                        "to": "_assets",
                        "cached": True,
                        "versionedSubDir": "_next",
                    },
                    {"from": ".open-next/cache", "to": "_cache", "cached": False},
                ],
            },
            "imageOptimizer": {
                **lambda_function,
                "bundle": ".open-next/image-optimization-function",
                "streaming": False,
                "imageLoader": "s3",
                "wrapper": "aws-lambda",
            },
            "default": {
                **lambda_function,
                "bundle": ".open-next/server-functions/default",
                "streaming": True,
                "wrapper": "aws-lambda-streaming",
                "queue": "sqs",
                "incrementalCache": "s3",
                "tagCache": "dynamodb",
            },
        },
        "behaviors": [
            {"pattern": "_next/image*", "origin": "imageOptimizer"},
            {"pattern": "_next/data/*", "origin": "default"},
            {"pattern": "*", "origin": "default"},
            {"pattern": "BUILD_ID", "origin": "s3"},
            {"pattern": "_next/*", "origin": "s3"},
            {"pattern": "robots.txt", "origin": "s3"},
        ],
        "additionalProps": {
            "warmer": {"handler": "index.handler", "bundle": ".open-next/warmer-function"},
            "initializationFunction": {"handler": "index.handler", "bundle": ".open-next/dynamodb-provider"},
            "revalidationFunction": {
                "handler": "index.handler",
                "bundle": ".open-next/revalidation-function",
            },
        },
    }


def make_platform_manifest() -> dict[str, Any]:
    """Return the manifest of a build with the platform's queue and tag cache."""
    document = make_manifest()
    document["origins"]["default"] |= {
        "queue": "anchor-none",
        "incrementalCache": "anchor-s3",
        "tagCache": "anchor-dynamodb",
    }
    return document


def make_split_manifest() -> dict[str, Any]:
    """Return the manifest of a site below `/docs` with a split server.

    The origins are not in the order of the behaviors, because OpenNext writes them in any order.
    """
    document = make_manifest()
    default = document["origins"]["default"]
    folder = ".open-next/server-functions"
    document["origins"] |= {
        "feed": {**default, "bundle": f"{folder}/feed", "streaming": False, "wrapper": "aws-lambda"},
        "api": {**default, "bundle": f"{folder}/api"},
    }
    document["behaviors"] = [
        {"pattern": "docs/_next/image*", "origin": "imageOptimizer"},
        {"pattern": "docs/api/*", "origin": "api"},
        {"pattern": "docs/users", "origin": "api"},
        {"pattern": "docs/feed", "origin": "feed"},
        {"pattern": "docs/_next/data/*", "origin": "default"},
        {"pattern": "*", "origin": "default"},
        {"pattern": "docs/robots.txt", "origin": "s3"},
    ]
    return document


def make_split_changes() -> dict[str, bytes | None]:
    """Return the argument of `make_output` that gives the output of a site with a split server."""
    return {
        MANIFEST: encode_json(make_split_manifest()),
        "server-functions/api/index.mjs": b"globalThis.fnName = 'api'",
        "server-functions/api/.next/BUILD_ID": BUILD_ID.encode(),
        "server-functions/feed/index.mjs": b"globalThis.fnName = 'feed'",
        "server-functions/feed/packages/site/.next/BUILD_ID": BUILD_ID.encode(),
    }


def make_tag_row(tag: str, path: str = PAGE, revalidated_at: str = "1") -> dict[str, dict[str, str]]:
    return {
        "tag": {"S": f"{BUILD_ID}/{tag}"},
        "path": {"S": f"{BUILD_ID}/{path}"},
        "revalidatedAt": {"N": revalidated_at},
    }


def encode_json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def make_output(changes: Mapping[str, bytes | None] | None = None) -> dict[str, bytes]:
    """Return the files of `.open-next/`, with changes by file name. The value None removes a file."""
    settings = encode_json({"version": 1, "config": {"basePath": "", "output": "standalone"}})
    files: dict[str, bytes | None] = {
        MANIFEST: encode_json(make_manifest()),
        "assets/BUILD_ID": BUILD_ID.encode(),
        "assets/robots.txt": b"User-agent: *\n",
        "assets/photo.jpg": b"\xff\xd8 a photo",
        "assets/data/sample.json": b'{"sample":true}',
        "assets/data/deep/er.txt": b"deeper",
        "assets/_next/static/chunks/0iumlkwknlbd6.js": b"console.log(1)",
        "assets/_next/static/chunks/1my0tl2aoh1w_.css": b"body{}",
        "assets/_next/static/media/icon.109a5vjll8qj4.svg": b"<svg/>",
        f"assets/_next/static/{BUILD_ID}/_buildManifest.js": b"self.__BUILD_MANIFEST={}",
        f"cache/{BUILD_ID}/{PAGE}.cache": encode_json({"type": "app", "html": "<p>cached</p>"}),
        f"cache/__fetch/{BUILD_ID}/{FETCH}": encode_json({"kind": "FETCH", "tags": ["news"]}),
        SEED: encode_json(
            [
                make_tag_row("_N_T_/layout"),
                make_tag_row("_N_T_/isr/tag"),
                make_tag_row("news"),
                make_tag_row("news", FETCH),
                make_tag_row("news"),
            ]
        ),
        "dynamodb-provider/index.mjs": b"export const handler = () => {}",
        f"{SERVER}index.mjs": b"export const handler = () => {}",
        f"{SERVER}.next/BUILD_ID": BUILD_ID.encode(),
        f"{SERVER}node_modules/next/package.json": b"{}",
        "image-optimization-function/index.mjs": b"export const handler = () => {}",
        "image-optimization-function/.next/BUILD_ID": f"{BUILD_ID}\n".encode(),
        SETTINGS: settings,
        "revalidation-function/index.mjs": b"export const handler = () => {}",
        "revalidation-function/prerender-manifest.json": b'{"preview":{"previewModeId":"1"}}',
        "warmer-function/index.mjs": b"export const handler = () => {}",
        **(changes or {}),
    }
    return {name: content for name, content in files.items() if content is not None}


def make_zip(files: Mapping[str, bytes]) -> io.BytesIO:
    """Return a zip of files. The zip also has entries for folders, like those that `zip -r` writes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        folders = {f"{name.rpartition('/')[0]}/" for name in files if "/" in name}
        for name in sorted(folders):
            archive.writestr(zipfile.ZipInfo(name), b"")
        for name, content in files.items():
            archive.writestr(make_zip_entry(name), content)
    return target


def make_zip_entry(name: str) -> zipfile.ZipInfo:
    """Return a zip entry with exactly this name. `ZipInfo` itself would truncate and normalize the name."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o100644 << 16
    return info


def make_artifact(changes: Mapping[str, bytes | None] | None = None) -> io.BytesIO:
    """Return the zip that a build creates, with changes as for `make_output`."""
    return make_zip(make_output(changes))
