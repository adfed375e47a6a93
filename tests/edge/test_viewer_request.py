"""The CloudFront Function that routes every request to its site, release and origin (D3, D7, D8)."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from components.edge.function_code import read_function_code
from local.edge.functions.events import EventContext, Forward, Generated
from local.edge.functions.viewer_function import EdgeFunction
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
    create_large_key_values,
    create_request,
    encode_entry,
    load_function,
    read_header,
    read_target,
)

SERVER, IMAGE, ASSETS = SITE["s"], SITE["i"], "assets"


@pytest.fixture(scope="module")
def function() -> Iterator[EdgeFunction]:
    loaded = load_function(KEY_VALUES)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def function_with_entry_keys() -> Iterator[EdgeFunction]:
    loaded = load_function(create_large_key_values())
    yield loaded
    loaded.close()


# The method and the path of a request, the expected origin, and the path that the origin gets.
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
    ("POST", "/_next/image", IMAGE, "/_next/image"),
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
HOSTILE_PATHS = [
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
    outcome = function.run(create_request(uri, method=method, host=host))
    assert isinstance(outcome, Forward)
    assert (read_target(outcome), outcome.request.uri, outcome.reads) == (origin, passed_uri, 1)


@pytest.mark.parametrize("route", ROUTES)
def test_root_entries_with_their_own_keys_need_at_most_two_reads(
    function_with_entry_keys: EdgeFunction, route: tuple[str, str, str, str]
) -> None:
    method, uri, origin, passed_uri = route
    for host in (HOST, RELEASE_HOST):
        outcome = function_with_entry_keys.run(create_request(uri, method=method, host=host))
        assert isinstance(outcome, Forward)
        assert (read_target(outcome), outcome.request.uri) == (origin, passed_uri)
        assert outcome.reads <= 2


@pytest.mark.parametrize("uri", HOSTILE_PATHS)
def test_a_path_that_could_leave_its_folder_goes_to_the_server_function(
    function: EdgeFunction, function_with_entry_keys: EdgeFunction, uri: str
) -> None:
    for loaded in (function, function_with_entry_keys):
        outcome = loaded.run(create_request(uri))
        assert isinstance(outcome, Forward)
        assert (read_target(outcome), outcome.request.uri) == (SERVER, uri)


def test_a_server_function_receives_its_release_its_origin_key_and_the_requested_host(
    function: EdgeFunction,
) -> None:
    outcome = function.run(create_request("/", host=f"{HOST}:8080", query_string="a=1&a=2&b"))
    assert isinstance(outcome, Forward)
    assert read_header(outcome, "x-forwarded-host") == [HOST]
    assert read_header(outcome, "x-anchor-release") == [RELEASE]
    assert read_header(outcome, "x-anchor-origin-key") == [SITE["k"]]
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
        create_request(
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
    """Other headers and the query could change the response of S3, which is cached for all visitors."""
    outcome = function.run(
        create_request(
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
    """The function replaces the path of a file by its path in the bucket. A page can have the same path."""
    file = function.run(create_request("/robots.txt"))
    page = function.run(create_request(f"/assets/shop/{RELEASE}/robots.txt"))
    assert isinstance(file, Forward)
    assert isinstance(page, Forward)
    assert file.request.uri == page.request.uri
    assert read_header(file, "x-anchor-release") != read_header(page, "x-anchor-release")


@pytest.mark.parametrize("host", ["unknown.example.com", "", "[::1]:8080", f"{HOST}/favicon.ico", "a" * 600])
def test_an_unknown_host_gets_a_404_page_that_is_not_cached(function: EdgeFunction, host: str) -> None:
    outcome = function.run(create_request("/", host=host))
    assert isinstance(outcome, Generated)
    assert outcome.status == 404
    assert outcome.reads <= 2
    assert read_header(outcome, "cache-control") == ["no-store"]
    assert read_header(outcome, "content-type") == ["text/html; charset=utf-8"]
    assert b"<!doctype html>" in outcome.body


def test_the_key_of_a_root_entry_cannot_be_used_as_host() -> None:
    """The store has two kinds of keys: a host, and `{release host}/{entry}` for a root entry.

    A request whose Host header is a key of the second kind gets a 404.
    """
    loaded = load_function(create_large_key_values())
    assert read_target(loaded.run(create_request("/", host=f"{RELEASE_HOST}/favicon.ico"))) == "404"
    loaded.close()


@pytest.mark.parametrize("invalid_value", ["{", "null", "1", '""', "{}", '{"r": "01JB"}'])
def test_an_invalid_value_in_the_store_is_answered_with_503_and_retry_after(invalid_value: str) -> None:
    loaded = load_function({HOST: invalid_value})
    outcome = loaded.run(create_request("/"))
    assert isinstance(outcome, Generated)
    assert (outcome.status, outcome.reads <= 2) == (503, True)
    assert read_header(outcome, "retry-after") == ["5"]
    assert read_header(outcome, "cache-control") == ["no-store"]
    loaded.close()


@pytest.mark.parametrize("failing_methods", ["get", "exists", "get exists"])
def test_a_request_gets_503_if_the_store_cannot_be_read(failing_methods: str) -> None:
    loaded = load_function(create_large_key_values())
    for method in failing_methods.split():
        loaded._engine.eval(
            f"anchorRuntime.store.{method} = async () => {{ throw new Error('unavailable'); }}"
        )
    outcome = loaded.run(create_request("/favicon.ico"))
    assert read_target(outcome) == "503"
    loaded.close()


def test_a_key_that_is_too_long_is_not_read_from_the_store(function_with_entry_keys: EdgeFunction) -> None:
    """A key of the KeyValueStore has at most 512 bytes. No public file has a longer key."""
    for name in ("x" * 600, "%E2%82%AC" * 200):
        outcome = function_with_entry_keys.run(create_request(f"/{name}"))
        assert read_target(outcome) == SERVER
        assert outcome.reads == 1


def test_a_release_without_public_files_sends_all_requests_to_its_server() -> None:
    for files in ("", "|"):
        loaded = load_function({HOST: encode_entry({**SITE, "p": files})})
        assert read_target(loaded.run(create_request("/favicon.ico"))) == SERVER
        loaded.close()
    without_files = {name: content for name, content in SITE.items() if name != "p"}
    loaded = load_function({HOST: encode_entry(without_files)})
    assert read_target(loaded.run(create_request("/favicon.ico"))) == SERVER
    loaded.close()


def test_a_switch_changes_one_key_and_applies_to_the_next_request() -> None:
    """D3: one write to the store switches server, images and files of a site to another release."""
    etag, items = "1", dict(KEY_VALUES)
    loaded = EdgeFunction.load(read_function_code(SOURCE), lambda: (etag, items))
    new = {**SITE, "r": "01JB5Z9QK8W3T7N2M4R6X0Y1AC", "s": "new.on.aws", "i": "new-image.on.aws"}
    assert read_target(loaded.run(create_request("/"))) == SERVER
    items[HOST] = encode_entry(new)
    etag = "2"
    assert read_target(loaded.run(create_request("/"))) == "new.on.aws"
    assert read_target(loaded.run(create_request("/_next/image"))) == "new-image.on.aws"
    file = loaded.run(create_request("/robots.txt"))
    assert isinstance(file, Forward)
    assert file.request.uri == f"/assets/shop/{new['r']}/robots.txt"
    assert read_target(loaded.run(create_request("/", host=RELEASE_HOST))) == SERVER
    del items[HOST]
    etag = "3"
    assert read_target(loaded.run(create_request("/"))) == "404"
    loaded.close()


def test_the_number_of_hosts_in_the_store_changes_neither_results_nor_reads() -> None:
    others = {f"site-{number}.sites.example.com": encode_entry(SITE) for number in range(9_998)}
    few, many = load_function(KEY_VALUES), load_function({**KEY_VALUES, **others})
    for uri in ("/", "/favicon.ico", "/_next/static/x.js", "/_next/image"):
        assert few.run(create_request(uri)) == many.run(create_request(uri))
    unknown = create_request("/", host="unknown.example.com")
    assert few.run(unknown) == many.run(unknown)
    few.close()
    many.close()


@pytest.fixture(scope="module")
def split_site_function() -> Iterator[EdgeFunction]:
    loaded = load_function({HOST: encode_entry(SPLIT_SITE), RELEASE_HOST: encode_entry(SPLIT_SITE)})
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
def test_a_site_with_a_base_path_serves_files_only_below_the_base_path(
    split_site_function: EdgeFunction, method: str, uri: str, origin: str, passed_uri: str
) -> None:
    """D7: requests outside of the base path go to the server function, which answers 404."""
    outcome = split_site_function.run(create_request(uri, method=method))
    assert isinstance(outcome, Forward)
    assert (read_target(outcome), outcome.request.uri, outcome.reads) == (origin, passed_uri, 1)


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
    split_site_function: EdgeFunction, uri: str, origin: str, method: str
) -> None:
    """D7: each function of a split server receives the same origin key and release."""
    outcome = split_site_function.run(create_request(uri, method=method))
    assert isinstance(outcome, Forward)
    assert (read_target(outcome), outcome.request.uri) == (origin, uri)
    assert read_header(outcome, "x-anchor-release") == [RELEASE]
    assert read_header(outcome, "x-anchor-origin-key") == [SITE["k"]]


@pytest.mark.parametrize(
    ("site", "uri", "server"),
    [
        ({**SITE, "m": 1}, "/_next/image", [SERVER]),
        ({**SITE, "m": 1, "a": "/cdn"}, "/cdn/_next/image", [SERVER]),
        ({**SPLIT_SITE, "m": 1}, "/docs/_next/image/", [SERVER]),
        ({**SPLIT_SITE, "m": 1, "f": [[API, "/docs/_next/*"]]}, "/docs/_next/image", [API]),
        ({**SITE, "m": 1}, "/_next/images", []),
        (SITE, "/_next/image", []),
    ],
)
def test_the_image_function_gets_the_server_that_it_asks(
    site: dict[str, object], uri: str, server: list[str]
) -> None:
    """F1: only if a rule of the site applies to images. Viewers cannot choose the server."""
    loaded = load_function({HOST: encode_entry(site)})
    outcome = loaded.run(create_request(uri, headers=[("x-anchor-server", "evil.example")]))
    loaded.close()
    assert read_header(outcome, "x-anchor-server") == server


# E1: which responses CloudFront may share between visitors. The header x-anchor-cache is in the cache key.
# Its value `shared` allows sharing. A unique value, the request ID, prevents sharing.


def read_cache_header(function: EdgeFunction, uri: str = "/", **changes: Any) -> str:  # noqa: ANN401 - any argument
    outcome = function.run(create_request(uri, **changes), EventContext(request_id=uuid.uuid4().hex))
    (cache_header,) = read_header(outcome, "x-anchor-cache")
    return cache_header


@pytest.fixture(scope="module")
def older_release_function() -> Iterator[EdgeFunction]:
    """The function for a release of an older platform version. The release's store entry has no `c`."""
    older = encode_entry({name: each for name, each in SITE.items() if name != "c"})
    loaded = load_function({HOST: older})
    yield loaded
    loaded.close()


