"""The assets origin reads objects below `assets/` with signed requests, from any S3 endpoint (B6, D8)."""

import asyncio

import boto3
import pytest
from aiohttp import web

from local.edge.assets import AssetRequest, AssetsBucket, AssetsUnreachableError
from local.edge.bucket_access import BucketAccess
from local.http_messages import Headers
from tests.local.edge.edge_fixture import RunningEdge, run_scenario

SESSION = boto3.Session(
    aws_access_key_id="AKID", aws_secret_access_key="SECRET", region_name="ap-southeast-1"
)

ASSETS = BucketAccess(objects=("arn:aws:s3:::anchor-dev-assets/assets/*",))


class FakeS3:
    """An S3 endpoint that answers every request with the same object."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.method, request.raw_path, headers))
        answered = {
            "etag": '"1"',
            "x-amz-id-2": "secret",
            "content-type": "text/css",
            "accept-ranges": "bytes",
        }
        if "range" in headers:
            answered["content-range"] = "bytes 0-1/4"
            return web.Response(status=206, headers=answered, body=b"fi")
        return web.Response(status=304 if "if-none-match" in headers else 200, headers=answered, body=b"file")


def request_asset(
    method: str, uri: str, headers: Headers | None = None
) -> tuple[int, dict[str, str], bytes, list[tuple[str, str, dict[str, str]]]]:
    """Return the status, headers and body of the origin's answer, and the requests that S3 received."""

    async def main() -> tuple[int, dict[str, str], bytes]:
        async with assets(s3) as bucket:
            request = AssetRequest(method=method, bucket="anchor-dev-assets", uri=uri, headers=headers or [])
            async with bucket.request(request) as answer:
                body = b"".join([chunk async for chunk in answer.chunks])
                return answer.status, dict(answer.headers), body

    s3 = FakeS3()
    return (*asyncio.run(main()), s3.requests)


class assets:  # noqa: N801 - used as a function
    """A context manager that yields an assets origin, which reads from a fake S3 endpoint."""

    def __init__(self, s3: FakeS3) -> None:
        self._s3 = s3

    async def __aenter__(self) -> AssetsBucket:
        self._server = await asyncio.get_running_loop().create_server(
            web.Server(self._s3.handle, access_log=None), "127.0.0.1", 0
        )
        port = self._server.sockets[0].getsockname()[1]
        self._bucket = AssetsBucket(SESSION, f"http://127.0.0.1:{port}", {"anchor-dev-assets": ASSETS})
        return self._bucket

    async def __aexit__(self, *_: object) -> None:
        await self._bucket.close()
        self._server.close()
        await self._server.wait_closed()


def test_an_object_is_read_with_a_signed_request() -> None:
    status, headers, body, requests = request_asset("GET", "/assets/shop/01JB/my%20file+%C3%A9.pdf")
    assert (status, body, headers["etag"]) == (200, b"file", '"1"')
    method, path, sent = requests[0]
    assert (method, path) == ("GET", "/anchor-dev-assets/assets/shop/01JB/my%20file%2B%C3%A9.pdf")
    assert sent["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "/ap-southeast-1/s3/aws4_request" in sent["authorization"]


def test_s3s_internal_headers_do_not_reach_the_viewer() -> None:
    _, headers, _, _ = request_asset("GET", "/assets/a.css")
    assert "x-amz-id-2" not in headers
    assert headers["content-type"] == "text/css"


def test_s3_receives_only_the_method_the_conditions_and_the_range_of_a_request() -> None:
    """S3 gets no other headers of the request, such as cookies."""
    status, headers, body, _ = request_asset("HEAD", "/assets/a.css")
    assert (status, headers["content-length"], body) == (200, "4", b"")
    assert request_asset("GET", "/assets/a.css", [("if-none-match", '"1"')])[0] == 304
    sent = [("range", "bytes=0-1"), ("cookie", "a=1"), ("x-amz-checksum-mode", "ENABLED")]
    status, headers, body, requests = request_asset("GET", "/assets/a.css", sent)
    assert (status, headers["content-range"], body) == (206, "bytes 0-1/4", b"fi")
    assert not set(requests[0][2]) & {"cookie", "x-amz-checksum-mode"}


@pytest.mark.parametrize(
    "uri", ["/cache/shop/01JB/page.cache", "/", "/assets", "/%61ssets", "//assets/x", "/assetsx/y"]
)
def test_only_assets_can_be_read(uri: str) -> None:
    """The ISR cache is in the same bucket, but the bucket policy permits only `assets/`."""
    status, _, body, requests = request_asset("GET", uri)
    assert (status, requests) == (403, [])
    assert b"AccessDenied" in body


def test_the_error_names_an_endpoint_that_does_not_answer() -> None:
    async def main() -> None:
        bucket = AssetsBucket(SESSION, "http://127.0.0.1:9", {"b": BucketAccess(objects=("*",))})
        request = AssetRequest(method="GET", bucket="b", uri="/assets/x", headers=[])
        with pytest.raises(AssetsUnreachableError, match=r"http://127\.0\.0\.1:9 did not answer"):
            async with bucket.request(request):
                pass
        await bucket.close()

    asyncio.run(main())


def test_the_edge_serves_files_from_the_bucket() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        async with assets(FakeS3()) as bucket:
            running_edge.edge.origins.assets = bucket
            got = await running_edge.get("/robots.txt")
            assert (got.status, got.body, got.headers["etag"]) == (200, b"file", '"1"')
            part = await running_edge.get("/robots.txt", headers=[("range", "bytes=0-1")])
            assert (part.status, part.body, part.headers["content-range"]) == (206, b"fi", "bytes 0-1/4")
            assert (await running_edge.get("/robots.txt", headers=[("if-none-match", '"1"')])).status == 304
            head = await running_edge.get("/robots.txt", method="HEAD")
            assert (head.status, head.headers["content-length"], head.body) == (200, "4", b"")

    run_scenario(check_edge)
