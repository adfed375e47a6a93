"""Warns when an update of a live table changes more than one index."""

from collections.abc import Mapping
from typing import Any, Final, cast

import pulumi
from pulumi.runtime import settings
from pulumi.runtime.proto import resource_pb2

_HOOKS: Final = resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS
_INDEXES: Final = "globalSecondaryIndexes"
_KEY_PROPERTIES: Final = ("hashKey", "keySchemas", "rangeKey")


def create_index_hooks(table: str) -> pulumi.ResourceHookBinding | None:
    """Return a hook that Pulumi's engine calls before it updates the table. Previews call the hook, too.

    A hook is necessary, because the program cannot read the deployed state of the table. The engine passes
    the old and the new inputs of the table to the hook.

    Returns:
        The hook, or None if the engine does not support hooks. The engine of the embedded cloud does not
        support them, but its tables are always new.
    """
    if not settings.monitor_supports_feature(_HOOKS):
        return None
    hook = pulumi.ResourceHook(
        f"indexes-of-{table}", warn_about_index_changes, pulumi.ResourceHookOptions(on_dry_run=True)
    )
    return pulumi.ResourceHookBinding(before_update=[hook])


def warn_about_index_changes(args: pulumi.ResourceHookArgs) -> None:
    """Log a warning if an update changes more than one index.

    The update would succeed, but slowly: DynamoDB changes one index at a time.
    """
    changed = find_changed_indexes(args.old_inputs or {}, args.new_inputs or {})
    if len(changed) > 1:
        pulumi.log.warn(
            f"{args.name}: this update adds, removes or recreates {len(changed)} indexes "
            f"({', '.join(changed)}). DynamoDB changes one index at a time and reads the whole table to "
            "build it. Queries on an index fail until it is built. Change one index per update: first the "
            "index, then the code that queries it."
        )


def find_changed_indexes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the sorted names of the indexes that differ between two declarations of a table.

    DynamoDB cannot change the keys or the projection of an existing index, so the AWS provider recreates a
    changed index.
    """
    before, after = _read_indexes(old), _read_indexes(new)
    return tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))


def _read_indexes(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the indexes by name, without None values and without the engine's markers (`__...`).

    The keys of all indexes are returned in the same form. The program declares `keySchemas`. After a refresh,
    the inputs in Pulumi's state can contain `hashKey` and `rangeKey`, with or without `keySchemas`. The AWS
    provider writes both forms into the state (docs/decisions/0044-index-keys-are-key-schemas.md).
    """
    indexes = cast("list[Mapping[str, Any]]", inputs.get(_INDEXES) or [])
    return {str(index["name"]): _normalize_keys(index) for index in indexes}


def _normalize_keys(index: Mapping[str, Any]) -> object:
    declared = cast("list[Mapping[str, str]]", index.get("keySchemas") or [])
    keys = {each["keyType"]: each["attributeName"] for each in declared}
    for kind, old_form in (("HASH", "hashKey"), ("RANGE", "rangeKey")):
        if index.get(old_form):
            keys[kind] = index[old_form]
    others = {name: value for name, value in index.items() if name not in _KEY_PROPERTIES}
    return _remove_markers({**others, "keys": keys})


def _remove_markers(value: object) -> object:
    match value:
        case Mapping():
            items = cast("Mapping[str, object]", value).items()
            return {
                key: _remove_markers(item)
                for key, item in items
                if item is not None and not key.startswith("__")
            }
        case list():
            return [_remove_markers(item) for item in cast("list[object]", value)]
        case _:
            return value
