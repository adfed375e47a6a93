"""The files that the bucket answers, by the fingerprints in the KeyValueStore (D7)."""

from collections.abc import Iterator

import pytest

from components.core.limits.edge_budget import MAX_RELEASE_BYTES
from local.edge.functions.events import Forward
from local.edge.functions.viewer_function import EdgeFunction
from runtime.deploy.releases.edge_store import EdgeEntry, SplitOrigin, build_edge_keys
from tests.edge.edge_host import (
    API,
    HOST,
    RELEASE,
    RELEASE_HOST,
    SITE,
    create_request,
    load_function,
    read_header,
    read_target,
)

SERVER, IMAGE, ASSETS = SITE["s"], SITE["i"], "assets"
FILES = (
    "_next/static/chunks/app-1f.js",
    "_next/static/chunks/[slug]-2e.js",
    "favicon.ico",
    "products/cover.png",
    "my files/hello world (1).txt",
    "größe/müller+söhne.txt",
    "100%.txt",
    "a$b&c=d;e,f@g!h.txt",
    "c#.txt",
    "a|b.txt",
)
FOLDER = f"/assets/shop/{RELEASE}"
ROUTES = [
    ("/_next/static/chunks/app-1f.js", ASSETS, "/assets/shop/_next/static/chunks/app-1f.js"),
    ("/_next/static/chunks/%5Bslug%5D-2e.js", ASSETS, "/assets/shop/_next/static/chunks/%5Bslug%5D-2e.js"),
    ("/_next/static/chunks/[slug]-2e.js", ASSETS, "/assets/shop/_next/static/chunks/[slug]-2e.js"),
    ("/_next/static/x.js", SERVER, "/_next/static/x.js"),
    ("/favicon.ico", ASSETS, f"{FOLDER}/favicon.ico"),
    ("/favicon%2Eico", SERVER, "/favicon%2Eico"),
    ("/products/cover.png", ASSETS, f"{FOLDER}/products/cover.png"),
    ("/products/plain", SERVER, "/products/plain"),
    ("/products", SERVER, "/products"),
    ("/products/", SERVER, "/products/"),
    ("/products/cover.png/", SERVER, "/products/cover.png/"),
    ("/products//cover.png", SERVER, "/products//cover.png"),
    ("/products%2Fcover.png", SERVER, "/products%2Fcover.png"),
    ("/my%20files/hello%20world%20(1).txt", ASSETS, f"{FOLDER}/my%20files/hello%20world%20(1).txt"),
    (
        "/my%20files/hello%20world%20%281%29.txt",
        ASSETS,
        f"{FOLDER}/my%20files/hello%20world%20%281%29.txt",
    ),
    (
        "/gr%C3%B6%C3%9Fe/m%C3%BCller+s%C3%B6hne.txt",
        ASSETS,
        f"{FOLDER}/gr%C3%B6%C3%9Fe/m%C3%BCller%2Bs%C3%B6hne.txt",
    ),
    ("/100%25.txt", ASSETS, f"{FOLDER}/100%25.txt"),
    ("/100%.txt", SERVER, "/100%.txt"),
    ("/a$b&c=d;e,f@g!h.txt", ASSETS, f"{FOLDER}/a$b&c=d;e,f@g!h.txt"),
    ("/c%23.txt", ASSETS, f"{FOLDER}/c%23.txt"),
    ("/a%7Cb.txt", ASSETS, f"{FOLDER}/a%7Cb.txt"),
    ("/", SERVER, "/"),
    ("/%ff", SERVER, "/%ff"),
]


def create_key_values(files: tuple[str, ...] = FILES, **changes: object) -> dict[str, str]:
    """Return the content of the store after a release with these files became live."""
    entry = EdgeEntry(
        deployment_id=RELEASE,
        folder="shop",
        server_origin=SERVER,
        image_origin=IMAGE,
        origin_key=SITE["k"],
        direct_files=files,
        **changes,  # type: ignore[arg-type]
    )
    keys = dict(build_edge_keys(entry, RELEASE_HOST, max_bytes=MAX_RELEASE_BYTES))
    return {**keys, HOST: keys[RELEASE_HOST]}


