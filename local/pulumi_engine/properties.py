"""Converts property values from the requests of Pulumi's engine and from Pulumi's state."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToDict

from local.engine.archives import ARCHIVE, ASSET, OUTPUT, SECRET, SIGNATURE, Content, read_properties
from local.providers.core.resource import Properties

UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# In a preview, the engine sends one of these texts instead of a value that is not known yet. Each text stands
# for a type (pulumi/pulumi, sdk/go/common/resource/sig/sig.go).
UNKNOWN_VALUES = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        UNKNOWN_TEXT,
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


def to_plain_values(struct: struct_pb2.Struct) -> Properties:
    """Return properties as plain values that can be compared. An asset or archive becomes its hash.

    The engine computes the hash from the content. Pulumi's state contains only the hash of an archive.
    """
    values = MessageToDict(struct).items()
    return {name: _to_plain_value(value) for name, value in values if value is not None}


def _to_plain_value(value: object) -> Any:  # noqa: ANN401 - any value of a property
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_to_plain_value(item) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    signature = fields.get(SIGNATURE)
    if signature in {SECRET, OUTPUT}:
        return _to_plain_value(fields.get("value"))
    if signature in {ASSET, ARCHIVE}:
        return {"hash": fields.get("hash") or _hash_asset(fields)}
    return {name: _to_plain_value(item) for name, item in fields.items() if item is not None}


def _hash_asset(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def is_unknown(value: object) -> bool:
    """Return whether a plain value is, or contains, a value that a preview does not know yet."""
    if isinstance(value, str):
        return value in UNKNOWN_VALUES
    if isinstance(value, list):
        return any(is_unknown(item) for item in cast("list[object]", value))
    if isinstance(value, dict):
        return any(is_unknown(item) for item in cast("dict[str, object]", value).values())
    return False


def read_declared(struct: struct_pb2.Struct, root: Path) -> Properties:
    """Return declared properties with the content of their assets, as the creators expect them."""
    return read_properties(struct, root)


def read_stored(struct: struct_pb2.Struct) -> Properties:
    """Return properties from the state.

    An asset or archive becomes a `Content` with its hash, but without data.
    """
    return {name: _restore_assets(value) for name, value in to_plain_values(struct).items()}


def _restore_assets(value: object) -> Any:  # noqa: ANN401 - any value of a property
    if isinstance(value, list):
        return [_restore_assets(item) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if fields.keys() == {"hash"}:
        return Content(data=b"", sha256=str(fields["hash"]))
    return {name: _restore_assets(item) for name, item in fields.items()}
