"""The checks of presigned requests refuse what S3 refuses. Otherwise, tests that use them prove nothing."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from runtime.deploy.releases.uploading import S3_CONFIG
from tests.runtime.calls import REGION, get_real_client
from tests.runtime.signatures import RefusedRequestError, check_form, check_presigned_put

BUCKET, KEY = "assets", "assets/a b+ñ.txt"
HEADERS = {"content-type": "text/plain", "cache-control": "no-store"}


def sign_url(client: Any = None, **more: Any) -> str:  # noqa: ANN401 - boto3 clients have no type
    client = client or get_real_client("s3", S3_CONFIG)
    parameters = {"Bucket": BUCKET, "Key": KEY, "ContentType": "text/plain", "CacheControl": "no-store"}
    return client.generate_presigned_url("put_object", Params=parameters | more, ExpiresIn=900)


def sign_form() -> dict[str, Any]:
    return get_real_client("s3", S3_CONFIG).generate_presigned_post(
        BUCKET,
        KEY,
        Fields={"Content-Type": "image/png"},
        Conditions=[{"Content-Type": "image/png"}, ["content-length-range", 1, 10]],
        ExpiresIn=900,
    )


def test_a_correct_request_passes() -> None:
    check_presigned_put(sign_url(), HEADERS, bucket=BUCKET, key=KEY)
    capitals = {name.title(): value for name, value in HEADERS.items()}
    check_presigned_put(sign_url(), capitals | {"User-Agent": "x"}, bucket=BUCKET, key=KEY)
    form = sign_form()
    check_form(form["url"], form["fields"], bucket=BUCKET, size=10)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({**HEADERS, "content-type": "text/html"}, "signature does not match"),
        ({**HEADERS, "cache-control": "public"}, "signature does not match"),
        ({"content-type": "text/plain"}, "header cache-control is not sent"),
        ({**HEADERS, "x-amz-acl": "public-read"}, "header x-amz-acl is not signed"),
    ],
)
def test_a_put_with_other_headers_is_refused(headers: Mapping[str, str], problem: str) -> None:
    with pytest.raises(RefusedRequestError, match=problem):
        check_presigned_put(sign_url(), headers, bucket=BUCKET, key=KEY)


def test_a_put_whose_type_was_not_signed_is_refused() -> None:
    url = get_real_client("s3", S3_CONFIG).generate_presigned_url(
        "put_object", Params={"Bucket": "b", "Key": "k"}
    )
    with pytest.raises(RefusedRequestError, match="header content-type is not signed"):
        check_presigned_put(url, {"content-type": "text/plain"}, bucket="b", key="k")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda url: url.replace("/assets/a", "/assets/b"), "signature does not match"),
        (lambda url: url.replace("X-Amz-Expires=900", "X-Amz-Expires=901"), "signature does not match"),
        (lambda url: url.replace("//assets.s3", "//others.s3"), "signature does not match"),
        (lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"), "signature does not match"),
        (lambda url: url.replace("https:", "http:"), "not encrypted"),
        (lambda url: url.partition("&X-Amz-Signature")[0], "no signature of version 4"),
    ],
)
def test_a_changed_url_is_refused(change: Callable[[str], str], problem: str) -> None:
    with pytest.raises(RefusedRequestError, match=problem):
        check_presigned_put(change(sign_url()), HEADERS, bucket=BUCKET, key=KEY)


def test_a_url_is_refused_after_its_lifetime() -> None:
    url, now = sign_url(), datetime.now(UTC)
    check_presigned_put(url, HEADERS, bucket=BUCKET, key=KEY, at=now + timedelta(minutes=14))
    with pytest.raises(RefusedRequestError, match="has expired"):
        check_presigned_put(url, HEADERS, bucket=BUCKET, key=KEY, at=now + timedelta(minutes=15))
    with pytest.raises(RefusedRequestError, match="from the future"):
        check_presigned_put(url, HEADERS, bucket=BUCKET, key=KEY, at=now - timedelta(hours=1))


@pytest.mark.parametrize(
    ("region", "secret", "config", "problem"),
    [
        (REGION, "testing", Config(), "no signature of version 4"),
        (REGION, "another", S3_CONFIG, "signature does not match"),
        ("eu-west-1", "testing", S3_CONFIG, "the credential is"),
    ],
)
def test_a_url_of_another_signer_is_refused(region: str, secret: str, config: Config, problem: str) -> None:
    """In the first case, boto3 signs with its default, signature version 2."""
    client = boto3.client(
        "s3", region_name=region, aws_access_key_id="testing", aws_secret_access_key=secret, config=config
    )
    with pytest.raises(RefusedRequestError, match=problem):
        check_presigned_put(sign_url(client), HEADERS, bucket=BUCKET, key=KEY)


@pytest.mark.parametrize(
    ("key", "bucket", "problem"), [("assets/b", BUCKET, "names the object"), (KEY, "b", "names the host")]
)
def test_a_url_of_another_object_is_refused(key: str, bucket: str, problem: str) -> None:
    with pytest.raises(RefusedRequestError, match=problem):
        check_presigned_put(sign_url(), HEADERS, bucket=bucket, key=key)


def widen_policy(fields: dict[str, str]) -> dict[str, str]:
    policy = json.loads(base64.b64decode(fields["policy"]))
    policy["conditions"].append(["content-length-range", 0, 10**9])
    return {**fields, "policy": base64.b64encode(json.dumps(policy).encode()).decode()}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda fields: {**fields, "Content-Type": "text/html"}, "field content-type breaks the condition"),
        (lambda fields: {**fields, "key": "assets/b"}, "field key breaks the condition"),
        (lambda fields: {**fields, "acl": "public-read"}, r"no condition for the fields \['acl'\]"),
        (widen_policy, "signature does not match the policy"),
        (lambda fields: {**fields, "x-amz-date": "20200101T000000Z"}, "the credential is"),
        (lambda fields: {**fields, "x-amz-algorithm": "AWS4"}, "the algorithm is AWS4"),
        (lambda fields: {**fields, "x-amz-signature": "0" * 64}, "signature does not match the policy"),
        *(
            (
                lambda fields, name=name: {key: fields[key] for key in fields if key != name},
                "has no field|missing",
            )
            for name in ("policy", "x-amz-signature", "x-amz-credential", "x-amz-date", "x-amz-algorithm")
        ),
        (
            lambda fields: {key: fields[key] for key in fields if key != "key"},
            "field key breaks the condition",
        ),
    ],
)
def test_a_changed_form_is_refused(change: Callable[[dict[str, str]], dict[str, str]], problem: str) -> None:
    form = sign_form()
    with pytest.raises(RefusedRequestError, match=problem):
        check_form(form["url"], change(form["fields"]), bucket=BUCKET, size=10)


@pytest.mark.parametrize(
    ("bucket", "size", "minutes", "problem"),
    [
        (BUCKET, 0, 0, "does not allow 0 bytes"),
        (BUCKET, 11, 0, "does not allow 11 bytes"),
        (BUCKET, 10, 15, "the policy has expired"),
        ("others", 10, 0, "field bucket breaks the condition"),
    ],
)
def test_a_form_is_refused_for_another_file_time_or_bucket(
    bucket: str, size: int, minutes: int, problem: str
) -> None:
    form = sign_form()
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    with pytest.raises(RefusedRequestError, match=problem):
        check_form(form["url"], form["fields"], bucket=bucket, size=size, at=at)


def test_a_form_that_is_sent_to_another_place_is_refused() -> None:
    form = sign_form()
    with pytest.raises(RefusedRequestError, match="the form is sent to"):
        check_form(form["url"].replace("https", "http"), form["fields"], bucket=BUCKET, size=10)
