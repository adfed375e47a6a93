"""The tests check which responses the edge caches, how long, and which requests get them (D3, D8)."""

from collections.abc import AsyncIterator

import attrs
import pytest

from local.edge.cache import CachedResponse, EdgeCache, compute_ttl
from local.edge.config import CachePolicy
from local.http_messages import Headers
from tests.edge.edge_host import HOST, RELEASE_HOST, SITE, encode_entry
from tests.local.edge.edge_fixture import (
    CONFIG,
    Answer,
    FakeAssets,
    FakeFunctions,
    OriginRequest,
    RunningEdge,
    run_scenario,
)

NOW = 1_000_000.0
POLICY = CachePolicy(min_ttl=0, default_ttl=0, max_ttl=1000)


def make_fake_functions(
    *headers: tuple[str, str], status: int = 200, body: bytes = b"0123456789"
) -> FakeFunctions:
    async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
        return status, list(headers), [body]

    return FakeFunctions(respond)


@pytest.mark.parametrize(
    ("policy", "headers", "seconds"),
    [
        (POLICY, [], 0),
        (POLICY, [("cache-control", "max-age=60")], 60),
        (POLICY, [("cache-control", "public, max-age=60, s-maxage=5")], 5),
        (POLICY, [("cache-control", 'max-age="60"')], 60),
        (POLICY, [("cache-control", "max-age=5000")], 1000),
        (POLICY, [("cache-control", "max-age=60, no-store")], 0),
        (POLICY, [("cache-control", "private, max-age=60")], 0),
        (POLICY, [("cache-control", "no-cache, max-age=60")], 0),
        (POLICY, [("cache-control", 'no-cache="set-cookie", max-age=60')], 60),
        (POLICY, [("cache-control", "public, max-age=0, must-revalidate")], 0),
        (POLICY, [("cache-control", "public"), ("cache-control", "s-maxage=7")], 7),
        (POLICY, [("expires", "Mon, 12 Jan 1970 13:47:40 GMT")], 60),
        (POLICY, [("expires", "Mon, 12 Jan 1970 13:00:00 GMT")], 0),
        (POLICY, [("expires", "0")], 0),
        (attrs.evolve(POLICY, default_ttl=30.0), [], 30),
        (attrs.evolve(POLICY, default_ttl=30.0), [("cache-control", "max-age=1")], 1),
        (attrs.evolve(POLICY, min_ttl=10.0), [("cache-control", "no-store")], 10),
        (attrs.evolve(POLICY, min_ttl=10.0), [("cache-control", "max-age=1")], 10),
    ],
)
def test_cache_policy_and_origin_headers_determine_how_long_an_answer_is_cached(
    policy: CachePolicy, headers: Headers, seconds: float
) -> None:
    """The origin's headers set the time, within the minimum and the maximum TTL of the policy."""
    assert compute_ttl(policy, 200, headers, {}, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "headers", "error_ttls", "seconds"),
    [
        (404, [], {}, 10),
        (404, [], {404: 0.0}, 0),
        (404, [("cache-control", "s-maxage=60")], {404: 0.0}, 60),
        (404, [("cache-control", "private, no-cache, no-store")], {}, 0),
        (500, [], {500: 0.0}, 0),
        (503, [], {500: 0.0}, 10),
        (401, [("cache-control", "s-maxage=60")], {}, 0),
        (206, [("cache-control", "s-maxage=60")], {}, 0),
        (304, [("cache-control", "s-maxage=60")], {}, 0),
        (301, [("cache-control", "s-maxage=60")], {}, 60),
    ],
)
def test_error_ttls_and_headers_determine_how_long_an_error_is_cached(
    status: int, headers: Headers, error_ttls: dict[int, float], seconds: float
) -> None:
    """Headers can lengthen the distribution's error TTL. `no-store` and some statuses prevent the caching."""
    assert compute_ttl(POLICY, status, headers, error_ttls, NOW) == seconds


def test_an_answer_is_cached_until_it_expires() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        first = await running_edge.get("/page")
        running_edge.now += 59
        second = await running_edge.get("/page")
        assert (first.headers["x-cache"], second.headers["x-cache"]) == (
            "Miss from cloudfront",
            "Hit from cloudfront",
        )
        assert (second.headers["age"], second.body, second.headers["x-own"]) == ("59", first.body, "1")
        assert len(running_edge.functions.sent) == 1
        running_edge.now += 1
        assert (await running_edge.get("/page")).headers["x-cache"] == "Miss from cloudfront"

    run_scenario(check_edge, functions=make_fake_functions(("cache-control", "s-maxage=60"), ("x-own", "1")))


