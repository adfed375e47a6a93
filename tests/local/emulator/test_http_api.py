"""An HTTP API that calls a function and checks tokens of the user pool (A1). A program deploys the API."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
import requests

from local.emulator.emulator import Emulator
from local.engine.engine import Engine

CODE = """
import json
def handle(event, context):
    claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
    seen = {"sub": claims.get("sub"), "groups": claims.get("cognito:groups"), "path": event["rawPath"],
            "route": event["routeKey"], "parameters": event.get("pathParameters"),
            "query": event.get("rawQueryString")}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(seen)}
"""
PASSWORD = "Aa1-correct-horse"
TRUST = '{"Version": "2012-10-17", "Statement": []}'


def define_resources() -> None:
    pool = aws.cognito.UserPool("users", name="users", username_attributes=["email"])
    client = aws.cognito.UserPoolClient(
        "users",
        user_pool_id=pool.id,
        explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )
    for group in ("deploy", "images"):
        aws.cognito.UserGroup(group, name=group, user_pool_id=pool.id)
    other = aws.cognito.UserPoolClient(
        "other", user_pool_id=pool.id, explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH"]
    )
    pulumi.export("otherClient", other.id)
    role = aws.iam.Role("api", assume_role_policy=TRUST)
    function = aws.lambda_.Function(
        "api",
        role=role.arn,
        runtime="python3.13",
        handler="api.handle",
        code=pulumi.AssetArchive({"api.py": pulumi.StringAsset(CODE)}),
    )
    api = aws.apigatewayv2.Api("platform", protocol_type="HTTP")
    aws.apigatewayv2.Stage("platform", name="$default", api_id=api.id, auto_deploy=True)
    issuer = pulumi.Output.concat("https://cognito-idp.ap-southeast-1.amazonaws.com/", pool.id)
    authorizer = aws.apigatewayv2.Authorizer(
        "users",
        api_id=api.id,
        authorizer_type="JWT",
        identity_sources=["$request.header.Authorization"],
        jwt_configuration={"issuer": issuer, "audiences": [client.id]},
    )
    integration = aws.apigatewayv2.Integration(
        "api",
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_method="POST",
        integration_uri=function.invoke_arn,
        payload_format_version="2.0",
    )
    for key, protected in (("GET /projects/{projectId}", True), ("POST /webhook/{projectId}", False)):
        aws.apigatewayv2.Route(
            key,
            api_id=api.id,
            route_key=key,
            target=pulumi.Output.concat("integrations/", integration.id),
            authorization_type="JWT" if protected else "NONE",
            authorizer_id=authorizer.id if protected else None,
        )
    pulumi.export("endpoint", api.api_endpoint)
    pulumi.export("pool", pool.id)
    pulumi.export("client", client.id)


@pytest.fixture
def outputs(emulator: Emulator, tmp_path: Path) -> dict[str, Any]:
    engine = Engine(emulator, root=tmp_path)
    config = {"aws:region": "ap-southeast-1"}
    return engine.deploy_program(define_resources, stack="local", config=config).outputs


@pytest.fixture
def token(emulator: Emulator, outputs: dict[str, Any]) -> str:
    """An access token of a user who signed in with a password."""
    cognito = emulator.client("cognito-idp")
    pool, name, password = outputs["pool"], "ada@example.com", PASSWORD
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
    for group in ("deploy", "images"):
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)
    return sign_in(emulator, outputs["client"])


def sign_in(emulator: Emulator, client: str) -> str:
    """Sign in with a client of the user pool and return the access token."""
    answer = emulator.client("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client,
        AuthParameters={"USERNAME": "ada@example.com", "PASSWORD": PASSWORD},
    )
    access_token: str = answer["AuthenticationResult"]["AccessToken"]
    return access_token


@pytest.fixture
def get(outputs: dict[str, Any]) -> Callable[[str | None], requests.Response]:
    def get_project(token: str | None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(f"{outputs['endpoint']}/projects/01J?limit=2", headers=headers, timeout=10)

    return get_project


def read_claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def test_the_function_gets_the_user_id_from_the_token(
    get: Callable[[str | None], requests.Response], token: str
) -> None:
    answer = get(token)
    assert answer.status_code == 200
    assert answer.json() == {
        "sub": read_claims(token)["sub"],
        "groups": "[deploy images]",
        "path": "/projects/01J",
        "route": "GET /projects/{projectId}",
        "parameters": {"projectId": "01J"},
        "query": "limit=2",
    }


def test_a_missing_or_tampered_token_is_refused(
    get: Callable[[str | None], requests.Response], token: str
) -> None:
    header, _, signature = token.split(".")
    claims = json.dumps({**read_claims(token), "sub": "another"}).encode()
    forged = base64.urlsafe_b64encode(claims).rstrip(b"=").decode()
    assert get(None).status_code == 401
    assert get(f"{header}.{forged}.{signature}").status_code == 401


def test_a_token_of_another_client_of_the_pool_is_refused(
    emulator: Emulator, outputs: dict[str, Any], get: Callable[[str | None], requests.Response], token: str
) -> None:
    """X20: access tokens have no `aud`, so the audience is compared with their `client_id`."""
    other = sign_in(emulator, outputs["otherClient"])
    assert read_claims(other)["client_id"] == outputs["otherClient"]
    assert read_claims(other)["sub"] == read_claims(token)["sub"]
    assert get(other).status_code == 401


def test_a_route_without_authorizer_accepts_anonymous_requests(outputs: dict[str, Any]) -> None:
    answer = requests.post(f"{outputs['endpoint']}/webhook/01J", data=b"{}", timeout=10)
    assert (answer.status_code, answer.json()["sub"]) == (200, None)
