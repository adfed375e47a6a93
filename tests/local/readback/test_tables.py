"""Tables, read back from the embedded AWS and compared with the requirements (T1, T5-T8).

The emulator stores every property that these tests compare.
"""

from typing import Any

import pytest

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment

S, N = "S", "N"
# The properties of each table, by the name of the table in the stack's outputs:
# - `keys`: the keys of the table.
# - `indexes`: the keys and the projection of each index.
# - `expires`: the attribute with the expiry time of a row.
# - `recovers`: whether point-in-time recovery is also enabled outside of production.
# - `stream`: whether the table has a stream.
TABLES: dict[str, dict[str, Any]] = {
    "audit": {
        "keys": {"userId": S, "sk": S},
        "expires": "expiresAt",
    },
    "projects": {
        "keys": {"projectId": S, "sk": S},
        "indexes": {"UserIdIndex": ({"userId": S, "createdAt": S}, "ALL")},
        "expires": "expiresAt",
    },
    "deployments": {
        "keys": {"projectId": S, "deploymentId": S},
        "indexes": {
            "DeploymentIdIndex": ({"deploymentId": S}, "ALL"),
            "UserIdIndex": ({"userId": S, "deploymentId": S}, "ALL"),
            # Sparse indexes: the first lists unfinished deployments, the second deployments with a release.
            "LeaseIndex": ({"lease": S, "leaseUntil": N}, "KEYS_ONLY"),
            "HeldIndex": ({"held": S, "deploymentId": S}, "INCLUDE"),
        },
        "expires": "expiresAt",
    },
    "images": {
        "keys": {"PK": S, "SK": S},
        "indexes": {
            "UserIndex": ({"GSI1PK": S, "GSI1SK": S}, "ALL"),
            "AlbumIndex": ({"GSI2PK": S, "GSI2SK": S}, "ALL"),
        },
        "expires": "ttl",
        "stream": True,
    },
    "shops": {"keys": {"domain": S}, "recovers": True},
    "jobs": {
        "keys": {"jobId": S},
        "indexes": {
            "ShopIndex": ({"shopDomain": S, "createdAt": S}, "ALL"),
            # The progress of a job is not in this index, so a change of the progress causes no write to it.
            "StatusIndex": ({"status": S, "createdAt": S}, "KEYS_ONLY"),
        },
        "expires": "expiresAt",
        "recovers": True,
    },
    "import-history": {
        "keys": {"shopDomain": S, "timestamp": N},
        "expires": "expiresAt",
        "recovers": True,
    },
    "site-next-site-tags": {
        "keys": {"tag": S, "path": S},
        "indexes": {"revalidate": ({"path": S, "revalidatedAt": N}, "ALL")},
        "expires": "expiresAt",
    },
}


def test_there_are_only_the_required_tables(deployed: Deployment) -> None:
    assert set(deployed.outputs["tables"]) == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_tables_match_the_requirements(running_emulator: Emulator, deployed: Deployment, name: str) -> None:
    client = running_emulator.client("dynamodb")
    exported = deployed.outputs["tables"][name]
    table = client.describe_table(TableName=exported["name"])["Table"]
    assert (table["TableName"], table["TableArn"]) == (f"anchor-local-{name}", exported["arn"])
    types = {item["AttributeName"]: item["AttributeType"] for item in table["AttributeDefinitions"]}

    def read_key_types(described: dict[str, Any]) -> dict[str, str]:
        assert [key["KeyType"] for key in described["KeySchema"]] in (["HASH"], ["HASH", "RANGE"])
        return {key["AttributeName"]: types[key["AttributeName"]] for key in described["KeySchema"]}

    indexes = {
        index["IndexName"]: (read_key_types(index), index["Projection"]["ProjectionType"])
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    expected = TABLES[name]
    assert (read_key_types(table), indexes) == (expected["keys"], expected.get("indexes", {}))
    used = {
        key
        for described in (expected["keys"], *(index for index, _ in indexes.values()))
        for key in described
    }
    assert set(types) == used

    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    encryption = table["SSEDescription"]
    assert (encryption["Status"], encryption["SSEType"]) == ("ENABLED", "KMS")
    assert encryption["KMSMasterKeyArn"].endswith(":alias/aws/dynamodb")
    assert table["DeletionProtectionEnabled"] is False  # the stage local retains nothing (G3)
    stream = table.get("StreamSpecification", {"StreamEnabled": False})
    wanted = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert stream == (wanted if expected.get("stream") else {"StreamEnabled": False})

    expiry = client.describe_time_to_live(TableName=exported["name"])["TimeToLiveDescription"]
    enabled = {"TimeToLiveStatus": "ENABLED", "AttributeName": expected.get("expires")}
    assert expiry == (enabled if expected.get("expires") else {"TimeToLiveStatus": "DISABLED"})
    backups = client.describe_continuous_backups(TableName=exported["name"])["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert recovery == ("ENABLED" if expected.get("recovers") else "DISABLED")
    tags = client.list_tags_of_resource(ResourceArn=exported["arn"])["Tags"]
    assert {"Project", "Stage", "Component"} <= {tag["Key"] for tag in tags}
