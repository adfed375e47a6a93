"""Sites for tests that build nothing. Only the row of such a site exists. Its functions do not exist."""

from local.cloud import Cloud

EXAMPLE_SITE = "next-site"


def declare_site(cloud: Cloud, name: str) -> str:
    """Declare another site by copying the row of the example site, and return its name."""
    client = cloud.emulator.client("dynamodb")
    table = cloud.deployed.outputs["tables"]["projects"]["name"]
    key = {"projectId": {"S": f"SITE#{EXAMPLE_SITE}"}, "sk": {"S": "SITE"}}
    row = client.get_item(TableName=table, Key=key)["Item"]
    copy = {attribute: {"S": value["S"].replace(EXAMPLE_SITE, name)} for attribute, value in row.items()}
    client.put_item(TableName=table, Item=copy)
    return name
