"""What an update would do to the indexes of a table that is live (T4)."""

from collections.abc import Mapping
from typing import Any, Final, cast

import pulumi
from pulumi.runtime import settings
from pulumi.runtime.proto import resource_pb2

_HOOKS: Final = resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS
_INDEXES: Final = "globalSecondaryIndexes"


def index_hooks(table: str) -> pulumi.ResourceHookBinding | None:
    """What Pulumi's engine calls before it updates a table, in a preview too.

    The program does not know what is deployed, so it cannot warn by itself; the engine does, and tells the
    hook. None where the engine calls no hooks, as that of the embedded cloud, whose tables are new.
    """
    if not settings.monitor_supports_feature(_HOOKS):
        return None
    hook = pulumi.ResourceHook(
        f"indexes-of-{table}", warn_of_index_changes, pulumi.ResourceHookOptions(on_dry_run=True)
    )
    return pulumi.ResourceHookBinding(before_update=[hook])


def warn_of_index_changes(args: pulumi.ResourceHookArgs) -> None:
    """Warn when an update changes more than one index.

    It would go through, slowly: the provider changes one after the other, since DynamoDB takes one at a time.
    """
    changed = changed_indexes(args.old_inputs or {}, args.new_inputs or {})
    if len(changed) > 1:
        pulumi.log.warn(
            f"{args.name}: this update adds, removes or remakes {len(changed)} indexes "
            f"({', '.join(changed)}). DynamoDB changes one at a time, and builds each from every row of the "
            "table; until then, queries on it fail. Change one index per update: first the index, then the "
            "code that queries it."
        )


def changed_indexes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the indexes that differ between the inputs of two declarations of a table, sorted.

    DynamoDB cannot change the keys or the projection of an index: it is removed and made anew.
    """
    before, after = _by_name(old), _by_name(new)
    return tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))


def _by_name(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Every index without what the engine marks and leaves empty, so that equal ones compare as equal."""
    indexes = cast("list[Mapping[str, Any]]", inputs.get(_INDEXES) or [])
    return {str(index["name"]): _plain(index) for index in indexes}


def _plain(value: object) -> object:
    match value:
        case Mapping():
            items = cast("Mapping[str, object]", value).items()
            return {key: _plain(item) for key, item in items if item is not None and not key.startswith("__")}
        case list():
            return [_plain(item) for item in cast("list[object]", value)]
        case _:
            return value
