"""The CloudFront Function that routes every request to its site, release and origin (D3, D7, D8)."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.edge.viewer_function import EdgeFunction, EventContext, Forward, Generated
from local.http_messages import Headers
from tests.edge.edge_host import (
    API,
    FEED,
    HOST,
    KEY_VALUES,
    RELEASE,
    RELEASE_HOST,
    SITE,
    SOURCE,
    SPLIT_SITE,
    header,
    large_key_values,
    load,
    origin_of,
    request,
    value,
)

SERVER, IMAGE, ASSETS = SITE["s"], SITE["i"], "assets"


@pytest.fixture(scope="module")
def function() -> Iterator[EdgeFunction]:
    loaded = load(KEY_VALUES)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def with_entries_as_keys() -> Iterator[EdgeFunction]:
    loaded = load(large_key_values())
    yield loaded
    loaded.close()


ROUTES = [
    ("GET", "/", SERVER, "/"),
    ("GET", "/posts/first", SERVER, "/posts/first"),
    ("GET", "/_next/data/build/index.json", SERVER, "/_next/data/build/index.json"),
    ("POST", "/action", SERVER, "/action"),
    ("OPTIONS", "/api/echo", SERVER, "/api/echo"),
    ("GET", "/_next/static/chunks/app-1f.js", ASSETS, "/assets/shop/_next/static/chunks/app-1f.js"),
    ("HEAD", "/_next/static/chunks/app-1f.js", ASSETS, "/assets/shop/_next/static/chunks/app-1f.js"),
    ("GET", "/_next/static/%5Bslug%5D-1f.js", ASSETS, "/assets/shop/_next/static/%5Bslug%5D-1f.js"),
    ("POST", "/_next/static/chunks/app-1f.js", SERVER, "/_next/static/chunks/app-1f.js"),
    ("GET", "/_next/static", SERVER, "/_next/static"),
    ("GET", "/_next/image", IMAGE, "/_next/image"),
    ("GET", "/_next/image/", IMAGE, "/_next/image/"),
    ("HEAD", "/_next/image", IMAGE, "/_next/image"),
    ("POST", "/_next/image", SERVER, "/_next/image"),
    ("GET", "/_next/images", SERVER, "/_next/images"),
    ("GET", "/favicon.ico", ASSETS, f"/assets/shop/{RELEASE}/favicon.ico"),
    ("HEAD", "/robots.txt", ASSETS, f"/assets/shop/{RELEASE}/robots.txt"),
    ("PUT", "/robots.txt", SERVER, "/robots.txt"),
    ("GET", "/favicon.ico/", SERVER, "/favicon.ico/"),
    ("GET", "/favicon", SERVER, "/favicon"),
    ("GET", "/data/a/b.json", ASSETS, f"/assets/shop/{RELEASE}/data/a/b.json"),
    ("GET", "/data", SERVER, "/data"),
    ("GET", "/database", SERVER, "/database"),
    ("GET", "/my%20file.pdf", ASSETS, f"/assets/shop/{RELEASE}/my%20file.pdf"),
    ("GET", "/a+b.txt", ASSETS, f"/assets/shop/{RELEASE}/a%2Bb.txt"),
    ("GET", "/a%2Bb.txt", ASSETS, f"/assets/shop/{RELEASE}/a%2Bb.txt"),
]
HOSTILE = [
    "/_next/static/../../other/secret.js",
    "/_next/static/..",
    "/_next/static/./x.js",
    "/_next/static/%2e%2e/%2e%2e/other/secret.js",
    "/_next/static/..%2f..%2fother/secret.js",
    "/_next/static/%2E./x.js",
    "/_next/static//x.js",
    "//_next/static/x.js",
    "/_next//static/x.js",
    "/_next/static/..\\..\\other",
    "/_next/static/%5c..%5cother",
    "/_next/static/x.js%00.html",
    "/data/../other/robots.txt",
    "/data%2f..%2fother",
    "/favicon.ico%7Crobots.txt",
    "/favicon.ico|robots.txt",
    "/|",
    "/%7C",
    "/%",
    "/%ff/x",
    "/%E0%A4%A",
    "/assets/other/secret.js",
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("host", [HOST, RELEASE_HOST, HOST.upper(), f"{HOST}:8080"])
def test_each_path_and_method_goes_to_its_origin(
    function: EdgeFunction, host: str, route: tuple[str, str, str, str]
) -> None:
    method, uri, origin, passed_uri = route
    outcome = function.run(request(uri, method=method, host=host))
    assert isinstance(outcome, Forward)
    assert (origin_of(outcome), outcome.request.uri, outcome.reads) == (origin, passed_uri, 1)


@pytest.mark.parametrize("route", ROUTES)
def test_root_entries_with_their_own_keys_take_one_more_read(
    with_entries_as_keys: EdgeFunction, route: tuple[str, str, str, str]
) -> None:
    method, uri, origin, passed_uri = route
    for host in (HOST, RELEASE_HOST):
        outcome = with_entries_as_keys.run(request(uri, method=method, host=host))
        assert isinstance(outcome, Forward)
        assert (origin_of(outcome), outcome.request.uri) == (origin, passed_uri)
        assert outcome.reads <= 2


@pytest.mark.parametrize("uri", HOSTILE)
def test_a_path_that_could_leave_its_folder_goes_to_the_server_function(
    function: EdgeFunction, with_entries_as_keys: EdgeFunction, uri: str
) -> None:
    for loaded in (function, with_entries_as_keys):
        outcome = loaded.run(request(uri))
        assert isinstance(outcome, Forward)
        assert (origin_of(outcome), outcome.request.uri) == (SERVER, uri)


def test_a_server_function_receives_release_origin_key_and_viewer_host(
    function: EdgeFunction,
) -> None:
    outcome = function.run(request("/", host=f"{HOST}:8080", query_string="a=1&a=2&b"))
    assert isinstance(outcome, Forward)
    assert header(outcome, "x-forwarded-host") == [f"{HOST}:8080"]
    assert header(outcome, "x-anchor-release") == [RELEASE]
    assert header(outcome, "x-anchor-origin-key") == [SITE["k"]]
    assert outcome.request.query_string == "a=1&a=2&b"
    assert outcome.origin is not None
    assert outcome.origin.changes["customOriginConfig"] == {
        "port": 443,
        "protocol": "https",
        "sslProtocols": ["TLSv1.2"],
    }


@pytest.mark.parametrize("uri", ["/", "/_next/image", "/favicon.ico"])
def test_headers_that_viewers_must_not_set_are_replaced_or_removed(function: EdgeFunction, uri: str) -> None:
    outcome = function.run(
        request(
            uri,
            headers=[
                ("x-anchor-origin-key", "guessed"),
                ("x-anchor-release", "another"),
                ("x-anchor-anything", "1"),
                ("x-opennext-initial-url", "https://other.example.com/"),
                ("x-forwarded-host", "other.example.com"),
                ("x-forwarded-host", "second.example.com"),
            ],
        )
    )
    assert isinstance(outcome, Forward)
    sent = {content for _, content in outcome.request.headers}
    names = {name for name, _ in outcome.request.headers}
    assert not sent & {"guessed", "another", "1", "other.example.com", "second.example.com"}
    assert not names & {"x-anchor-anything", "x-opennext-initial-url"}


def test_a_request_for_assets_keeps_only_allowed_headers_and_no_query(function: EdgeFunction) -> None:
    """Other headers could change the response of S3, which is cached for all visitors."""
    outcome = function.run(
        request(
            "/favicon.ico",
            query_string="response-content-type=text/html&versionId=1",
            headers=[
                ("range", "bytes=0-1"),
                ("if-none-match", '"a"'),
                ("accept-encoding", "br"),
                ("cookie", "session=secret"),
                ("authorization", "Bearer secret"),
                ("x-amz-checksum-mode", "ENABLED"),
                ("user-agent", "browser"),
            ],
        )
    )
    assert isinstance(outcome, Forward)
    assert outcome.request.query_string == ""
    assert sorted(outcome.request.headers) == [
        ("accept-encoding", "br"),
        ("host", HOST),
        ("if-none-match", '"a"'),
        ("range", "bytes=0-1"),
        ("x-anchor-cache", "shared"),
        ("x-anchor-release", "assets"),
    ]


def test_a_file_and_a_page_with_the_same_path_have_different_cache_keys(function: EdgeFunction) -> None:
    file = function.run(request("/robots.txt"))
    page = function.run(request(f"/assets/shop/{RELEASE}/robots.txt"))
    assert isinstance(file, Forward)
    assert isinstance(page, Forward)
    assert file.request.uri == page.request.uri
    assert header(file, "x-anchor-release") != header(page, "x-anchor-release")


@pytest.mark.parametrize("host", ["unknown.example.com", "", "[::1]:8080", f"{HOST}/favicon.ico", "a" * 600])
def test_an_unknown_host_gets_a_404_page_that_is_not_cached(function: EdgeFunction, host: str) -> None:
    outcome = function.run(request("/", host=host))
    assert isinstance(outcome, Generated)
    assert outcome.status == 404
    assert outcome.reads <= 2
    assert header(outcome, "cache-control") == ["no-store"]
    assert header(outcome, "content-type") == ["text/html; charset=utf-8"]
    assert b"<!doctype html>" in outcome.body


def test_the_key_of_a_root_entry_cannot_be_used_as_host() -> None:
    """The store contains hosts and keys of the form `{release host}/{entry}`."""
    loaded = load(large_key_values())
    assert origin_of(loaded.run(request("/", host=f"{RELEASE_HOST}/favicon.ico"))) == "404"
    loaded.close()


@pytest.mark.parametrize("broken", ["{", "null", "1", '""', "{}", '{"r": "01JB"}'])
def test_an_invalid_value_is_answered_with_503_and_retry_after(broken: str) -> None:
    loaded = load({HOST: broken})
    outcome = loaded.run(request("/"))
    assert isinstance(outcome, Generated)
    assert (outcome.status, outcome.reads <= 2) == (503, True)
    assert header(outcome, "retry-after") == ["5"]
    assert header(outcome, "cache-control") == ["no-store"]
    loaded.close()


@pytest.mark.parametrize("failing", ["get", "exists", "get exists"])
def test_a_store_that_cannot_be_read_is_answered_with_503(failing: str) -> None:
    loaded = load(large_key_values())
    for method in failing.split():
        loaded._engine.eval(
            f"anchorRuntime.store.{method} = async () => {{ throw new Error('unavailable'); }}"
        )
    outcome = loaded.run(request("/favicon.ico"))
    assert origin_of(outcome) == "503"
    loaded.close()


def test_an_entry_with_a_key_that_is_too_long_is_not_read(with_entries_as_keys: EdgeFunction) -> None:
    for name in ("x" * 600, "%E2%82%AC" * 200):
        outcome = with_entries_as_keys.run(request(f"/{name}"))
        assert origin_of(outcome) == SERVER
        assert outcome.reads == 1


def test_a_release_without_public_files_sends_all_requests_to_its_server() -> None:
    for files in ("", "|"):
        loaded = load({HOST: value({**SITE, "p": files})})
        assert origin_of(loaded.run(request("/favicon.ico"))) == SERVER
        loaded.close()
    without_files = {name: content for name, content in SITE.items() if name != "p"}
    loaded = load({HOST: value(without_files)})
    assert origin_of(loaded.run(request("/favicon.ico"))) == SERVER
    loaded.close()


def test_a_switch_changes_one_key_and_applies_to_the_next_request() -> None:
    """D3: server, images and files of a release change together."""
    etag, items = "1", dict(KEY_VALUES)
    loaded = EdgeFunction.load(SOURCE.read_text(), lambda: (etag, items))
    new = {**SITE, "r": "01JB5Z9QK8W3T7N2M4R6X0Y1AC", "s": "new.on.aws", "i": "new-image.on.aws"}
    assert origin_of(loaded.run(request("/"))) == SERVER
    items[HOST] = value(new)
    etag = "2"
    assert origin_of(loaded.run(request("/"))) == "new.on.aws"
    assert origin_of(loaded.run(request("/_next/image"))) == "new-image.on.aws"
    file = loaded.run(request("/robots.txt"))
    assert isinstance(file, Forward)
    assert file.request.uri == f"/assets/shop/{new['r']}/robots.txt"
    assert origin_of(loaded.run(request("/", host=RELEASE_HOST))) == SERVER
    del items[HOST]
    etag = "3"
    assert origin_of(loaded.run(request("/"))) == "404"
    loaded.close()


def test_the_number_of_hosts_does_not_change_the_number_of_reads() -> None:
    others = {f"site-{number}.sites.example.com": value(SITE) for number in range(9_998)}
    few, many = load(KEY_VALUES), load({**KEY_VALUES, **others})
    for uri in ("/", "/favicon.ico", "/_next/static/x.js", "/_next/image"):
        assert few.run(request(uri)) == many.run(request(uri))
    unknown = request("/", host="unknown.example.com")
    assert few.run(unknown) == many.run(unknown)
    few.close()
    many.close()


@pytest.fixture(scope="module")
def split() -> Iterator[EdgeFunction]:
    loaded = load({HOST: value(SPLIT_SITE), RELEASE_HOST: value(SPLIT_SITE)})
    yield loaded
    loaded.close()


@pytest.mark.parametrize(
    ("method", "uri", "origin", "passed_uri"),
    [
        ("GET", "/docs", SERVER, "/docs"),
        ("GET", "/docs/", SERVER, "/docs/"),
        ("GET", "/", SERVER, "/"),
        ("GET", "/docs/_next/static/a-1f.js", ASSETS, "/assets/shop/_next/static/a-1f.js"),
        ("GET", "/_next/static/a-1f.js", SERVER, "/_next/static/a-1f.js"),
        ("GET", "/docs/_next/image", IMAGE, "/docs/_next/image"),
        ("GET", "/_next/image", SERVER, "/_next/image"),
        ("GET", "/docs/robots.txt", ASSETS, f"/assets/shop/{RELEASE}/docs/robots.txt"),
        ("GET", "/docs/data/a+b.json", ASSETS, f"/assets/shop/{RELEASE}/docs/data/a%2Bb.json"),
        ("GET", "/robots.txt", SERVER, "/robots.txt"),
        ("GET", "/docsrobots.txt", SERVER, "/docsrobots.txt"),
        ("GET", "/docs/../other/robots.txt", SERVER, "/docs/../other/robots.txt"),
        ("GET", "/docs//robots.txt", SERVER, "/docs//robots.txt"),
        ("POST", "/docs/robots.txt", SERVER, "/docs/robots.txt"),
    ],
)
def test_a_site_with_a_base_path_serves_files_only_below_it(
    split: EdgeFunction, method: str, uri: str, origin: str, passed_uri: str
) -> None:
    """D7: requests outside of basePath go to the server, which answers 404."""
    outcome = split.run(request(uri, method=method))
    assert isinstance(outcome, Forward)
    assert (origin_of(outcome), outcome.request.uri, outcome.reads) == (origin, passed_uri, 1)


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("/docs/api/", API),
        ("/docs/api/users/7", API),
        ("/docs/%61pi/users", API),
        ("/docs/api", SERVER),
        ("/api/users", SERVER),
        ("/docs/x/y/raw", API),
        ("/docs/raw", SERVER),
        ("/docs/raw/", SERVER),
        ("/docs/abc", API),
        ("/docs/a-b-b-c-c", API),
        ("/docs/acb", SERVER),
        ("/docs/ab", SERVER),
        ("/docs/feed", FEED),
        ("/docs/feed/", SERVER),
        ("/docs/api/feed", API),
        ("/docs/%E0%A4%A", SERVER),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_first_matching_pattern_selects_the_server_function(
    split: EdgeFunction, uri: str, origin: str, method: str
) -> None:
    """D7: all functions of a split server receive the same origin key and release."""
    outcome = split.run(request(uri, method=method))
    assert isinstance(outcome, Forward)
    assert (origin_of(outcome), outcome.request.uri) == (origin, uri)
    assert header(outcome, "x-anchor-release") == [RELEASE]
    assert header(outcome, "x-anchor-origin-key") == [SITE["k"]]


# E1: which responses the edge may share.


def cache_header(function: EdgeFunction, uri: str = "/", **changes: Any) -> str:  # noqa: ANN401 - as `request`
    outcome = function.run(request(uri, **changes), EventContext(request_id=uuid.uuid4().hex))
    (value_of_header,) = header(outcome, "x-anchor-cache")
    return value_of_header


@pytest.fixture(scope="module")
def of_an_older_release() -> Iterator[EdgeFunction]:
    """The function with a release of an older version of the platform, which has no `c`."""
    older = value({name: each for name, each in SITE.items() if name != "c"})
    loaded = load({HOST: older})
    yield loaded
    loaded.close()


@pytest.mark.parametrize("uri", ["/", "/posts/first", "/_next/data/build/index.json", "/_next/image", "/api"])
def test_a_release_says_itself_what_may_be_shared(function: EdgeFunction, uri: str) -> None:
    assert cache_header(function, uri) == "shared"


@pytest.mark.parametrize("uri", ["/_next/static/chunks/app-1f.js", "/favicon.ico"])
def test_files_are_shared(of_an_older_release: EdgeFunction, uri: str) -> None:
    assert cache_header(of_an_older_release, uri) == "shared"


@pytest.mark.parametrize("uri", ["/", "/posts/first", "/_next/image", "/_next/images"])
def test_nothing_that_functions_of_an_older_release_answer_is_shared(
    of_an_older_release: EdgeFunction, uri: str
) -> None:
    keys = {cache_header(of_an_older_release, uri) for _ in range(3)}
    assert len(keys) == 3
    assert "shared" not in keys


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer x")],
        [("cookie", "a=1; __prerender_bypass=x")],
        [("cookie", "__next_preview_data=x")],
        [("x-middleware-prefetch", "1")],
        [("x-isr", "1")],
        [("next-action", "x")],
    ],
)
def test_a_request_that_only_one_visitor_can_send_has_a_cache_key_of_its_own(
    function: EdgeFunction, headers: Headers
) -> None:
    keys = {cache_header(function, headers=headers) for _ in range(3)}
    assert len(keys) == 3
    assert "shared" not in keys


def test_a_viewer_cannot_choose_the_cache_key(of_an_older_release: EdgeFunction) -> None:
    assert cache_header(of_an_older_release, headers=[("x-anchor-cache", "shared")]) != "shared"


@pytest.mark.parametrize(
    "name",
    ["x-open-next-country", "x-vercel-ip-country", "content-security-policy", "x-opennext-initial-url"],
)
def test_headers_that_next_and_opennext_trust_are_removed(function: EdgeFunction, name: str) -> None:
    outcome = function.run(request("/", headers=[(name, "script-src 'nonce-x'")]))
    assert header(outcome, name) == []
