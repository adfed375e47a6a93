"""What the tests look at or change in the embedded cloud and no user can: rows, logs, policies, keys."""

import base64
import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ministack.services import cognito

from local.cloud import Cloud


def rows(cloud: Cloud) -> str:
    """Everything the platform's tables hold, as text."""
    client = cloud.emulator.client("dynamodb")
    tables = sorted(table["name"] for table in cloud.deployed.outputs["tables"].values())
    items: list[Any] = []
    for table in tables:
        pages = client.get_paginator("scan").paginate(TableName=table)
        items += sorted(json.dumps(item, sort_keys=True) for page in pages for item in page["Items"])
    return "\n".join(items)


def digest_of_rows(cloud: Cloud) -> str:
    return hashlib.sha256(rows(cloud).encode()).hexdigest()


def number_of_builds(cloud: Cloud) -> int:
    return len(cloud.emulator.client("codebuild").list_builds()["ids"])


def log_of(cloud: Cloud, function: str) -> list[str]:
    """What one of the platform's functions logged."""
    client = cloud.emulator.client("logs")
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/anchor-local-{function}"
    )
    return [event["message"] for page in pages for event in page["events"]]


def expired(token: str) -> str:
    """The same token an hour after its end, signed by the user pool's own key."""
    padded = token.split(".")[1] + "=="
    claims = json.loads(base64.urlsafe_b64decode(padded))
    claims["exp"] = claims["iat"] - 3600
    return cognito._signed_jwt(claims, claims["iss"].rpartition("/")[2], "access")


def tampered(token: str) -> str:
    """The same token with another subject, under the old signature."""
    header, payload, signature = token.split(".")
    claims = {**json.loads(base64.urlsafe_b64decode(payload + "==")), "sub": "somebody-else"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{forged}.{signature}"


@contextmanager
def permission_taken_away(cloud: Cloud, function: str, action: str) -> Generator[None]:
    """Remove one action from the policies of one function's role, and put it back."""
    client = cloud.emulator.client("iam")
    role = f"anchor-local-{function}"
    policies = {
        name: client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in client.list_role_policies(RoleName=role)["PolicyNames"]
    }
    assert any(action in json.dumps(document) for document in policies.values()), f"{role} may not {action}"
    _put(client, role, {name: _without(document, action) for name, document in policies.items()})
    try:
        yield
    finally:
        _put(client, role, policies)


def _put(
    client: Any,  # noqa: ANN401 - boto3's clients have no types
    role: str,
    policies: dict[str, Any],
) -> None:
    for name, document in policies.items():
        client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _without(document: dict[str, Any], action: str) -> dict[str, Any]:
    statements: list[dict[str, Any]] = []
    for statement in document["Statement"]:
        actions = statement["Action"]
        left = [a for a in ([actions] if isinstance(actions, str) else actions) if a != action]
        if left:
            statements.append({**statement, "Action": left})
    return {**document, "Statement": statements}
