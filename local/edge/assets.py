"""The local edge's S3 origins: signed reads from buckets, as CloudFront does with origin access control."""

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

from local.edge.bucket_access import NO_ACCESS, BucketAccess
from local.http_messages import Headers, StreamedResponse, decode_headers

FORWARDED_HEADERS = frozenset(
    {"range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
)
ACCESS_DENIED_BODY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
)


class AssetsUnreachableError(Exception):
    """The bucket did not answer. The message gives the cause."""


@frozen(kw_only=True)
class AssetRequest:
    """A request for an object.

    Attributes:
        bucket: The bucket's name.
        uri: The raw path. After decoding, it is `/` followed by the key of the object.
        headers: The viewer's headers. Only those for conditions and ranges are sent to the bucket.
    """

    method: str
    bucket: str
    uri: str
    headers: Headers


@define(eq=False)
class AssetsBucket:
    """A reader of objects through an S3 endpoint, with signed requests.

    Attributes:
        session: Provides the credentials and the region for the signatures.
        endpoint_url: The URL of S3. The bucket's name is part of the path.
        access: The permissions by bucket name. A bucket that is missing here cannot be read.
    """

    session: boto3.Session
    endpoint_url: str
    access: Mapping[str, BucketAccess]
    _http: aiohttp.ClientSession | None = field(default=None, init=False)

    @contextlib.asynccontextmanager
    async def request(self, request: AssetRequest) -> AsyncGenerator[StreamedResponse]:
        """Request an object. If the distribution may not read it, yield a 403 response.

        Raises:
            AssetsUnreachableError: The endpoint did not answer, or the session has no credentials.
        """
        key = unquote(request.uri.removeprefix("/"))
        access = self.access.get(request.bucket, NO_ACCESS)
        if not access.allows(request.bucket, key):
            yield _create_denied_response()
            return
        url = f"{self.endpoint_url}/{request.bucket}/{quote(key, safe='/~')}"
        headers = {name: value for name, value in request.headers if name in FORWARDED_HEADERS}
        try:
            answer = await self._get_http_session().request(
                request.method,
                yarl.URL(url, encoded=True),
                headers=self._sign(request.method, url, headers),
            )
        except aiohttp.ClientError as error:
            raise AssetsUnreachableError(f"{self.endpoint_url} did not answer: {error}") from error
        async with answer:
            if answer.status == web.HTTPNotFound.status_code and not access.can_list:
                yield _create_denied_response()
                return
            yield StreamedResponse(
                status=answer.status,
                # CloudFront removes S3's internal headers.
                headers=[
                    header
                    for header in decode_headers(answer.raw_headers)
                    if not header[0].startswith("x-amz-")
                ],
                chunks=answer.content.iter_any(),
            )

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.close()

    def _sign(self, method: str, url: str, headers: dict[str, str]) -> dict[str, str]:
        credentials = self.session.get_credentials()
        if credentials is None:
            raise AssetsUnreachableError("the session has no credentials to read buckets")
        request = AWSRequest(method=method, url=url, headers=headers)
        S3SigV4Auth(credentials, "s3", self.session.region_name).add_auth(request)
        return dict(request.headers.items())

    def _get_http_session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("accept", "accept-encoding", "user-agent"),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60),
            )
        return self._http


def _create_denied_response() -> StreamedResponse:
    return StreamedResponse(
        status=403, headers=[("content-type", "application/xml")], chunks=_yield_once(ACCESS_DENIED_BODY)
    )


async def _yield_once(data: bytes) -> AsyncGenerator[bytes]:
    yield data
