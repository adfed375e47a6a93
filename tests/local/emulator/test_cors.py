"""HTTP APIs and buckets in the embedded AWS send CORS headers only to the configured origins (I1, B5)."""

from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest
import requests

from local.emulator.emulator import Emulator, NodeResult
from local.engine.engine import Engine
from tests.local.emulator.probe import make_function

OURS = "http://localhost:3000"
THEIRS = "https://evil.example"
CORS = "access-control-"


@pytest.fixture
def endpoint(emulator: Emulator, tmp_path: Path) -> str:
    """The URL of an HTTP API with a public route and a route that requires a token.

    The program also has a bucket. The CORS settings of the API and of the bucket allow one origin.
    """
    emulator.set_node_invoker(lambda _: NodeResult(payload={"statusCode": 200, "body": "hello"}))
    function = make_function(emulator, runtime="nodejs22.x")

    def define_resources() -> None:
        api = aws.apigatewayv2.Api(
            "a",
            name="a",
            protocol_type="HTTP",
            cors_configuration={
                "allow_origins": [OURS],
                "allow_methods": ["GET", "POST"],
                "allow_headers": ["content-type", "authorization"],
                "max_age": 3600,
            },
        )
        aws.apigatewayv2.Stage("a", name="$default", api_id=api.id, auto_deploy=True)
        integration = aws.apigatewayv2.Integration(
            "a",
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_uri=function,
            payload_format_version="2.0",
        )
        target = pulumi.Output.concat("integrations/", integration.id)
        users = aws.apigatewayv2.Authorizer(
            "users",
            name="users",
            api_id=api.id,
            authorizer_type="JWT",
            identity_sources=["$request.header.Authorization"],
            jwt_configuration={"issuer": "https://issuer.invalid", "audiences": ["x"]},
        )
        aws.apigatewayv2.Route("open", api_id=api.id, route_key="GET /open", target=target)
        aws.apigatewayv2.Route(
            "closed",
            api_id=api.id,
            route_key="GET /closed",
            target=target,
            authorization_type="JWT",
            authorizer_id=users.id,
        )
        bucket = aws.s3.Bucket("images", bucket="some-images")
        aws.s3.BucketCorsConfiguration(
            "images",
            bucket=bucket.bucket,
            cors_rules=[
                {
                    "allowed_origins": [OURS],
                    "allowed_methods": ["GET", "PUT", "POST", "DELETE", "HEAD"],
                    "allowed_headers": ["*"],
                    "expose_headers": ["ETag"],
                    "max_age_seconds": 3600,
                }
            ],
        )
        pulumi.export("endpoint", api.api_endpoint)

    engine = Engine(emulator, root=tmp_path)
    deployed = engine.deploy_program(define_resources, stack="local", config={"aws:region": "ap-southeast-1"})
    return str(deployed.outputs["endpoint"])


def send_request(method: str, url: str, origin: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Send a request. Return the status and the CORS headers of the answer."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = requests.request(method, url, headers={"origin": origin, **sent}, timeout=10)
    found = {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith(CORS)}
    return answer.status_code, found


def send_preflight(url: str, origin: str, method: str = "POST") -> tuple[int, dict[str, str]]:
    return send_request(
        "OPTIONS",
        url,
        origin,
        access_control_request_method=method,
        access_control_request_headers="content-type",
    )


def test_a_preflight_of_a_configured_origin_gets_the_cors_settings(endpoint: str) -> None:
    status, headers = send_preflight(f"{endpoint}/closed", OURS)
    assert status == 204
    assert headers[f"{CORS}allow-origin"] == OURS
    assert set(headers[f"{CORS}allow-methods"].split(",")) == {"GET", "POST"}
    assert set(headers[f"{CORS}allow-headers"].split(",")) == {"content-type", "authorization"}
    assert headers[f"{CORS}max-age"] == "3600"
    assert f"{CORS}allow-credentials" not in headers


def test_an_unknown_origin_gets_no_cors_headers(endpoint: str) -> None:
    assert send_preflight(f"{endpoint}/open", THEIRS)[1] == {}
    assert send_request("GET", f"{endpoint}/open", THEIRS) == (200, {})
    assert send_preflight(f"{endpoint}/open", f"{OURS}.evil.example")[1] == {}


def test_answers_can_be_read_by_pages_of_the_configured_origin(endpoint: str) -> None:
    status, headers = send_request("GET", f"{endpoint}/open", OURS)
    assert (status, headers[f"{CORS}allow-origin"]) == (200, OURS)


def test_a_preflight_needs_no_token_but_the_request_does(endpoint: str) -> None:
    assert send_preflight(f"{endpoint}/closed", OURS)[0] == 204
    for credentials in ({}, {"authorization": "Bearer none"}):
        assert send_request("GET", f"{endpoint}/closed", OURS, **credentials)[0] == 401


def test_a_bucket_accepts_only_preflights_of_its_own_origins(endpoint: str, emulator: Emulator) -> None:
    assert endpoint  # the fixture `endpoint` also creates the bucket
    url = f"{emulator.endpoint_url}/some-images"
    status, headers = send_preflight(url, OURS)
    assert (status, headers[f"{CORS}allow-origin"]) == (200, OURS)
    assert "POST" in headers[f"{CORS}allow-methods"]
    assert send_preflight(url, THEIRS) == (403, {})
