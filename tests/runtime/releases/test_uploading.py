# ruff: noqa: ANN401 - stands in for clients that boto3 does not type
"""Upload of an artifact's files. Small files use presigned URLs, and large files are streamed (D1)."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from botocore.exceptions import ClientError

from runtime.deploy.releases.build_output.artifact import open_artifact
from runtime.deploy.releases.upload_failures import PRESIGNED_UPLOADS_FAILED
from runtime.deploy.releases.uploading import S3_CONFIG, Upload, Uploader, make_http_put
from runtime.shared.logging import Log
from tests.runtime.calls import REGION, get_real_client
from tests.runtime.releases.open_next import make_artifact
from tests.runtime.signatures import CREDENTIALS, RefusedRequestError, check_presigned_put

LARGE = bytes(range(256)) * 4000
FILES = {"assets/large.bin": LARGE, "assets/a b+ñ$&.txt": b"odd"}
ROBOTS = Upload(
    source="assets/robots.txt",
    key="assets/s/robots.txt",
    content_type="text/plain",
    cache_control="c",
    metadata={"own-time": "1"},
)


def put_with_signature_check(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Check that S3 would accept the request's signature. Then send the file as `make_http_put` does."""
    check_presigned_put(url, headers, bucket="assets", key=unquote(urlsplit(url).path)[1:])
    return requests.put(url, data=body, headers=dict(headers), timeout=5).status_code


@pytest.fixture
def bucket(aws: None) -> str:  # noqa: ARG001 - for its effect
    get_real_client("s3").create_bucket(
        Bucket="assets", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return "assets"


def upload_files(
    bucket: str, *uploads: Upload, put: Any = put_with_signature_check, client: Any = None
) -> int:
    uploader = Uploader(
        client=client or get_real_client("s3", S3_CONFIG),
        bucket=bucket,
        region=REGION,
        get_credentials=lambda: CREDENTIALS,
        put=put,
    )
    with open_artifact(make_artifact(FILES)) as opened:
        return uploader.upload(opened, uploads, Log({"deploymentId": "d"}))


def test_a_small_file_is_put_to_a_presigned_url_with_its_headers(
    bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upload_files(bucket, ROBOTS) == 1
    assert capsys.readouterr().out == ""
    stored = get_real_client("s3").get_object(Bucket=bucket, Key="assets/s/robots.txt")
    assert stored["Body"].read() == b"User-agent: *\n"
    assert (stored["ContentType"], stored["CacheControl"]) == ("text/plain", "c")
    assert stored["Metadata"] == {"own-time": "1"}


def test_a_file_name_with_special_characters_is_kept_in_the_key(bucket: str) -> None:
    odd = "assets/a b+ñ$&.txt"
    upload_files(bucket, Upload(source=odd, key=odd, content_type="text/plain"))
    listed = get_real_client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [each["Key"] for each in listed] == [odd]


def test_a_large_file_is_streamed(bucket: str) -> None:
    def refuse_put(*_: object) -> int:
        raise AssertionError

    upload_files(bucket, Upload(source="assets/large.bin", key="large", content_type="a/b"), put=refuse_put)
    assert get_real_client("s3").get_object(Bucket=bucket, Key="large")["Body"].read() == LARGE


@pytest.mark.parametrize(("header", "value"), [("content-type", "text/html"), ("cache-control", "no-store")])
def test_an_upload_with_a_header_that_is_not_signed_would_be_refused(
    bucket: str, header: str, value: str
) -> None:
    """The fake S3 of moto accepts every request, so only the check of the signature finds the error."""

    def put_with_header(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        return put_with_signature_check(url, body, {**headers, header: value})

    with pytest.raises(RefusedRequestError, match="the signature does not match"):
        upload_files(bucket, ROBOTS, put=put_with_header)


@pytest.mark.parametrize("status", [0, 403, 503])
def test_after_a_failed_presigned_upload_the_s3_client_uploads_the_file(bucket: str, status: int) -> None:
    upload_files(bucket, ROBOTS, put=lambda *_: status)
    stored = get_real_client("s3").get_object(Bucket=bucket, Key=ROBOTS.key)
    assert (stored["CacheControl"], stored["Metadata"]) == ("c", {"own-time": "1"})


def test_failed_presigned_uploads_write_one_warning_with_their_number(
    bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q2: the warning raises an alarm. Otherwise, nobody would notice if all presigned uploads failed."""
    statuses = iter([403, 200, 0, 403])
    many = [Upload(source="assets/robots.txt", key=str(number), content_type="a/b") for number in range(4)]
    assert upload_files(bucket, *many, put=lambda *_: next(statuses)) == 4
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "level": "WARNING",
        "message": PRESIGNED_UPLOADS_FAILED,
        "deploymentId": "d",
        "failed": 3,
        "denied": 2,
        "statuses": "0, 403",
    }


def test_an_error_of_the_s3_client_is_raised_and_ends_the_upload(
    bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the error, no other upload starts. The warning about failed presigned uploads is written, too."""
    attempts: list[str] = []

    class Denied:
        def generate_presigned_url(self, *_: object, **__: object) -> str:
            return "http://127.0.0.1"

        def put_object(self, **arguments: Any) -> None:
            attempts.append(arguments["Key"])
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    many = [Upload(source="assets/robots.txt", key=str(number), content_type="a/b") for number in range(2000)]
    with pytest.raises(ClientError):
        upload_files(bucket, *many, put=lambda *_: 403, client=Denied())
    assert len(attempts) < 2000
    assert f'"message":"{PRESIGNED_UPLOADS_FAILED}"' in capsys.readouterr().out


class Handler(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        server: Any = self.server
        server.received.append((self.path, self.headers["content-type"], body))
        self.send_response(200 if self.path.startswith("/good") else 503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.received = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_http_put_sends_body_and_headers_and_returns_the_status(server: Any) -> None:
    put = make_http_put()
    base = f"http://127.0.0.1:{server.server_port}"
    assert put(f"{base}/good?a=b%2Fc", b"body", {"content-type": "text/plain"}) == 200
    assert put(f"{base}/bad", b"", {"content-type": "text/css"}) == 503
    assert server.received == [("/good?a=b%2Fc", "text/plain", b"body"), ("/bad", "text/css", b"")]


def test_http_put_returns_zero_without_a_response(server: Any) -> None:
    server.shutdown()
    server.server_close()
    assert make_http_put()(f"http://127.0.0.1:{server.server_port}/", b"", {}) == 0
