"""No request can read a file of another site, forge an internal header, or cause more than two reads."""

import posixpath
import string
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.edge.viewer_function import EdgeFunction, Forward, Generated, ViewerRequest
from tests.edge.edge_host import (
    HOST,
    KEY_VALUES,
    RELEASE,
    RELEASE_HOST,
    SITE,
    large_key_values,
    load,
    request,
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
    "?",
    "#",
    ";",
    ":",
    "@",
    "~",
    " ",
]
NAMES_OF_FILES = ["_next", "/_next/static/", "/_next/image", "favicon.ico", "data/", "data", "%C3%A9", "é"]
FOLDERS = ["assets", "shop", "other", RELEASE]
PIECES = st.sampled_from(DOTS + SEPARATORS + NAMES_OF_FILES + FOLDERS)
PARTS = st.lists(PIECES | st.text(string.printable, max_size=3), max_size=8)
HOSTS = st.sampled_from([HOST, RELEASE_HOST, f"{HOST}:8080", "unknown.example.com"]) | st.text(max_size=30)
NAMES = st.sampled_from(
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
CONTENTS = st.text(string.ascii_letters + ";=, ", max_size=12).map("sent-{}".format)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "DELETE", "get"])


@pytest.fixture(scope="module")
def functions() -> Iterator[list[EdgeFunction]]:
    loaded = [load(KEY_VALUES), load(large_key_values())]
    yield loaded
    for function in loaded:
        function.close()


REQUESTS = st.builds(
    request,
    PARTS.map(lambda parts: "/" + "".join(parts)),
    method=METHODS,
    host=HOSTS,
    headers=st.lists(st.tuples(NAMES, CONTENTS)),
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


def assert_stays_in_folders(outcome: Forward) -> None:
    """Assert that the path stays in one of the site's two folders, also when decoded and normalized."""
    folders = ("/assets/shop/_next/static/", f"/assets/shop/{RELEASE}/")
    path = outcome.request.uri
    assert path.startswith(folders)
    key = unquote(path)
    assert posixpath.normpath(key) == key.rstrip("/")
    assert (key + "/").startswith(folders)
    assert outcome.request.query_string == ""
    assert {name for name, _ in outcome.request.headers} <= {"host", "x-anchor-release", "x-anchor-cache"}
