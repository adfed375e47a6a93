"""E1: the viewer-response function, which sets the Cache-Control that the visitor gets."""

from collections.abc import Iterator

import pytest

from components.edge.function_code import read_function_code
from local.edge.functions.events import ViewerResponse
from local.edge.functions.viewer_function import EdgeFunction
from local.http_messages import Headers
from tests.edge.edge_host import RESPONSE_SOURCE, create_request


@pytest.fixture(scope="module")
def function() -> Iterator[EdgeFunction]:
    loaded = EdgeFunction.load(read_function_code(RESPONSE_SOURCE), lambda: ("1", {}))
    yield loaded
    loaded.close()


def run_function(function: EdgeFunction, *headers: tuple[str, str]) -> Headers:
    """Return the headers that the visitor gets for a response with the given headers."""
    response = ViewerResponse(status=200, headers=list(headers))
    return function.run_response(create_request("/"), response).headers


def test_the_visitor_gets_the_value_of_x_anchor_cache_control(function: EdgeFunction) -> None:
    sent = (("cache-control", "s-maxage=60"), ("x-anchor-cache-control", "max-age=5"), ("etag", "1"))
    assert sorted(run_function(function, *sent)) == [("cache-control", "max-age=5"), ("etag", "1")]


def test_the_visitor_gets_no_cache_control_if_x_anchor_cache_control_is_none(function: EdgeFunction) -> None:
    """The functions of a release send the text `none` if the site itself sends no Cache-Control."""
    sent = (("cache-control", "private, no-store"), ("x-anchor-cache-control", "none"))
    assert run_function(function, *sent) == []


@pytest.mark.parametrize(
    ("sent", "expected"),
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
def test_directives_for_shared_caches_are_removed_from_cache_control(
    function: EdgeFunction, sent: str, expected: str
) -> None:
    """Files, and releases of older platform versions, have no header X-Anchor-Cache-Control."""
    assert run_function(function, ("cache-control", sent)) == [("cache-control", expected)]


def test_several_cache_control_headers_become_one_header(function: EdgeFunction) -> None:
    sent = (("cache-control", "public, max-age=0"), ("cache-control", "s-maxage=60, must-revalidate"))
    assert run_function(function, *sent) == [("cache-control", "public, max-age=0, must-revalidate")]


def test_a_content_type_that_the_function_url_added_is_removed(function: EdgeFunction) -> None:
    sent = (("content-type", "application/octet-stream"), ("x-anchor-content-type", "none"), ("etag", "1"))
    assert run_function(function, *sent) == [("etag", "1")]


def test_a_response_that_is_marked_as_empty_loses_its_byte(function: EdgeFunction) -> None:
    """A streaming function URL does not end a response without a body, so the release sends one byte."""
    sent: Headers = [("content-type", "text/plain"), ("content-length", "1"), ("x-anchor-body", "none")]
    shown = function.run_response(create_request("/"), ViewerResponse(status=200, headers=sent))
    assert (shown.headers, shown.body) == ([("content-type", "text/plain")], b"")


def test_a_response_keeps_its_body_without_the_mark(function: EdgeFunction) -> None:
    sent: Headers = [("content-type", "text/plain")]
    assert function.run_response(create_request("/"), ViewerResponse(status=200, headers=sent)).body is None


def test_headers_that_only_caches_read_are_removed(function: EdgeFunction) -> None:
    names = ("cdn-cache-control", "vercel-cdn-cache-control", "surrogate-control")
    assert run_function(function, *((name, "max-age=60") for name in names)) == []


def test_an_answer_without_cache_headers_keeps_its_headers(function: EdgeFunction) -> None:
    sent = (("content-type", "text/html"), ("set-cookie", "a=1; Path=/"))
    assert sorted(run_function(function, *sent)) == sorted(sent)