@pytest.mark.parametrize(
    "other",
    [
        {"target": "/page?x=1"},
        {"target": "/page/"},
        {"host": f"{HOST}:8080"},
        {"host": RELEASE_HOST},
        {"headers": [("rsc", "1")]},
        {"headers": [("next-router-prefetch", "1")]},
        {"headers": [("next-router-segment-prefetch", "/_tree")]},
        {"headers": [("next-router-state-tree", "%5B%5D")]},
        {"headers": [("next-url", "/")]},
        {"headers": [("x-prerender-revalidate", "1")]},
        {"headers": [("cookie", "__prerender_bypass=1")]},
        {"headers": [("accept-encoding", "br")]},
        {"method": "POST"},
    ],
    ids=str,
)
def test_requests_that_can_have_different_answers_share_no_cached_answer(other: dict[str, object]) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/page")
        settings = dict(other)
        await running_edge.get(str(settings.pop("target", "/page")), **settings)
        assert len(running_edge.functions.sent) == 2

    run_scenario(check_edge, functions=make_fake_functions(("cache-control", "s-maxage=60")))


@pytest.mark.parametrize(
    "same",
    [
        {"method": "HEAD"},
        {"headers": [("cookie", "session=1")]},
        {"headers": [("user-agent", "other")]},
        {"headers": [("accept-encoding", "deflate")]},
        {"headers": [("x-anchor-release", "another")]},
        {"host": HOST.upper()},
    ],
    ids=str,
)
def test_requests_with_the_same_cache_key_share_a_cached_answer(same: dict[str, object]) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/page")
        got = await running_edge.get("/page", **same)
        assert got.headers["x-cache"] == "Hit from cloudfront"
        assert got.headers["content-length"] == "10"
        assert got.body == (b"" if same.get("method") == "HEAD" else b"0123456789")

    run_scenario(check_edge, functions=make_fake_functions(("cache-control", "s-maxage=60")))


def test_a_port_in_host_creates_no_variant_in_the_cache_and_no_other_links() -> None:
    """X10: a viewer could fill the cache, and put links with this port into the answers of others."""

    async def check_edge(running_edge: RunningEdge) -> None:
        answers = [
            await running_edge.get("/page", host=f"{HOST}:{port}") for port in (1, 65535, running_edge.port)
        ]
        assert [answer.headers["x-cache"].split()[0] for answer in answers] == ["Miss", "Hit", "Hit"]
        (sent,) = running_edge.functions.sent
        assert sent.headers["x-forwarded-host"] == f"{HOST}:{running_edge.port}"

    run_scenario(check_edge, functions=make_fake_functions(("cache-control", "s-maxage=60")))


def test_a_switch_needs_no_invalidation_and_hashed_assets_stay_cached() -> None:
    """D3: the release is part of the cache key, except for hashed assets, which do not change."""

    async def check_edge(running_edge: RunningEdge) -> None:
        for target in ("/page", "/robots.txt", "/_next/static/a.js"):
            await running_edge.get(target)
        running_edge.set_key(HOST, encode_entry({**SITE, "r": "01JB5Z9QK8W3T7N2M4R6X0Y1AC"}))
        results = [(await running_edge.get(target)).headers["x-cache"] for target in ("/page", "/robots.txt")]
        assert results == ["Miss from cloudfront"] * 2
        assert (await running_edge.get("/_next/static/a.js")).headers["x-cache"] == "Hit from cloudfront"

    headers = [("cache-control", "s-maxage=60")]
    run_scenario(
        check_edge, functions=make_fake_functions(*headers), assets=FakeAssets((200, headers, [b"file"]))
    )


def test_a_matching_etag_gets_304() -> None:
    headers = [
        ("cache-control", "max-age=60"),
        ("etag", 'W/"abc"'),
        ("last-modified", "Mon, 12 Jan 1970 13:00:00 GMT"),
    ]

    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/page")
        for sent in ('"abc"', 'W/"abc"', '"x", W/"abc"', "*"):
            got = await running_edge.get("/page", headers=[("if-none-match", sent)])
            assert (got.status, got.body, got.headers["etag"]) == (304, b"", 'W/"abc"')
        for sent, status in (
            ("Mon, 12 Jan 1970 13:00:00 GMT", 304),
            ("Mon, 12 Jan 1970 12:59:59 GMT", 200),
            ("?", 200),
        ):
            assert (await running_edge.get("/page", headers=[("if-modified-since", sent)])).status == status
        both = [("if-none-match", '"x"'), ("if-modified-since", "Mon, 12 Jan 1970 13:00:00 GMT")]
        assert (await running_edge.get("/page", headers=both)).status == 200

    run_scenario(check_edge, functions=make_fake_functions(*headers))


