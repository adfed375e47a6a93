"""CloudFront hooks for the emulator: the ARN of a KeyValueStore ends with the store's ID, a UUID, as in AWS.

The emulator (ministack 1.5.33) ends the ARN with the store's name. Programs that build the ARN themselves
would then work here, but not on AWS. The pattern in CloudFront's API model requires 36 hexadecimal digits and
hyphens after `key-value-store/`.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

import contextvars
from collections.abc import Callable
from typing import Any, cast

from ministack.core.responses import get_account_id, new_uuid
from ministack.services import cloudfront, cloudfront_keyvaluestore

Json = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

# The ARN that `_build_arn` returned for the store that the emulator is creating.
_created_arn: contextvars.ContextVar[str] = contextvars.ContextVar("created_arn", default="")


def install_key_value_store_hooks() -> None:
    """Install the hooks: creation, tags, and the calls that read and write keys."""
    cloudfront._kvs_arn = _build_arn
    cloudfront._create_kvs = _create_store
    cloudfront._delete_kvs = _delete_store
    cloudfront._resolve_taggable_cloudfront_arn = _resolve_taggable_arn
    cloudfront_keyvaluestore._get_store = _get_store


_ORIGINAL_CREATE = cast("Callable[[Json, bytes], Response]", cloudfront._create_kvs)
_ORIGINAL_DELETE = cast("Callable[[str, Json], Response]", cloudfront._delete_kvs)
_ORIGINAL_RESOLVE = cast(
    "Callable[[str], tuple[str | None, Response | None]]", cloudfront._resolve_taggable_cloudfront_arn
)
_ORIGINAL_GET = cast(
    "Callable[[str], tuple[Json | None, Response | None]]", cloudfront_keyvaluestore._get_store
)


def _build_arn(_name: str) -> str:
    arn = f"arn:aws:cloudfront::{get_account_id()}:key-value-store/{new_uuid()}"
    _created_arn.set(arn)
    return arn


def _create_store(headers: Json, body: bytes) -> Response:
    """Create a store. The ID in the store's record and in the response is the last part of the ARN."""
    status, answered, content = _ORIGINAL_CREATE(headers, body)
    store = _find_store(_created_arn.get())
    if status != 201 or store is None:  # noqa: PLR2004 - HTTP's Created
        return status, answered, content
    store["Id"] = store["ARN"].rpartition("/")[2]
    return status, answered, cloudfront._describe_kvs(store["Name"])[2]


def _delete_store(name: str, headers: Json) -> Response:
    """Delete a store with its keys."""
    store: Json | None = cloudfront._kvstores.get(name)
    response = _ORIGINAL_DELETE(name, headers)
    if store is not None and name not in cloudfront._kvstores:
        cloudfront_keyvaluestore._stores.pop(store["ARN"], None)
    return response


def _resolve_taggable_arn(arn: str) -> tuple[str | None, Response | None]:
    return (arn, None) if _find_store(arn) else _ORIGINAL_RESOLVE(arn)


def _get_store(arn: str) -> tuple[Json | None, Response | None]:
    """Return the keys of a store.

    The emulator's function finds no store, because it compares the end of the ARN with store names.
    """
    if _find_store(arn) is None:
        return _ORIGINAL_GET(arn)
    stores = cloudfront_keyvaluestore._stores
    if arn not in stores:
        stores[arn] = {"etag": new_uuid(), "items": {}}
    return cast("Json", stores[arn]), None


def _find_store(arn: str) -> Json | None:
    return next((store for store in cloudfront._kvstores.values() if store["ARN"] == arn), None)
