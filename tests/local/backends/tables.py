"""Tables on a DynamoDB server. The first use creates the tables. Each later use empties the tables."""

from collections.abc import Iterable, Mapping
from typing import Any


def prepare_empty_tables(client: Any, tables: Iterable[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - clients have no type here
    """Create or empty these tables (arguments of `create_table`). Return the client."""
    there = set(client.list_tables()["TableNames"])
    for table in tables:
        name = table["TableName"]
        if name not in there:
            client.create_table(**table)
            # Wait, because dynalite does not find a new table until the table is active.
            client.get_waiter(waiter_name="table_exists").wait(
                TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )
            continue
        keys = [each["AttributeName"] for each in table["KeySchema"]]
        for row in client.scan(TableName=name)["Items"]:
            client.delete_item(TableName=name, Key={key: row[key] for key in keys})
    return client
