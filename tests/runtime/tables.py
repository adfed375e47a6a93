"""Tables for tests, created from the Pulumi program's declarations, so tests use the schema of the stages."""

from typing import Any

from tests.components.recorder import list_dynamodb_tables

PROJECTS = "anchor-dev-projects"
DEPLOYMENTS = "anchor-dev-deployments"
AUDIT = "anchor-dev-audit"
SHOPS = "anchor-dev-shops"
JOBS = "anchor-dev-jobs"
IMPORT_HISTORY = "anchor-dev-import-history"


def list_platform_tables() -> list[dict[str, Any]]:
    """Return the `create_table` arguments of the platform's tables."""
    names = {PROJECTS, DEPLOYMENTS, AUDIT}
    tables = [table for table in list_dynamodb_tables("dev") if table["TableName"] in names]
    assert len(tables) == 3
    return tables


def list_shop_tables() -> list[dict[str, Any]]:
    """Return the `create_table` arguments of the shop store's tables."""
    names = {SHOPS, JOBS, IMPORT_HISTORY}
    tables = [table for table in list_dynamodb_tables("dev") if table["TableName"] in names]
    assert len(tables) == 3
    return tables
