"""The local edge's S3 origins: what CloudFront reads from buckets with its origin access control."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from urllib.parse import quote, unquote

import aiohttp
import boto3
import yarl
from aiohttp import web
from attrs import define, field, frozen
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

from local.edge.bucket_access import NOTHING, BucketAccess
from local.http_messages import Headers, StreamedResponse, decode_headers

PASSED_HEADERS = frozenset(
    {"range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
)
DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
)


class AssetsUnreachableError(Exception):
    """The bucket did not answer; the message says why."""


@frozen(kw_only=True)
class AssetRequest:
    """A request for an object.

    Attributes:
        bucket: Its name.
        uri: Raw path; decoded it is `/` and the key.
        headers: Of the request; only conditions and ranges go to the bucket.
    """

    method: str
    bucket: str
    uri: str
    headers: Headers


@define(eq=False)
class AssetsBucket:
    """Reads objects through an S3 endpoint with signed requests.

    Attributes:
        session: Whose credentials and region sign.
        endpoint_url: Of S3, reached with the bucket in the path.
        access: What each bucket's policy allows; one that is not in it allows nothing.
    """

    session: boto3.Session
    endpoint_url: str
    access: Mapping[str, BucketAccess]
    _http: aiohttp.ClientSession | None = field(default=None, init=False)

    @contextlib.asynccontextmanager
    async def request(self, request: AssetRequest) -> AsyncGenerator[StreamedResponse]:
        """Ask for an object.

        Raises:
            AssetsUnreachableError: The endpoint did not answer.
        """
        key = unquote(request.uri.removeprefix("/"))
        access = self.access.get(request.bucket, NOTHING)
        if not access.allows(request.bucket, key):
            yield _denied()
            return
        url = f"{self.endpoint_url}/{request.bucket}/{quote(key, safe='/~')}"
        headers = {name: value for name, value in request.headers if name in PASSED_HEADERS}
        try:
            answer = await self._session().request(
                request.method,
                yarl.URL(url, encoded=True),
                headers=self._signed(request.method, url, headers),
            )
        except aiohttp.ClientError as error:
            raise AssetsUnreachableError(f"{self.endpoint_url} did not answer: {error}") from error
        async with answer:
            if answer.status == web.HTTPNotFound.status_code and not access.lists:
                yield _denied()
                return
            yield StreamedResponse(
                status=answer.status,
                # CloudFront keeps S3's own bookkeeping to itself.
                headers=[
                    header
                    for header in decode_headers(answer.raw_headers)
                    if not header[0].startswith("x-amz-")
                ],
                chunks=answer.content.iter_any(),
            )

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    def _signed(self, method: str, url: str, headers: dict[str, str]) -> dict[str, str]:
        credentials = self.session.get_credentials()
        if credentials is None:
            raise AssetsUnreachableError("the session has no credentials to read buckets with")
        request = AWSRequest(method=method, url=url, headers=headers)
        S3SigV4Auth(credentials, "s3", self.session.region_name).add_auth(request)
        return dict(request.headers.items())

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("accept", "accept-encoding", "user-agent"),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60),
            )
        return self._http


def _denied() -> StreamedResponse:
    return StreamedResponse(status=403, headers=[("content-type", "application/xml")], chunks=_once(DENIED))


async def _once(data: bytes) -> AsyncGenerator[bytes]:
    yield data