@pytest.fixture(scope="module")
def function() -> Iterator[EdgeFunction]:
    loaded = load_function(create_key_values())
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def function_with_file_keys() -> Iterator[EdgeFunction]:
    more = tuple(f"images/{number}.png" for number in range(2_000))
    key_values = create_key_values((*FILES, *more))
    assert len(key_values) > 10
    loaded = load_function(key_values)
    yield loaded
    loaded.close()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("host", [HOST, RELEASE_HOST])
def test_the_bucket_answers_the_files_of_the_release_and_no_other_path(
    function: EdgeFunction, function_with_file_keys: EdgeFunction, host: str, route: tuple[str, str, str]
) -> None:
    """A folder of public files hides no route."""
    uri, origin, passed_uri = route
    for loaded, reads in ((function, 1), (function_with_file_keys, 2)):
        outcome = loaded.run(create_request(uri, host=host))
        assert isinstance(outcome, Forward)
        assert (read_target(outcome), outcome.request.uri) == (origin, passed_uri)
        assert outcome.reads <= reads


def test_every_file_of_a_large_release_is_found(function_with_file_keys: EdgeFunction) -> None:
    for number in range(0, 2_000, 100):
        assert read_target(function_with_file_keys.run(create_request(f"/images/{number}.png"))) == ASSETS
        assert read_target(function_with_file_keys.run(create_request(f"/images/{number}.gif"))) == SERVER


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_the_server_handles_other_methods_for_files(function: EdgeFunction, method: str) -> None:
    assert read_target(function.run(create_request("/favicon.ico", method=method))) == SERVER


def test_a_mark_is_compared_at_the_beginning_of_each_mark_only() -> None:
    """Six characters across two marks are no file."""
    key_values = create_key_values()
    marks = "".join(chr(ord("a") + number % 26) for number in range(60))
    shifted = {key: value.replace('"h":"', f'"h":"{marks}') for key, value in key_values.items()}
    loaded = load_function(shifted)
    assert read_target(loaded.run(create_request("/favicon.ico"))) == ASSETS
    loaded.close()


def test_the_server_answers_if_the_key_of_a_file_cannot_be_read() -> None:
    more = tuple(f"images/{number}.png" for number in range(500))
    only_hosts = {key: value for key, value in create_key_values(more).items() if "/" not in key}
    loaded = load_function(only_hosts)
    assert read_target(loaded.run(create_request("/images/1.png"))) == SERVER
    loaded.close()


def test_a_site_without_direct_files_sends_all_files_to_its_server() -> None:
    loaded = load_function(create_key_values(()))
    for uri in ("/favicon.ico", "/_next/static/chunks/app-1f.js"):
        outcome = loaded.run(create_request(uri))
        assert read_target(outcome) == SERVER
        assert read_header(outcome, "x-anchor-cache") == ["shared"]
    loaded.close()


@pytest.mark.parametrize("base", ["", "/docs"])
def test_files_below_an_asset_prefix_are_files_of_the_release(base: str) -> None:
    loaded = load_function(create_key_values(asset_prefix="/blog-static", base_path=base))
    for uri, origin, passed_uri in (
        ("/blog-static/_next/static/chunks/app-1f.js", ASSETS, "/assets/shop/_next/static/chunks/app-1f.js"),
        ("/blog-static/_next/image", IMAGE, "/blog-static/_next/image"),
        ("/blog-static/_next/static/x.js", SERVER, "/blog-static/_next/static/x.js"),
        ("/blog-static/favicon.ico", SERVER, "/blog-static/favicon.ico"),
        (f"{base}/favicon.ico", ASSETS, f"{FOLDER}{base}/favicon.ico"),
    ):
        outcome = loaded.run(create_request(uri))
        assert isinstance(outcome, Forward)
        assert (read_target(outcome), outcome.request.uri) == (origin, passed_uri)
    loaded.close()


def test_a_function_of_a_split_server_answers_the_files_below_its_paths() -> None:
    split = SplitOrigin(origin=API, patterns=("/api/*",))
    loaded = load_function(create_key_values((), split_origins=(split,)))
    assert read_target(loaded.run(create_request("/api/schema.json"))) == API
    loaded.close()
