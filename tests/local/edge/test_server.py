"""The edge has one port, and the host selects the distribution. Also: CORS policies and bucket policies."""

import asyncio
import json
from typing import Any

import attrs
import pytest
from botocore.exceptions import ClientError

from local.edge.bucket_access import NO_ACCESS, BucketAccess, load_bucket_access
from local.edge.cors import CorsPolicy
from local.edge.edge import Edge
from local.edge.functions.events import EdgeFunctionError
from local.edge.origins import OriginClient
from local.edge.server import EdgeServer
from local.http_messages import Headers
from tests.local.edge.edge_fixture import CONFIG, DEFAULT, FakeAssets, FakeFunctions, RunningEdge

OURS, THEIRS = "https://app.example.com", "https://evil.example"
ARN = "arn:aws:cloudfront::000000000000:distribution/E1"
IMAGES = attrs.evolve(
    CONFIG,
    domain_name="d2.cloudfront.localhost",
    aliases=frozenset({"images.example.com"}),
    behaviors=(attrs.evolve(DEFAULT, target_origin_id="assets", request_function=None),),
)


def create_image_edge(**changes: Any) -> Edge:  # noqa: ANN401 - attributes of Edge
    return Edge(
        config=attrs.evolve(IMAGES, **changes),
        key_values=lambda: ("", {}),
        origins=OriginClient(
            find_function=lambda host: pytest.fail(f"{host} was looked up"),
            functions=FakeFunctions(),
            assets=FakeAssets((200, [], [b"an image"])),
        ),
    )


def test_the_host_selects_the_distribution() -> None:
    async def main() -> None:
        running_edge = RunningEdge()
        running_edge.server = EdgeServer(edges=(running_edge.edge, create_image_edge()))
        async with running_edge:
            for host in ("d2.cloudfront.localhost:8080", "D2.cloudfront.localhost", "images.example.com"):
                assert (await running_edge.get("/images/1", host=host)).body == b"an image", host
            for host in ("cloudfront.localhost", "d2.cloudfront.localhost.evil.example", "nobody.example"):
                assert (await running_edge.get("/images/1", host=host)).body != b"an image", host
            assert (await running_edge.get("/page")).body == b"hello"

    asyncio.run(main())


def test_a_function_that_does_not_load_prevents_that_the_server_opens() -> None:
    async def main() -> None:
        server = EdgeServer(
            edges=(create_image_edge(behaviors=(attrs.evolve(DEFAULT, request_function="no"),)),)
        )
        with pytest.raises(EdgeFunctionError, match="does not load"):
            await server.open(0)
        assert server.port == 0

    asyncio.run(main())


CORS = CorsPolicy(origins=(OURS,), methods=("GET", "HEAD"), exposed=("ETag",), max_age=60, override=True)
ALLOWED = {
    "access-control-allow-origin": OURS,
    "vary": "Origin",
    "access-control-allow-methods": "GET, HEAD",
    "access-control-expose-headers": "ETag",
    "access-control-max-age": "60",
}


@pytest.mark.parametrize(
    ("policy", "answered", "origin", "expected"),
    [
        (CORS, [], OURS, ALLOWED),
        (CORS, [], THEIRS, {}),
        (CORS, [], f"{OURS}.evil.example", {}),
        (CORS, [("etag", '"1"')], None, {"etag": '"1"'}),
        (CORS, [("access-control-allow-origin", "*")], OURS, ALLOWED),
        (CORS, [("access-control-allow-origin", "*")], None, {}),
        (
            attrs.evolve(CORS, override=False),
            [("access-control-allow-origin", "*")],
            THEIRS,
            {"access-control-allow-origin": "*"},
        ),
        (CorsPolicy(origins=("*",)), [], THEIRS, {"access-control-allow-origin": "*"}),
        (
            CorsPolicy(origins=("https://*.example.com",), credentials=True, headers=("range",)),
            [],
            OURS,
            {
                "access-control-allow-origin": OURS,
                "vary": "Origin",
                "access-control-allow-credentials": "true",
                "access-control-allow-headers": "range",
            },
        ),
    ],
)
def test_only_pages_of_the_policys_origins_may_read_an_answer(
    policy: CorsPolicy, answered: Headers, origin: str | None, expected: dict[str, str]
) -> None:
    assert dict(policy.apply(answered, origin)) == expected


class FakeS3:
    """A fake boto3 session that is also its own S3 client. It has the policy of one bucket."""

    def __init__(self, *statements: dict[str, Any], error: str | None = None) -> None:
        self._statements, self._error = statements, error

    def client(self, _service: str) -> "FakeS3":
        return self

    def get_bucket_policy(self, **_: str) -> dict[str, str]:
        if self._error:
            raise ClientError({"Error": {"Code": self._error}}, "GetBucketPolicy")
        return {"Policy": json.dumps({"Statement": self._statements})}


def statement(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a statement
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/images/*",
        "Condition": {"StringEquals": {"AWS:SourceArn": ARN}},
        **changes,
    }


def load_access(*statements: dict[str, Any]) -> BucketAccess:
    return load_bucket_access(FakeS3(*statements), "b", ARN)  # type: ignore[arg-type]


def test_a_distribution_reads_the_objects_that_the_bucket_policy_allows() -> None:
    """B6."""
    access = load_access(statement())
    assert access.allows("b", "images/1")
    assert not access.allows("b", "private/images/1")
    assert not access.allows("other", "images/1")
    assert not access.can_list
    assert load_access(statement(Action=["s3:GetObject", "s3:ListBucket"])).can_list


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Deny"},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"Service": "logs.amazonaws.com"}},
        {"Action": "s3:PutObject"},
        {"Condition": {"StringEquals": {"AWS:SourceArn": f"{ARN}2"}}},
        {"Condition": {"StringNotEquals": {"AWS:SourceArn": ARN}}},
        {"Condition": {}},
    ],
)
def test_other_statements_do_not_allow_the_distribution_to_read(changes: dict[str, Any]) -> None:
    assert load_access(statement(**changes)) == NO_ACCESS


def test_a_bucket_without_a_policy_allows_nothing_and_other_errors_are_raised() -> None:
    assert load_bucket_access(FakeS3(error="NoSuchBucketPolicy"), "b", ARN) == NO_ACCESS  # type: ignore[arg-type]
    with pytest.raises(ClientError, match="AccessDenied"):
        load_bucket_access(FakeS3(error="AccessDenied"), "b", ARN)  # type: ignore[arg-type]
