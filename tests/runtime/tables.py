"""Test tables as the program declares them."""

from typing import Any

PROJECTS = "anchor-dev-projects"
DEPLOYMENTS = "anchor-dev-deployments"


def platform_tables() -> list[dict[str, Any]]:
    """Arguments of `create_table` for the platform's tables."""

    def s(*names: str) -> list[dict[str, str]]:
        return [{"AttributeName": n, "AttributeType": "S"} for n in names]

    def k(pk: str, sk: str | None = None) -> list[dict[str, str]]:
        return [
            {"AttributeName": pk, "KeyType": "HASH"},
            *([{"AttributeName": sk, "KeyType": "RANGE"}] if sk else []),
        ]

    def i(name: str, *keys: str) -> dict[str, Any]:
        return {"IndexName": name, "KeySchema": k(*keys), "Projection": {"ProjectionType": "ALL"}}

    return [
        {
            "TableName": PROJECTS,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": s("projectId", "sk", "userId", "createdAt"),
            "KeySchema": k("projectId", "sk"),
            "GlobalSecondaryIndexes": [i("UserIdIndex", "userId", "createdAt")],
        },
        {
            "TableName": DEPLOYMENTS,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": s("projectId", "deploymentId", "userId"),
            "KeySchema": k("projectId", "deploymentId"),
            "GlobalSecondaryIndexes": [
                i("DeploymentIdIndex", "deploymentId"),
                i("UserIdIndex", "userId", "deploymentId"),
            ],
        },
    ]
