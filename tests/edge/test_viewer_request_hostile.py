"""No request can read a file of another site, forge an internal header, or read the store more than twice."""

import posixpath
import string
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.edge.functions.events import Forward, Generated, ViewerRequest
from local.edge.functions.viewer_function import EdgeFunction
from runtime.deploy.upkeep.edge_cache import GENERATION_KEY
from tests.edge.edge_host import (
    HOST,
    KEY_VALUES,
    RELEASE,
    RELEASE_HOST,
    SITE,
    create_large_key_values,
    create_request,
    encode_entry,
    load_function,
)

DOTS = ["..", ".", "%2e", "%2E%2e", "%252e%252e"]
SEPARATORS = [
    "/",
    "//",
    "%2f",
    "%5c",
    "\\",
    "%00",
    "%",
    "%25",
    "|",
    "%7C",
    "+",
    "#",
    ";",
    ":",
    "@",
    "~",
    " ",
]
FILE_NAMES = ["_next", "/_next/static/", "/_next/image", "favicon.ico", "data/", "data", "%C3%A9", "é"]
FOLDERS = ["assets", "shop", "other", RELEASE]
PATH_PARTS = st.sampled_from(DOTS + SEPARATORS + FILE_NAMES + FOLDERS)
# The edge cuts a request's target at the first "?", so a path contains none.
PATH_CHARACTERS = string.printable.replace("?", "")
PATHS = st.lists(PATH_PARTS | st.text(PATH_CHARACTERS, max_size=3), max_size=8)
HOSTS = st.sampled_from([HOST, RELEASE_HOST, f"{HOST}:8080", "unknown.example.com"]) | st.text(max_size=30)
HEADER_NAMES = st.sampled_from(
    [
        "x-anchor-release",
        "x-anchor-origin-key",
        "x-anchor-x",
        "x-opennext-y",
        "x-forwarded-host",
        "cookie",
        "rsc",
    ]
)
# `sent-` marks header values of the viewer, so that the test recognizes them in the function's result.
HEADER_VALUES = st.text(string.ascii_letters + ";=, ", max_size=12).map("sent-{}".format)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "DELETE", "get"])


@pytest.fixture(scope="module")
def functions() -> Iterator[list[EdgeFunction]]:
    loaded = [load_function(KEY_VALUES), load_function(create_large_key_values())]
    yield loaded
    for function in loaded:
        function.close()


REQUESTS = st.builds(
    create_request,
    PATHS.map(lambda parts: "/" + "".join(parts)),
    method=METHODS,
    host=HOSTS,
    headers=st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES)),
    query_string=st.text(string.printable, max_size=20),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=REQUESTS)
def test_a_request_stays_within_its_site_and_release(
    functions: list[EdgeFunction], sent: ViewerRequest
) -> None:
    for function in functions:
        outcome = function.run(sent)
        assert outcome.reads <= 2
        if isinstance(outcome, Generated):
            assert outcome.status == 404
            continue
        assert outcome.origin is not None
        if outcome.origin.id == "assets":
            assert sent.method in ("GET", "HEAD")
            assert_stays_in_folders(outcome)
        else:
            assert outcome.origin.changes["domainName"] in (SITE["s"], SITE["i"])
            assert outcome.request.uri == sent.uri
        assert_no_forged_headers(outcome)


def assert_no_forged_headers(outcome: Forward) -> None:
    for name, content in outcome.request.headers:
        if name.startswith(("x-anchor-", "x-opennext-")):
            assert name in ("x-anchor-release", "x-anchor-cache", "x-anchor-origin-key")
            assert not content.startswith("sent-")


@pytest.mark.parametrize("uri", ["/", "/_next/image", "/favicon.ico"])
def test_a_port_in_host_changes_nothing(functions: list[EdgeFunction], uri: str) -> None:
    """X10: a site would build links with this port, and CloudFront would store an answer for each port."""
    for function in functions:
        expected = function.run(create_request(uri))
        assert isinstance(expected, Forward)
        for port in ("0", "80", "443", "6666", "99999999"):
            outcome = function.run(create_request(uri, host=f"{HOST}:{port}"))
            assert isinstance(outcome, Forward)
            assert outcome.origin == expected.origin
            assert [header for header in outcome.request.headers if header[0] != "host"] == [
                header for header in expected.request.headers if header[0] != "host"
            ]


def assert_stays_in_folders(outcome: Forward) -> None:
    """Assert that the path is below one of the site's two folders, also after decoding and normalization."""
    folders = ("/assets/shop/_next/static/", f"/assets/shop/{RELEASE}/")
    path = outcome.request.uri
    assert path.startswith(folders)
    key = unquote(path)
    assert posixpath.normpath(key) == key.rstrip("/")
    assert (key + "/").startswith(folders)
    assert outcome.request.query_string == ""
    assert {name for name, _ in outcome.request.headers} <= {"host", "x-anchor-release", "x-anchor-cache"}


def test_a_request_cannot_read_the_generation_key_as_a_host() -> None:
    """E1: the key of the cache generation is in the same KeyValueStore as the entries of the hosts."""
    function = load_function({**KEY_VALUES, GENERATION_KEY: encode_entry(SITE)})
    try:
        outcome = function.run(create_request("/", host=GENERATION_KEY))
    finally:
        function.close()
    assert isinstance(outcome, Generated)
    assert (outcome.status, outcome.reads) == (404, 0)
