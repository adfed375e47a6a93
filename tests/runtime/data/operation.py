"""The class `Operation`, which describes one public method of a repository.

The tests in this folder check whether the methods match their descriptions. The modules `..._operations.py`
contain the operations, and `operations.py` combines them. A test searches the code for repositories, and
fails if a public method has no operation.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import frozen

import runtime
from tests.runtime.stored_rows import read_rows

OWNER = "owner-0000"
OTHER = "other-0000"


@frozen(kw_only=True)
class Scene:
    """A database with the rows of an owner, and a function that calls the method under test.

    Attributes:
        database: DynamoDB client of the repositories.
        call: Calls the method for the tenant whose id is passed.
    """

    database: Any
    call: Callable[[str], object]

    def read_rows(self, tables: Iterable[str]) -> list[Mapping[str, Any]]:
        """Return all rows of these tables."""
        return read_rows(self.database, tables)


@frozen(kw_only=True)
class Operation:
    """One public method of a repository.

    Attributes:
        method: `Class.method`.
        owner: The tenant that owns the rows.
        others: Tenants without rows.
        tables: Names of the tables that the test creates.
        create_scene: Creates the owner's rows through a client whose tables are empty.
        no_tenant_reason: Reason why the method takes no tenant. None if the method takes one.
        calls: The DynamoDB calls that the method makes for the owner.
        more_calls_reason: Reason for more than one call. None if there is one call.
        missing: The errors that the method may raise for a tenant who does not own the rows.
        empty: The result for a tenant who does not own the rows, if `missing` is empty.
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
