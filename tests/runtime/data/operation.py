"""What the tests over all repositories know of each public method: one table for the three systems.

A system adds a module with `OPERATIONS` to `operations.py`. The tests find the repositories by themselves, so
that a method which is missing from the table fails them.
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
    """The call that a test is about, once the rows for it are there.

    Attributes:
        database: The DynamoDB client below the repositories.
        call: Calls the method as a tenant.
    """

    database: Any
    call: Callable[[str], object]

    def rows(self, tables: Iterable[str]) -> list[Mapping[str, Any]]:
        """Every row of these tables."""
        return [row for table in tables for row in self.database.scan(TableName=table)["Items"]]


@frozen(kw_only=True)
class Operation:
    """One public method of a repository.

    Attributes:
        method: `Class.method`.
        owner: The tenant whose rows there are.
        others: Tenants that have none.
        tables: Names of its system's tables.
        scene: Makes the owner's rows, over a DynamoDB client whose tables are empty.
        platform: Why the method takes no tenant; None for those that do.
        calls: The DynamoDB calls that one use makes.
        more_calls: Why they are more than one.
        missing: What a tenant gets of another's: the errors that say "not found".
        empty: What else says so: an empty page.
    """

    method: str
    tables: tuple[str, ...]
    scene: Callable[[Any], Scene]
    owner: str = OWNER
    others: tuple[str, ...] = (OTHER, OWNER + " ", "METADATA")
    platform: str | None = None
    calls: tuple[str, ...]
    more_calls: str | None = None
    missing: tuple[type[Exception], ...] = ()
    empty: object = None


def public_methods() -> set[str]:
    """Every public method of every class of `runtime` that is named a repository."""
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