@pytest.mark.parametrize("uri", ["/", "/posts/first", "/_next/data/build/index.json", "/_next/image", "/api"])
def test_cloudfront_may_share_answers_of_a_release_whose_store_entry_has_c(
    function: EdgeFunction, uri: str
) -> None:
    """`c` means that the functions of the release decide with Cache-Control what CloudFront shares."""
    assert read_cache_header(function, uri) == "shared"


@pytest.mark.parametrize("uri", ["/_next/static/chunks/app-1f.js", "/favicon.ico"])
def test_cloudfront_may_share_files_of_an_older_release(
    older_release_function: EdgeFunction, uri: str
) -> None:
    assert read_cache_header(older_release_function, uri) == "shared"


@pytest.mark.parametrize("uri", ["/", "/posts/first", "/_next/image", "/_next/images"])
def test_cloudfront_does_not_share_answers_of_functions_of_an_older_release(
    older_release_function: EdgeFunction, uri: str
) -> None:
    keys = {read_cache_header(older_release_function, uri) for _ in range(3)}
    assert len(keys) == 3
    assert "shared" not in keys


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer x")],
        [("cookie", "a=1; __prerender_bypass=x")],
        [("cookie", "__next_preview_data=x")],
        [("x-middleware-prefetch", "1")],
        [("x-isr", "1"), ("x-prerender-revalidate", "x")],
        [("next-action", "x")],
    ],
)
def test_answers_that_depend_on_headers_outside_of_the_cache_key_are_not_shared(
    function: EdgeFunction, headers: Headers
) -> None:
    """Such headers are credentials, draft mode's cookies and internal headers of Next.js."""
    keys = {read_cache_header(function, headers=headers) for _ in range(3)}
    assert len(keys) == 3
    assert "shared" not in keys


def test_a_viewer_cannot_choose_the_cache_key(older_release_function: EdgeFunction) -> None:
    assert read_cache_header(older_release_function, headers=[("x-anchor-cache", "shared")]) != "shared"


@pytest.mark.parametrize(
    "name",
    [
        "x-open-next-country",
        "x-vercel-ip-country",
        "content-security-policy",
        "x-opennext-initial-url",
        "x-middleware-subrequest",
        "x-middleware-rewrite",
        "x-invoke-path",
        "x-now-route-matches",
        "x-matched-path",
        "next-resume",
        "x-next-resume-state-length",
        "x-isr",
    ],
)
def test_a_viewer_cannot_send_headers_that_next_and_opennext_trust(function: EdgeFunction, name: str) -> None:
    outcome = function.run(create_request("/", headers=[(name, "script-src 'nonce-x'")]))
    assert read_header(outcome, name) == []