@pytest.mark.parametrize(
    ("requested_range", "status", "body", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=99-", 416, b"", "bytes */10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1", 200, b"0123456789", None),
    ],
)
def test_a_range_of_a_cached_answer_can_be_requested(
    requested_range: str, status: int, body: bytes, content_range: str | None
) -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        await running_edge.get("/film")
        got = await running_edge.get("/film", headers=[("range", requested_range)])
        assert (got.status, got.body, got.headers.get("content-range")) == (status, body, content_range)

    run_scenario(check_edge, functions=make_fake_functions(("cache-control", "max-age=60")))


def test_an_error_with_an_error_ttl_of_zero_is_not_cached() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        for _ in range(2):
            assert (await running_edge.get("/broken")).headers["x-cache"] == "Error from cloudfront"
        assert len(running_edge.functions.sent) == 2

    run_scenario(
        check_edge,
        functions=make_fake_functions(status=500),
        config=attrs.evolve(CONFIG, error_ttls={500: 0.0}),
    )


def test_an_error_is_cached_for_ten_seconds_by_default() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        for _ in range(2):
            assert (await running_edge.get("/broken")).headers["x-cache"] == "Error from cloudfront"
        assert len(running_edge.functions.sent) == 1
        running_edge.now += 10
        await running_edge.get("/broken")
        assert len(running_edge.functions.sent) == 2

    run_scenario(check_edge, functions=make_fake_functions(status=500))


def make_response(size: int) -> CachedResponse:
    return CachedResponse(status=200, headers=[], body=b"x" * size, stored_at=NOW, expires_at=NOW + 1)


def test_the_least_recently_used_answers_are_removed_above_the_size_limit() -> None:
    cache = EdgeCache(maximum_bytes=10)
    cache.put(("a",), make_response(4))
    cache.put(("b",), make_response(4))
    assert cache.get(("a",), NOW) is not None
    cache.put(("c",), make_response(4))
    assert [key for key in "abc" if cache.get((key,), NOW)] == ["a", "c"]
    cache.put(("c",), make_response(6))
    assert [key for key in "abc" if cache.get((key,), NOW)] == ["a", "c"]
    assert cache.get(("a",), NOW + 1) is None
    cache.clear()
    assert cache.get(("c",), NOW) is None


@pytest.mark.parametrize(
    ("path", "remaining"),
    [
        ("/images/1", ["/images/1?w=2", "/images/12", "/Images/1"]),
        ("/images/1?w=2", ["/images/1", "/images/12", "/Images/1"]),
        ("/images/1*", ["/Images/1"]),
        ("/*", []),
        ("/images/", ["/images/1", "/images/1?w=2", "/images/12", "/Images/1"]),
    ],
)
def test_an_invalidation_removes_all_variants_of_a_path(path: str, remaining: list[str]) -> None:
    cache = EdgeCache()
    keys = {
        target: [(*target.partition("?")[::2], encodings, "") for encodings in ("", "br")]
        for target in ("/images/1", "/images/1?w=2", "/images/12", "/Images/1")
    }
    for each in keys.values():
        for key in each:
            cache.put(key, make_response(1))
    cache.invalidate([path])
    assert [target for target in keys if any(cache.get(key, NOW) for key in keys[target])] == remaining
    assert [target for target in keys if all(cache.get(key, NOW) for key in keys[target])] == remaining


def test_an_answer_fetched_during_an_invalidation_is_not_cached() -> None:
    """Otherwise, a file that is deleted while the edge fetches it would be cached after its invalidation."""

    async def check_edge(running_edge: RunningEdge) -> None:
        async def respond(_sent: OriginRequest, _body: AsyncIterator[bytes] | None) -> Answer:
            if len(running_edge.functions.sent) == 1:
                running_edge.edge.cache.invalidate(["/page"])
            return 200, [("cache-control", "max-age=60")], [b"0123456789"]

        running_edge.functions.respond = respond
        results = [(await running_edge.get("/page")).headers["x-cache"].partition(" ")[0] for _ in range(3)]
        assert results == ["Miss", "Miss", "Hit"]

    run_scenario(check_edge)


def test_an_answer_that_is_too_large_for_the_cache_is_served() -> None:
    async def check_edge(running_edge: RunningEdge) -> None:
        for _ in range(2):
            assert len((await running_edge.get("/film")).body) == 9 * 1024 * 1024
        assert len(running_edge.functions.sent) == 2

    run_scenario(
        check_edge,
        functions=make_fake_functions(("cache-control", "max-age=60"), body=bytes(9 * 1024 * 1024)),
    )
