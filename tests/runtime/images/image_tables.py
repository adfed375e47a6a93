"""The images table as the Pulumi program declares it, so that tests use the deployed schema."""

from typing import Any

from tests.components.recorder import list_dynamodb_tables

IMAGES = "anchor-dev-images"


def get_images_table() -> dict[str, Any]:
    """Return the `create_table` arguments of the images table."""
    (table,) = [table for table in list_dynamodb_tables("dev") if table["TableName"] == IMAGES]
    return table
