"""Attacks of a web page on the embedded AWS: it must not empty the embedded AWS, and must not read it.

The page runs in the browser of a developer who runs `make up`.
"""

import http.client
import json
from typing import Any

import boto3
import pytest
import requests

from local.emulator.emulator import Emulator

THEIRS = "https://evil.example"
OURS = "http://localhost:3000"
SIGN_IN = {
    "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth",
    "content-type": "application/x-amz-json-1.1",
}


def send_request(
    emulator: Emulator, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, str]:
    """Send a request with exactly these headers. Return the status and the body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"host": f"127.0.0.1:{emulator.port}", **headers}.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body.encode())
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def list_queues(emulator: Emulator) -> list[str]:
    return emulator.client("sqs").list_queues().get("QueueUrls", [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/%5Fministack/reset"),
        ("POST", "/_ministack/config"),
        ("POST", "/_ministack/lambda-code/function"),
        ("GET", "/_ministack/sqs/messages"),
        ("GET", "/_ministack/ses/messages"),
        ("GET", "/_localstack/health"),
        ("GET", "/_alb/any"),
    ],
)
def test_the_control_paths_are_closed_to_everybody(emulator: Emulator, method: str, path: str) -> None:
    """A form on any web page could send `POST /_ministack/reset`, which deleted everything."""
    emulator.client("sqs").create_queue(QueueName="jobs")
    status, text = send_request(emulator, method, path)
    assert (status, "no control paths" in text) == (403, True)
    assert len(list_queues(emulator)) == 1


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost.evil.example:{port}",
        "evil-localhost:{port}",
        "127.0.0.1:1",
        "localhost",
        "user@127.0.0.1:{port}",
        "amazonaws.com.evil.example",
        "",
    ],
)
def test_a_name_of_an_attacker_that_leads_to_loopback_is_refused(emulator: Emulator, host: str) -> None:
    """With DNS rebinding, the attacker's page and the embedded AWS had the same origin."""
    status, text = send_request(emulator, "GET", "/health", host=host.format(port=emulator.port))
    assert (status, "does not have the host" in text) == (403, True)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "000000000000.127.0.0.1:{port}"]
)
def test_names_that_always_lead_to_this_machine_are_accepted(emulator: Emulator, host: str) -> None:
    assert send_request(emulator, "GET", "/health", host=host.format(port=emulator.port))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": THEIRS},
        {"origin": "null"},
        {"origin": "http://site.localhost:8080"},
        {"origin": "http://127.0.0.1:8080"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": THEIRS, "sec_fetch_site": "none"},
    ],
)
def test_a_request_of_another_site_is_refused(emulator: Emulator, headers: dict[str, str]) -> None:
    """Pages of a deployed site are another site, too, because a tenant of the platform wrote them."""
    for method in ("GET", "POST", "OPTIONS"):
        status, text = send_request(emulator, method, "/", "{}", **SIGN_IN, **headers)
        assert (status, "refuses requests of web pages" in text) == (403, True), method


@pytest.mark.parametrize("headers", [{}, {"sec_fetch_site": "none"}, {"sec_fetch_site": "same-origin"}])
def test_tools_and_addresses_that_the_developer_enters_are_accepted(
    emulator: Emulator, headers: dict[str, str]
) -> None:
    assert send_request(emulator, "GET", "/health", **headers)[0] == 200
    own = f"http://127.0.0.1:{emulator.port}"
    assert send_request(emulator, "GET", "/health", origin=own, **headers)[0] == 200


def test_a_page_of_a_configured_origin_can_sign_in(emulator: Emulator) -> None:
    """The web application sends the sign-in to Cognito, which has no CORS settings of its own."""
    body = json.dumps({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "none", "AuthParameters": {}})

    def sign_in(origin: str) -> int:
        return send_request(emulator, "POST", "/", body, **SIGN_IN, origin=origin)[0]

    assert sign_in(OURS) == 403
    emulator.client("apigatewayv2").create_api(
        Name="a", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": [OURS, "*"]}
    )
    assert sign_in(OURS) == 400
    assert sign_in(THEIRS) == 403
    assert sign_in("*") == 403


def test_a_page_of_a_configured_origin_can_use_a_bucket(emulator: Emulator) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="images", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    s3.put_bucket_cors(
        Bucket="images",
        CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": [OURS, "https://*"]}]},
    )
    url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": "images"})

    def read(**headers: str) -> int:
        return requests.get(url, headers=headers, timeout=10).status_code

    assert read(origin=OURS) == 200
    assert read(origin=THEIRS) == 403
    assert read() == 200


def test_a_page_cannot_open_a_web_socket(emulator: Emulator) -> None:
    answer = requests.get(
        f"{emulator.endpoint_url}/_aws/execute-api/aaaaaaaa/live",
        headers={
            "host": "evil.example",
            "connection": "upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
        timeout=10,
    )
    assert answer.status_code == 403


def test_boto3_with_its_own_settings_is_accepted(emulator: Emulator) -> None:
    """Users give the AWS CLI and boto3 only the endpoint and the credentials that `make up` prints."""
    options: dict[str, Any] = {
        "endpoint_url": f"http://localhost:{emulator.port}",
        "region_name": emulator.region,
        "aws_access_key_id": emulator.administrator.access_key_id,
        "aws_secret_access_key": emulator.administrator.secret_access_key,
    }
    assert boto3.client("sts", **options).get_caller_identity()["Account"] == emulator.account_id
