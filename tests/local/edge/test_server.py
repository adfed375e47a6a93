"""The edge has one port. The host of a request selects the distribution.

The edge also applies CORS policies and bucket policies.
"""

import asyncio
import json
import socket
from typing import Any

import attrs
import pytest
from aiohttp import web
from botocore.exceptions import ClientError

from local.edge.aws_hosts import ApiForwarder, FunctionUrls
from local.edge.bucket_access import NO_ACCESS, BucketAccess, load_bucket_access
from local.edge.cors import CorsPolicy
from local.edge.edge import Edge
from local.edge.exchange import EdgeAccess
from local.edge.functions.events import EdgeFunctionError
from local.edge.listener import Listener
from local.edge.origins import OriginClient
from local.edge.server import EdgeServer
from local.emulator.emulator import NotFoundInEmulatorError
from local.emulator.node_function import NodeFunctionVersion
from local.http_messages import Headers
from local.workers.process import WorkerFailedError
from tests.edge.edge_host import HOST, SITE
from tests.local.edge.edge_fixture import (
    CONFIG,
    DEFAULT,
    FakeAssets,
    FakeFunctions,
    RunningEdge,
    run_scenario,
)

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


def test_the_host_of_a_function_url_leads_to_its_function() -> None:
    """L4: a function can call the URL of another function, without a distribution."""

    async def call_urls(running_edge: RunningEdge) -> None:
        functions = running_edge.functions

        def find_function(host: str) -> NodeFunctionVersion:
            if host not in running_edge.versions:
                raise NotFoundInEmulatorError(host)
            return running_edge.versions[host]

        urls = FunctionUrls(find_function=find_function, functions=functions)
        running_edge.server.function_urls = urls
        answer = await running_edge.get("/a%20b?c=%26", host=SITE["s"], method="POST", data=b"body")
        assert (answer.status, answer.body) == (200, b"hello")
        (sent,) = functions.sent
        assert (sent.method, sent.target, sent.headers["host"]) == ("POST", "/a%20b?c=%26", SITE["s"])
        assert "x-anchor-release" not in sent.headers
        assert (await running_edge.get(host="x.lambda-url.ap-southeast-1.on.aws")).status == 404

        async def fail(*_: object) -> Any:  # noqa: ANN401 - raises
            raise WorkerFailedError("the process ended")

        functions.respond = fail
        assert (await running_edge.get(host=SITE["s"])).status == 502

    run_scenario(call_urls)


def test_the_host_selects_the_distribution() -> None:
    async def main() -> None:
        running_edge = RunningEdge()
        running_edge.server = EdgeServer(
            edges=(running_edge.edge, create_image_edge()),
            resolve_host={"images.example.com": IMAGES.domain_name}.get,
        )
        async with running_edge:
            for host in ("d2.cloudfront.localhost:8080", "D2.cloudfront.localhost", "images.example.com"):
                assert (await running_edge.get("/images/1", host=host)).body == b"an image", host
            for host in ("cloudfront.localhost", "d2.cloudfront.localhost.evil.example", "nobody.example"):
                assert (await running_edge.get("/images/1", host=host)).body != b"an image", host
            assert (await running_edge.get("/page")).body == b"hello"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("evil.example:8080", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("nobody.localhost:8080", 404),
        ("localhost", 404),
        (f"{HOST}:8080", 200),
    ],
)
def test_without_aliases_only_hosts_of_sites_and_of_this_machine_are_served(host: str, status: int) -> None:
    """With DNS rebinding, a web page whose name leads to 127.0.0.1 could use the edge as its own origin."""

    async def main() -> None:
        async with RunningEdge() as running_edge:
            assert (await running_edge.get("/page", host=host)).status == status

    asyncio.run(main())


class DomainEdge:
    """A running edge of a stage that has a domain.

    The distribution of the sites has a wildcard alias. The distribution of the images has one host as alias.
    """

    def __init__(self, records: dict[str, str]) -> None:
        self.running = RunningEdge(
            config=attrs.evolve(CONFIG, aliases=frozenset({"*.example.com", "example.com"}))
        )
        self.refused: list[EdgeAccess] = []
        self.running.server = EdgeServer(
            edges=(self.running.edge, create_image_edge()),
            resolve_host=records.get,
            access_log=self.refused.append,
        )

    async def get(self, host: str) -> tuple[int, bytes]:
        self.running.set_key(host.partition(":")[0].lower(), self.running.items[HOST])
        answer = await self.running.get("/page", host=host)
        return answer.status, answer.body


SITES = CONFIG.domain_name


@pytest.mark.parametrize(
    ("host", "records", "body"),
    [
        ("shop.example.com", {"shop.example.com": SITES}, b"hello"),
        ("SHOP.example.com:8080", {"shop.example.com": SITES}, b"hello"),
        ("example.com", {"example.com": SITES}, b"hello"),
        ("images.example.com", {"images.example.com": IMAGES.domain_name}, b"an image"),
        (SITES, {}, b"hello"),
    ],
)
def test_an_alias_selects_its_distribution_only_with_a_matching_dns_record(
    host: str, records: dict[str, str], body: bytes
) -> None:
    """Requirement L4."""

    async def main() -> None:
        edge = DomainEdge(records)
        async with edge.running:
            assert await edge.get(host) == (200, body)
            assert edge.refused == []

    asyncio.run(main())


