"""A table entry for each public repository method: the properties that the shared repository tests check.

Each system adds a module with `OPERATIONS` to `operations.py`. The tests find the repositories themselves.
So a method without an entry fails the tests.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import frozen

import runtime

OWNER = "owner-0000"
OTHER = "other-0000"


@frozen(kw_only=True)
class Scene:
    """The prepared rows and the call of one operation.

    Attributes:
        database: DynamoDB client of the repositories.
        call: Calls the method as a tenant.
    """

    database: Any
    call: Callable[[str], object]

    def rows(self, tables: Iterable[str]) -> list[Mapping[str, Any]]:
        """Return all rows of these tables."""
        return [row for table in tables for row in self.database.scan(TableName=table)["Items"]]


@frozen(kw_only=True)
class Operation:
    """One public method of a repository.

    Attributes:
        method: `Class.method`.
        owner: The tenant that owns the rows.
        others: Tenants without rows.
        tables: Names of the system's tables.
        create_scene: Creates the owner's rows through a client whose tables are empty.
        no_tenant_reason: Reason why the method takes no tenant. None for methods that do.
        calls: DynamoDB calls of one use.
        more_calls_reason: Reason for more than one call.
        missing: Errors for rows of another tenant.
        empty: Empty page for rows of another tenant.
    """

    method: str
    tables: tuple[str, ...]
    create_scene: Callable[[Any], Scene]
    owner: str = OWNER
    others: tuple[str, ...] = (OTHER, OWNER + " ", "METADATA")
    no_tenant_reason: str | None = None
    calls: tuple[str, ...]
    more_calls_reason: str | None = None
    missing: tuple[type[Exception], ...] = ()
    empty: object = None


def find_public_methods() -> set[str]:
    """Return every public method of every repository class in `runtime`."""
    found: set[str] = set()
    for module in pkgutil.walk_packages(runtime.__path__, "runtime."):
        for name, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if name.endswith("Repository") and kind.__module__ == module.name:
                found |= {
                    f"{name}.{method}"
                    for method, _ in inspect.getmembers(kind, inspect.isfunction)
                    if not method.startswith("_")
                }
    return found
