"""Access to rows, logs, tokens and policies of the embedded cloud. Users have no such access."""

import base64
import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ministack.services import cognito

from local.cloud import Cloud


def read_rows(cloud: Cloud) -> str:
    """Return all rows of the platform's tables as text."""
    client = cloud.emulator.client("dynamodb")
    tables = sorted(table["name"] for table in cloud.deployed.outputs["tables"].values())
    items: list[Any] = []
    for table in tables:
        pages = client.get_paginator("scan").paginate(TableName=table)
        items += sorted(
            json.dumps(item, sort_keys=True, default=repr) for page in pages for item in page["Items"]
        )
    return "\n".join(items)


def hash_rows(cloud: Cloud) -> str:
    return hashlib.sha256(read_rows(cloud).encode()).hexdigest()


def count_builds(cloud: Cloud) -> int:
    return len(cloud.emulator.client("codebuild").list_builds()["ids"])


def read_log(cloud: Cloud, function: str) -> list[str]:
    """Return the log messages of one of the platform's functions."""
    client = cloud.emulator.client("logs")
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/anchor-local-{function}"
    )
    return [event["message"] for page in pages for event in page["events"]]


def make_expired_token(token: str) -> str:
    """Return an expired copy of the token. The copy has a valid signature of the user pool."""
    padded = token.split(".")[1] + "=="
    claims = json.loads(base64.urlsafe_b64decode(padded))
    claims["exp"] = claims["iat"] - 3600
    return cognito._signed_jwt(claims, claims["iss"].rpartition("/")[2], "access")


def make_tampered_token(token: str) -> str:
    """Return a copy of the token with another subject, but with the signature of the original token."""
    header, payload, signature = token.split(".")
    claims = {**json.loads(base64.urlsafe_b64decode(payload + "==")), "sub": "somebody-else"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{forged}.{signature}"


@contextmanager
def remove_permission(cloud: Cloud, function: str, action: str) -> Generator[None]:
    """Remove an action from the policies of a function's role. Restore the action when the context ends."""
    client = cloud.emulator.client("iam")
    role = f"anchor-local-{function}"
    policies = {
        name: client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in client.list_role_policies(RoleName=role)["PolicyNames"]
    }
    assert any(action in json.dumps(document) for document in policies.values()), (
        f"{role} does not allow {action}"
    )
    _write_policies(client, role, {name: _drop_action(policy, action) for name, policy in policies.items()})
    try:
        yield
    finally:
        _write_policies(client, role, policies)


def _write_policies(
    client: Any,  # noqa: ANN401 - boto3's clients have no types
    role: str,
    policies: dict[str, Any],
) -> None:
    for name, document in policies.items():
        client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _drop_action(document: dict[str, Any], action: str) -> dict[str, Any]:
    statements: list[dict[str, Any]] = []
    for statement in document["Statement"]:
        actions = statement["Action"]
        left = [a for a in ([actions] if isinstance(actions, str) else actions) if a != action]
        if left:
            statements.append({**statement, "Action": left})
    return {**document, "Statement": statements}
