"""Sites for tests that build nothing: rows as the program writes them, without the functions they name."""

from local.cloud import Cloud

OF_THE_EXAMPLE = "next-site"


def declare_site(cloud: Cloud, name: str) -> str:
    """Declare another site beside the example's; returns its name."""
    client = cloud.emulator.client("dynamodb")
    table = cloud.deployed.outputs["tables"]["projects"]["name"]
    key = {"projectId": {"S": f"SITE#{OF_THE_EXAMPLE}"}, "sk": {"S": "SITE"}}
    row = client.get_item(TableName=table, Key=key)["Item"]
    copy = {attribute: {"S": value["S"].replace(OF_THE_EXAMPLE, name)} for attribute, value in row.items()}
    client.put_item(TableName=table, Item=copy)
    return name
