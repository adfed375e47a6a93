"""Checks of presigned requests. S3 makes these checks before anything else, and moto makes none of them.

A check raises `RefusedRequestError`, which fails the test. The rules are those of the S3 API reference:
"Authenticating Requests: Using Query Parameters" and "Authenticating Requests in Browser-Based Uploads Using
POST". Signatures are computed by botocore's own signers.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.runtime.calls import REGION

ACCESS_KEY: Final = "testing"
SECRET_KEY: Final = "testing"
CREDENTIALS: Final = Credentials(ACCESS_KEY, SECRET_KEY)
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_MAX_LIFETIME: Final = timedelta(days=7)
_MAX_CLOCK_DIFFERENCE: Final = timedelta(minutes=15)
# Form fields for which the form's policy needs no condition.
_FREE_FIELDS: Final = {"x-amz-signature", "policy", "file"}


class RefusedRequestError(AssertionError):
    """S3 would refuse the request."""


def check_presigned_put(
    url: str, headers: Mapping[str, str], *, bucket: str, key: str, at: datetime | None = None
) -> None:
    """Check a PUT request to a presigned URL.

    Args:
        url: The presigned URL.
        headers: Headers of the request, without `Host`.
        bucket: Bucket to which the request must go.
        key: Key of the object that the request must create.
        at: Time of the request. The default is now.

    Raises:
        RefusedRequestError: S3 refuses the request, or the request creates another object.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    _require_condition("X-Amz-Signature" in query, "the URL has no signature of version 4")
    signature = query.pop("X-Amz-Signature")
    signed_at = _check_credential(query, prefix="X-Amz-", at=at)
    lifetime = timedelta(seconds=int(query["X-Amz-Expires"]))
    _require_condition(timedelta(0) < lifetime <= _MAX_LIFETIME, f"the lifetime {lifetime} is out of range")
    _require_condition((at or datetime.now(UTC)) < signed_at + lifetime, "the URL has expired")
    sent = {"host": parts.netloc} | {name.lower(): value for name, value in headers.items()}
    signed = query["X-Amz-SignedHeaders"].split(";")
    for name in sent:
        must_be_signed = name in {"host", "content-type"} or name.startswith("x-amz-")
        _require_condition(name in signed or not must_be_signed, f"the header {name} is not signed")
    for name in signed:
        _require_condition(name in sent, f"the signed header {name} is not sent")
    pairs = parts.query.split("&")
    without_signature = "&".join(pair for pair in pairs if not pair.startswith("X-Amz-Signature="))
    request = AWSRequest(
        method="PUT",
        url=urlunsplit(parts._replace(query=without_signature)),
        headers={name: sent[name] for name in signed},
    )
    request.context["timestamp"] = query["X-Amz-Date"]
    signer = S3SigV4QueryAuth(CREDENTIALS, "s3", REGION)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    _require_condition(
        signer.signature(text, request) == signature, "the signature does not match the request"
    )
    _require_condition(parts.scheme == "https", "the connection is not encrypted")
    _require_condition(parts.netloc == _build_host(bucket), f"the URL names the host {parts.netloc}")
    _require_condition(unquote(parts.path) == f"/{key}", f"the URL names the object {parts.path}")


def check_form(
    url: str, fields: Mapping[str, str], *, bucket: str, size: int, at: datetime | None = None
) -> None:
    """Check the upload of a file with a presigned form.

    Args:
        url: URL to which the form is sent.
        fields: Form fields before the file.
        bucket: Bucket to which the form must go.
        size: Size of the file in bytes.
        at: Time of the request. The default is now.

    Raises:
        RefusedRequestError: S3 refuses the request.
    """
    lower = {name.lower(): value for name, value in fields.items()}
    for name in ("policy", "x-amz-signature"):
        _require_condition(name in lower, f"the form has no field {name}")
    _check_credential(lower, prefix="x-amz-", at=at)
    request = AWSRequest()
    request.context["timestamp"] = lower["x-amz-date"]
    signer = S3SigV4Auth(CREDENTIALS, "s3", REGION)
    matches = signer.signature(lower["policy"], request) == lower["x-amz-signature"]
    _require_condition(matches, "the signature does not match the policy")
    policy = json.loads(base64.b64decode(lower["policy"]))
    expiration = datetime.fromisoformat(policy["expiration"])
    _require_condition((at or datetime.now(UTC)) < expiration, "the policy has expired")
    given = {**lower, "bucket": bucket}
    mentioned: set[str] = set()
    for condition in policy["conditions"]:
        mentioned.add(_check_condition(condition, given, size))
    unexpected = lower.keys() - mentioned - _FREE_FIELDS
    _require_condition(not unexpected, f"the policy has no condition for the fields {sorted(unexpected)}")
    _require_condition("bucket" in mentioned, "the policy does not name the bucket")
    _require_condition("key" in mentioned, "the policy has no condition for the key")
    _require_condition(url == f"https://{_build_host(bucket)}/", f"the form is sent to {url}")


def _check_condition(condition: Any, given: Mapping[str, str], size: int) -> str:  # noqa: ANN401 - JSON
    """Check one condition of a policy. Return the field that the condition is about."""
    if isinstance(condition, dict):
        ((name, value),) = condition.items()
        condition = ["eq", f"${name}", value]
    if condition[0] == "content-length-range":
        _require_condition(condition[1] <= size <= condition[2], f"the policy does not allow {size} bytes")
        return "file"
    kind, name, value = condition[0], condition[1].removeprefix("$").lower(), condition[2]
    found = given.get(name, "")
    holds = {"eq": found == value, "starts-with": found.startswith(value)}[kind]
    _require_condition(name in given and holds, f"the field {name} breaks the condition {condition}")
    return name


def _check_credential(given: Mapping[str, str], *, prefix: str, at: datetime | None) -> datetime:
    """Check algorithm, access key, scope and date of a signature. Return the time of the signature."""
    fields = [f"{prefix}{name}" for name in ("Algorithm", "Credential", "Date")]
    if prefix.islower():
        fields = [name.lower() for name in fields]
    for name in fields:
        _require_condition(name in given, f"{name} is missing")
    algorithm, credential, date = (given[name] for name in fields)
    _require_condition(algorithm == _ALGORITHM, f"the algorithm is {algorithm}")
    scope = f"{ACCESS_KEY}/{date[:8]}/{REGION}/s3/aws4_request"
    _require_condition(credential == scope, f"the credential is {credential}, which is not {scope}")
    signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    early = signed_at - (at or datetime.now(UTC))
    _require_condition(early < _MAX_CLOCK_DIFFERENCE, "the signature is from the future")
    return signed_at


def _build_host(bucket: str) -> str:
    return f"{bucket}.s3.{REGION}.amazonaws.com"


def _require_condition(holds: bool, problem: str) -> None:  # noqa: FBT001 - the condition of an assertion
    if not holds:
        raise RefusedRequestError(f"S3 refuses the request: {problem}")
