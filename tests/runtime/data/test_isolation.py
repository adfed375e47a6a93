"""Tests of every public repository method: tenants stay isolated (A5), and calls and rows are as declared.

An `Operation` describes each method. One test fails if a public repository method has no `Operation`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.components.recorder import list_dynamodb_tables
from tests.runtime.calls import get_real_client
from tests.runtime.data.operation import Operation, find_public_methods
from tests.runtime.data.operations import OPERATIONS

pytestmark = pytest.mark.thorough

FOR_TENANTS = [each for each in OPERATIONS if each.no_tenant_reason is None]
RUNTIME = Path(__file__).parents[3] / "runtime"
ADDED = "addedByALaterVersion"


def format_id(operation: Operation) -> str:
    return f"{operation.method}-{'-'.join(operation.calls)}"


@contextmanager
def record_calls(client: Any) -> Iterator[list[str]]:  # noqa: ANN401 - clients have no type here
    """Yield a list to which botocore adds each operation that the client sends."""
    made: list[str] = []

    def record_call(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        made.append(re.sub(r"(?<!^)(?=[A-Z])", "_", model.name).lower())

    client.meta.events.register("before-call.dynamodb", record_call, unique_id="recorder")
    try:
        yield made
    finally:
        client.meta.events.unregister("before-call.dynamodb", unique_id="recorder")


@pytest.fixture
def database(aws: None, operation: Operation) -> Any:  # noqa: ARG001, ANN401 - for its effect; clients have no type
    """A DynamoDB client of moto, with the empty tables that the operation needs."""
    client = get_real_client("dynamodb")
    for table in list_dynamodb_tables("dev"):
        if table["TableName"] in operation.tables:
            client.create_table(**table)
    return client


def test_every_public_method_has_an_operation() -> None:
    assert {operation.method for operation in OPERATIONS} == find_public_methods()


@pytest.mark.parametrize("operation", FOR_TENANTS, ids=format_id)
def test_another_tenant_reads_and_changes_nothing(
    database: Any,  # noqa: ANN401 - clients have no type here
    operation: Operation,
) -> None:
    """A5: the method raises a "not found" error or returns an empty result. No row changes."""
    scene = operation.create_scene(database)
    before = scene.read_rows(operation.tables)
    for tenant in operation.others:
        if operation.missing:
            with pytest.raises(operation.missing):
                scene.call(tenant)
        else:
            assert scene.call(tenant) == operation.empty
        assert scene.read_rows(operation.tables) == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=format_id)
def test_a_method_makes_its_declared_calls_and_preserves_unknown_attributes(
    database: Any,  # noqa: ANN401 - clients have no type here
    operation: Operation,
) -> None:
    """For the owner, a method returns a result and keeps attributes of rows that the code does not know.

    The method makes one DynamoDB call, or more calls if its `Operation` gives a reason.
    """
    scene = operation.create_scene(database)
    touched = _extend_rows(scene.database, operation.tables)
    with record_calls(database) as made:
        found = scene.call(operation.owner)
    assert tuple(made) == operation.calls
    assert (len(made) == 1) == (operation.more_calls_reason is None)
    assert operation.empty is None or found != operation.empty
    kept = {key for table in operation.tables for key in _list_extended_row_keys(scene.database, table)}
    deleted = touched - {key for table in operation.tables for key in _list_row_keys(scene.database, table)}
    assert kept == touched - deleted


def _extend_rows(client: Any, tables: tuple[str, ...]) -> set[tuple[str, str]]:  # noqa: ANN401 - as above
    for table in tables:
        for row in client.scan(TableName=table)["Items"]:
            client.put_item(TableName=table, Item={**row, ADDED: {"SS": ["x"]}})
    return {key for table in tables for key in _list_extended_row_keys(client, table)}


def _list_row_keys(client: Any, table: str, *, extended: bool = False) -> set[tuple[str, str]]:  # noqa: ANN401 - as above
    schema = client.describe_table(TableName=table)["Table"]["KeySchema"]
    names = [each["AttributeName"] for each in schema]
    rows = client.scan(TableName=table)["Items"]
    return {(table, str([row[name] for name in names])) for row in rows if not extended or ADDED in row}


def _list_extended_row_keys(client: Any, table: str) -> set[tuple[str, str]]:  # noqa: ANN401 - as above
    return _list_row_keys(client, table, extended=True)


def test_only_the_cleaning_of_a_site_scans_a_table() -> None:
    """The cleaning deletes all rows of the site's own tag table, and no query can list them.

    The other tests show that no repository method sends the call `Scan`.
    """
    sources = {path.relative_to(RUNTIME).as_posix(): path.read_text() for path in RUNTIME.rglob("*.py")}
    assert len(sources) > 50
    assert sorted(
        path for path, text in sources.items() if re.search(r"\.scan\(|[\"']scan[\"']|\bdef scan\b", text)
    ) == ["deploy/releases/cache_seed.py", "deploy/releases/release_clients.py"]
