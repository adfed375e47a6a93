# ruff: noqa: ANN401 - boto3 clients have no type
"""Stored rows as values that tests can compare.

DynamoDB returns the rows of a scan, the attributes of a row and the elements of a set in any order.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.shared.aws import AttributeValue


def read_rows(client: Any, tables: Iterable[str]) -> list[Mapping[str, Any]]:
    """Return all rows of these tables, sorted by their values, with sorted sets."""
    scanned = [row for table in tables for row in client.scan(TableName=table)["Items"]]
    rows = [{name: sort_sets(value) for name, value in row.items()} for row in scanned]
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=repr))


def sort_sets(value: AttributeValue) -> AttributeValue:
    """Return a value whose sets, at any depth, are sorted."""
    ((kind, held),) = value.items()
    if kind in {"SS", "NS", "BS"}:
        return {kind: sorted(held)}
    if kind == "M":
        return {kind: {name: sort_sets(inner) for name, inner in held.items()}}
    if kind == "L":
        return {kind: [sort_sets(inner) for inner in held]}
    return value
