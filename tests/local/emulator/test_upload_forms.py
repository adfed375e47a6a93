"""Presigned upload forms: the embedded AWS accepts only forms that S3 accepts (I2)."""

import base64
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from botocore.config import Config

from local.emulator.emulator import Emulator
from tests.local.emulator.probe import make_policy, make_role

BUCKET = "some-images"
KEY = "uploads/01JB"
LIMIT = 1000
Form = dict[str, Any]


@pytest.fixture
def sign_form(emulator: Emulator) -> Callable[..., Form]:
    """A function that signs a form as the image service does: for one key, content type and size range."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": emulator.region})
    s3.put_public_access_block(
        Bucket=BUCKET,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    role = make_role(emulator, policy=make_policy("s3:PutObject", f"arn:aws:s3:::{BUCKET}/uploads/*"))

    def create_form(*, key: str = KEY, expires: int = 300) -> Form:
        client = emulator.create_role_session(role).client("s3", config=Config(signature_version="s3v4"))
        signed: Form = client.generate_presigned_post(
            BUCKET,
            key,
            Fields={"Content-Type": "image/png"},
            Conditions=[{"Content-Type": "image/png"}, ["content-length-range", 1, LIMIT]],
            ExpiresIn=expires,
        )
        return signed

    return create_form


def post_form(form: Form, content: bytes = b"\x89PNG", **changes: str | None) -> requests.Response:
    """Send a form as a browser does. `changes` replaces fields of the form, or removes them."""
    fields = {**form["fields"], **{name.replace("_", "-"): value for name, value in changes.items()}}
    sent = {name: value for name, value in fields.items() if value is not None}
    return requests.post(form["url"], data=sent, files={"file": ("any.png", content)}, timeout=10)


def list_keys(emulator: Emulator) -> list[str]:
    listed = emulator.client("s3").list_objects_v2(Bucket=BUCKET)
    return [found["Key"] for found in listed.get("Contents", [])]


def change_policy(form: Form, **changes: object) -> str:
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    return base64.b64encode(json.dumps({**policy, **changes}).encode()).decode()


def test_an_unchanged_form_stores_the_object(emulator: Emulator, sign_form: Callable[..., Form]) -> None:
    answer = post_form(sign_form())
    assert (answer.status_code, answer.text) == (204, "")
    stored = emulator.client("s3").get_object(Bucket=BUCKET, Key=KEY)
    assert (stored["Body"].read(), stored["ContentType"]) == (b"\x89PNG", "image/png")
    assert answer.headers["etag"] == stored["ETag"]


def test_too_small_and_too_large_files_are_refused(
    emulator: Emulator, sign_form: Callable[..., Form]
) -> None:
    assert post_form(sign_form(), b"1" * LIMIT).status_code == 204
    for content, code in ((b"1" * (LIMIT + 1), "EntityTooLarge"), (b"", "EntityTooSmall")):
        answer = post_form(sign_form(key="uploads/other"), content)
        assert (answer.status_code, code in answer.text) == (400, True)
    assert list_keys(emulator) == [KEY]


@pytest.mark.parametrize(
    "changes",
    [
        {"Content_Type": "text/html"},
        {"Content_Type": None},
        {"Content_Type": "image/png; charset=utf-8"},
        {"key": "uploads/of-somebody-else"},
        {"key": "uploads/${filename}"},
        {"key": "images/01JB"},
        {"acl": "public-read"},
        {"x_amz_meta_owner": "me"},
        {"x_amz_storage_class": "GLACIER"},
        {"success_action_redirect": "https://example.com"},
        {"bucket": "another"},
    ],
)
def test_fields_outside_the_form_policy_are_refused(
    emulator: Emulator, sign_form: Callable[..., Form], changes: dict[str, str | None]
) -> None:
    answer = post_form(sign_form(), **changes)
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)
    assert list_keys(emulator) == []


def test_an_expired_form_is_refused(emulator: Emulator, sign_form: Callable[..., Form]) -> None:
    answer = post_form(sign_form(expires=-1))
    assert (answer.status_code, "Policy expired" in answer.text) == (403, True)
    assert list_keys(emulator) == []


def test_a_form_whose_policy_was_changed_is_refused(
    emulator: Emulator, sign_form: Callable[..., Form]
) -> None:
    form = sign_form()
    wider = [{"bucket": BUCKET}, ["starts-with", "$key", ""], ["content-length-range", 0, 10**9]]
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for policy in (change_policy(form, conditions=wider), change_policy(form, expiration=later)):
        answer = post_form(form, policy=policy)
        assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)
    assert list_keys(emulator) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"x_amz_signature": "0" * 64},
        {"x_amz_signature": None},
        {"policy": None},
        {"x_amz_security_token": "another"},
        {"x_amz_security_token": None},
        {"x_amz_date": "20200101T000000Z"},
        {"x_amz_credential": "AKIANOBODY/20260101/ap-southeast-1/s3/aws4_request"},
        {
            "policy": None,
            "x_amz_signature": None,
            "x_amz_algorithm": None,
            "x_amz_credential": None,
            "x_amz_date": None,
            "x_amz_security_token": None,
        },
        {
            "x_amz_signature": None,
            "x_amz_algorithm": None,
            "x_amz_credential": None,
            "x_amz_date": None,
            "x_amz_security_token": None,
        },
    ],
)
def test_a_form_without_its_own_signature_is_refused(
    emulator: Emulator, sign_form: Callable[..., Form], changes: dict[str, str | None]
) -> None:
    answer = post_form(sign_form(), **changes)
    assert answer.status_code in {400, 403}, answer.text
    assert list_keys(emulator) == []


def test_a_form_can_do_no_more_than_the_role_that_signed_it(
    emulator: Emulator, sign_form: Callable[..., Form]
) -> None:
    answer = post_form(sign_form(key="assets/01JB"))
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)
    assert list_keys(emulator) == []


def test_fields_after_the_file_are_ignored(emulator: Emulator, sign_form: Callable[..., Form]) -> None:
    """S3 ignores fields after the file. Here the content type comes after the file, so it is missing."""
    form = sign_form()
    before = [(name, (None, value)) for name, value in form["fields"].items() if name != "Content-Type"]
    parts = [*before, ("file", ("any.png", b"\x89PNG")), ("Content-Type", (None, "image/png"))]
    answer = requests.post(form["url"], files=parts, timeout=10)
    assert (answer.status_code, list_keys(emulator)) == (403, [])


def test_a_copy_requires_the_etag_of_the_upload_and_takes_only_its_content(
    emulator: Emulator, sign_form: Callable[..., Form]
) -> None:
    """Otherwise, a user could replace the file after the image service has checked it and before the copy."""
    objects = f"arn:aws:s3:::{BUCKET}"
    policy = make_policy(["s3:GetObject", "s3:PutObject"], [f"{objects}/uploads/*", f"{objects}/images/*"])
    role = make_role(emulator, "copies", policy=policy)
    client = emulator.create_role_session(role).client("s3")

    def copy_upload(etag: str, key: str = KEY) -> None:
        client.copy_object(
            Bucket=BUCKET,
            Key="images/01JB",
            CopySource=f"{BUCKET}/{key}",
            CopySourceIfMatch=etag,
            MetadataDirective="REPLACE",
            TaggingDirective="REPLACE",
            ContentType="image/png",
            CacheControl="public",
        )

    etag = post_form(sign_form()).headers["etag"]
    for wrong in ({"etag": '"0"'}, {"etag": etag, "key": "uploads/none"}):
        with pytest.raises(client.exceptions.ClientError, match=r"PreconditionFailed|NoSuchKey"):
            copy_upload(**wrong)
    assert list_keys(emulator) == [KEY]
    copy_upload(etag)
    copied = emulator.client("s3").get_object(Bucket=BUCKET, Key="images/01JB")
    assert (copied["ETag"], copied["ContentType"], copied["CacheControl"]) == (etag, "image/png", "public")
    assert copied["Body"].read() == b"\x89PNG"
