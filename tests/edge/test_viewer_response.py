"""E1: the CloudFront Function that writes the visitor's Cache-Control."""

from collections.abc import Iterator

import pytest

from local.edge.viewer_function import EdgeFunction, ViewerResponse
from local.http_messages import Headers
from tests.edge.edge_host import RESPONSE_SOURCE, request


@pytest.fixture(scope="module")
def function() -> Iterator[EdgeFunction]:
    loaded = EdgeFunction.load(RESPONSE_SOURCE.read_text(), lambda: ("1", {}))
    yield loaded
    loaded.close()


def seen(function: EdgeFunction, *headers: tuple[str, str]) -> Headers:
    """The headers that the visitor gets."""
    return function.run_response(request("/"), ViewerResponse(status=200, headers=list(headers))).headers


def test_the_visitor_gets_the_header_that_is_the_visitors(function: EdgeFunction) -> None:
    sent = (("cache-control", "s-maxage=60"), ("x-anchor-cache-control", "max-age=5"), ("etag", "1"))
    assert sorted(seen(function, *sent)) == [("cache-control", "max-age=5"), ("etag", "1")]


def test_the_visitor_gets_none_where_the_site_sends_none(function: EdgeFunction) -> None:
    assert seen(function, ("cache-control", "private, no-store"), ("x-anchor-cache-control", "none")) == []


@pytest.mark.parametrize(
    ("sent", "visitor"),
    [
        ("public,max-age=0,s-maxage=31536000,must-revalidate", "public, max-age=0, must-revalidate"),
        ("public, s-maxage=60", "public, max-age=0, must-revalidate"),
        ("S-MaxAge=60, stale-while-revalidate=2", "public, max-age=0, must-revalidate"),
        ("private, s-maxage=60", "private"),
        ("public, s-maxage = 60", "public, max-age=0, must-revalidate"),
        ("s-maxage =60, max-age=5", "max-age=5"),
        ("max-age=5, proxy-revalidate", "max-age=5"),
        ("public,max-age=31536000,immutable", "public, max-age=31536000, immutable"),
        ("private, no-cache, no-store", "private, no-cache, no-store"),
        ("public", "public"),
    ],
)
def test_files_and_older_releases_lose_what_is_for_shared_caches(
    function: EdgeFunction, sent: str, visitor: str
) -> None:
    assert seen(function, ("cache-control", sent)) == [("cache-control", visitor)]


def test_several_headers_are_one(function: EdgeFunction) -> None:
    sent = (("cache-control", "public, max-age=0"), ("cache-control", "s-maxage=60, must-revalidate"))
    assert seen(function, *sent) == [("cache-control", "public, max-age=0, must-revalidate")]


def test_headers_that_only_caches_read_are_removed(function: EdgeFunction) -> None:
    names = ("cdn-cache-control", "vercel-cdn-cache-control", "surrogate-control")
    assert seen(function, *((name, "max-age=60") for name in names)) == []


def test_an_answer_without_a_time_keeps_its_headers(function: EdgeFunction) -> None:
    sent = (("content-type", "text/html"), ("set-cookie", "a=1; Path=/"))
    assert sorted(seen(function, *sent)) == sorted(sent)