@pytest.mark.parametrize(
    ("host", "records", "reason"),
    [
        ("shop.example.com", {}, b"No Route 53 record leads from shop.example.com to its distribution."),
        ("images.example.com", {"images.example.com": SITES}, b"No Route 53 record leads"),
        ("shop.example.com", {"shop.example.com": "elsewhere.example.org"}, b"No Route 53 record leads"),
        ("a.shop.example.com", {"a.shop.example.com": SITES}, b"No distribution has the alias"),
        ("shop.example.org", {"shop.example.org": SITES}, b"No distribution has the alias"),
        ("<b>", {}, b"No distribution has the alias &lt;b&gt;."),
        ("api.example.com", {"api.example.com": "d-1.execute-api.ap-southeast-1.amazonaws.com"}, b"No Route"),
    ],
)
def test_a_host_that_leads_to_no_distribution_is_refused_with_the_reason(
    host: str, records: dict[str, str], reason: bytes
) -> None:
    """Requirements L4 and Q1."""

    async def main() -> None:
        edge = DomainEdge(records)
        async with edge.running:
            status, body = await edge.get(host)
            assert status == 403
            assert reason in body
            (access,) = edge.refused
            assert (access.host, access.target, access.status) == (host, "/page", 403)
            assert edge.running.functions.sent == []

    asyncio.run(main())


async def answer_as_api(incoming: web.BaseRequest) -> web.StreamResponse:
    """Answer as an API whose response describes the received request."""
    received = {
        "method": incoming.method,
        "target": incoming.raw_path,
        "host": incoming.headers["host"],
        "token": incoming.headers.get("authorization"),
        "body": (await incoming.read()).decode(),
    }
    response = web.json_response(received, status=201, headers={"apigw-requestid": "1"})
    response.headers.add("set-cookie", "a=1")
    response.headers.add("set-cookie", "b=2")
    return response


def test_requests_to_the_domain_name_of_an_api_are_forwarded_to_the_embedded_aws() -> None:
    """Requirement L4."""

    async def main() -> None:
        api = Listener.open(0, web.Server(answer_as_api), None)
        running_edge = RunningEdge()
        running_edge.server = EdgeServer(
            edges=(running_edge.edge,),
            resolve_host={"api.example.com": "d-1.execute-api.ap-southeast-1.amazonaws.com"}.get,
            apis=ApiForwarder(endpoint_url=f"http://127.0.0.1:{api.port}"),
        )
        async with running_edge:
            answer = await running_edge.get(
                "/images/%2F?a=b%20c",
                method="POST",
                host="api.example.com",
                headers=[("authorization", "Bearer t")],
                data=b'{"name": "x"}',
            )
            await api.close()
        assert (answer.status, answer.headers["apigw-requestid"]) == (201, "1")
        assert answer.cookies == ["a=1", "b=2"]
        assert json.loads(answer.body) == {
            "method": "POST",
            "target": "/images/%2F?a=b%20c",
            "host": "api.example.com",
            "token": "Bearer t",
            "body": '{"name": "x"}',
        }

    asyncio.run(main())


def test_an_embedded_aws_that_does_not_answer_is_reported() -> None:
    """Requirement Q1."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            free_port = listener.getsockname()[1]
        running_edge = RunningEdge()
        running_edge.server = EdgeServer(
            edges=(running_edge.edge,),
            resolve_host={"api.example.com": "d-1.execute-api.ap-southeast-1.amazonaws.com"}.get,
            apis=ApiForwarder(endpoint_url=f"http://127.0.0.1:{free_port}"),
        )
        async with running_edge:
            answer = await running_edge.get("/images", host="api.example.com")
        assert answer.status == 502
        assert str(free_port).encode() in answer.body

    asyncio.run(main())


def test_the_server_does_not_open_if_a_function_does_not_load() -> None:
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


def make_statement(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a statement
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
    """Requirement B6."""
    access = load_access(make_statement())
    assert access.allows("b", "images/1")
    assert not access.allows("b", "private/images/1")
    assert not access.allows("other", "images/1")
    assert not access.can_list
    assert load_access(make_statement(Action=["s3:GetObject", "s3:ListBucket"])).can_list


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
    assert load_access(make_statement(**changes)) == NO_ACCESS


def test_a_bucket_without_a_policy_allows_nothing_and_other_errors_are_raised() -> None:
    assert load_bucket_access(FakeS3(error="NoSuchBucketPolicy"), "b", ARN) == NO_ACCESS  # type: ignore[arg-type]
    with pytest.raises(ClientError, match="AccessDenied"):
        load_bucket_access(FakeS3(error="AccessDenied"), "b", ARN)  # type: ignore[arg-type]
