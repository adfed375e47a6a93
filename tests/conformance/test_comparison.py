"""The comparison of two answers: what counts as a difference, and what is allowed."""

import gzip

import pytest

from tests.conformance.harness.comparing.allowed import ALLOWED
from tests.conformance.harness.comparing.comparison import Difference, compare
from tests.conformance.harness.comparing.normalizer import Normalizer
from tests.conformance.harness.comparing.spelling import is_unknown_to_next
from tests.conformance.harness.exchange import Answer

HTML = ("content-type", "text/html; charset=utf-8")


def make_answer(
    body: bytes | str = b"",
    *headers: tuple[str, str],
    status: int = 200,
    arrival: float = 0.0,
    target: str = "",
) -> Answer:
    content = body.encode() if isinstance(body, str) else body
    return Answer(status=status, headers=headers, body=content, arrival=arrival, target=target)


def compare_parts(expected: Answer, actual: Answer, method: str = "GET") -> list[str]:
    found = compare(expected, actual, normalizers=(Normalizer(), Normalizer()), method=method)
    return [difference.part for difference in found]


def test_equal_answers_have_no_difference() -> None:
    assert compare_parts(make_answer("same", HTML), make_answer("same", HTML)) == []


def test_a_different_status_is_reported_with_the_target_of_a_redirect() -> None:
    found = compare(
        make_answer(status=307),
        make_answer("<Error/>", ("content-type", "application/xml"), status=403),
        normalizers=(Normalizer(), Normalizer()),
    )
    assert found == [Difference(part="status", expected="307", actual="403 <Error/>")]


def test_headers_and_bodies_are_compared() -> None:
    expected = make_answer("one", HTML, ("x-own", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2"))
    actual = make_answer("two", HTML, ("x-other", "1"), ("set-cookie", "a=1"))
    assert compare_parts(expected, actual) == ["body", "header set-cookie", "header x-other", "header x-own"]


def test_the_body_of_a_head_request_is_not_compared() -> None:
    assert compare_parts(make_answer("one"), make_answer("two"), "HEAD") == []


def test_binary_bodies_are_compared_by_bytes() -> None:
    assert compare_parts(make_answer(b"\xff\x00"), make_answer(b"\xff\x01")) == ["body"]


def test_times_are_compared_by_whether_they_changed() -> None:
    """Each server has its own times. A page that changes on one server only is a difference."""
    normalizers = (Normalizer(), Normalizer())
    first, second = "2026-11-30T10:00:00.000Z", "2026-11-30T10:00:05.000Z"
    other = "2026-11-30T10:00:01.123Z"
    assert compare(make_answer(first), make_answer(other), normalizers=normalizers) == []
    assert compare(make_answer(first), make_answer(other), normalizers=normalizers) == []
    found = compare(make_answer(second), make_answer(other), normalizers=normalizers)
    assert [(each.expected, each.actual) for each in found] == [("(5) ...<<1>>", "(5) ...<<0>>")]


def test_a_site_marks_other_volatile_texts() -> None:
    normalizers = (Normalizer([r"id:([a-z]+)"]), Normalizer([r"id:([a-z]+)"]))
    assert compare(make_answer("id:abc"), make_answer("id:xyz"), normalizers=normalizers) == []


def test_the_ends_of_the_parts_of_a_streamed_payload_may_differ() -> None:
    one = '<script>self.__next_f.push([1,"ab"])</script><script>self.__next_f.push([1,"c"])</script>'
    other = '<script>self.__next_f.push([1,"abc"])</script>'
    assert compare_parts(make_answer(one), make_answer(other)) == []


def test_streamed_content_may_come_in_its_place() -> None:
    """React sends it there if it is ready early enough. A browser shows the same page in both cases."""
    early = (
        "<head><title>A</title></head><main><!--$--><p><!--$--><b>deep</b><!--/$--></p><!--/$-->"
        '<!--$--><i>two</i><!--/$--></main><div hidden><!--$--><!--/$--></div><script src="a.js"></script>'
    )
    late = (
        '<head></head><main><!--$?--><template id="B:0"></template><u><!--$-->wait<!--/$--></u><!--/$-->'
        '<!--$?--><template id="B:1"></template><!--/$--></main>'
        '<div hidden><!--$?--><template id="B:2"></template><!--/$--></div>'
        "<script>requestAnimationFrame(function(){$RT=performance.now()});</script>"
        '<script src="a.js"></script>'
        '<div hidden id="S:2"><title>A</title></div>'
        '<script>$RB=[];$RC=function(a,b){};$RC("B:2","S:2")</script>'
        '<div hidden id="S:1"><i>two</i></div><script>$RC("B:1","S:1")</script>'
        '<div hidden id="S:0"><p><!--$?--><template id="B:3"></template><!--/$--></p></div>'
        '<script>$RC("B:0","S:0")</script>'
        '<div hidden id="S:3"><b>deep</b></div><script nonce="n">$RR("B:3","S:3",[])</script>'
    )
    assert compare_parts(make_answer(early), make_answer(late)) == []
    assert compare_parts(make_answer(early), make_answer(late.replace("deep", "other"))) == ["body"]
    assert compare_parts(make_answer(early), make_answer(late.replace('$RC("B:1"', '$RC("B:9"'))) == ["body"]


def test_a_row_with_a_text_ends_after_its_bytes() -> None:
    one = '1:["a"]\n2:Tb,gr\u00f6\u00dfe:["\n3:300\n4:["b"]\n3:"c"\n'
    other = '1:["a"]\n4:["b"]\n2:Tb,gr\u00f6\u00dfe:["\n3:"c"\n'
    assert compare_parts(make_answer(one), make_answer(other)) == []
    assert compare_parts(make_answer(one), make_answer(other.replace("gr", "gR"))) == ["body"]


def test_the_time_at_which_a_cookie_expires_is_volatile() -> None:
    """Not that of a removed cookie."""
    later = "a=1; Expires=Tue, 01 Dec 2026 11:18:0{} GMT; Max-Age=60"
    gone = "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    pair = [make_answer(b"", ("set-cookie", later.format(second))) for second in (0, 1)]
    assert compare_parts(*pair) == []
    assert compare_parts(pair[0], make_answer(b"", ("set-cookie", gone))) == ["header set-cookie"]


def test_the_rows_of_a_payload_may_come_in_another_order() -> None:
    one, other = '1:"a"\n2:["b"]\n3:I[4]\n', '2:["b"]\n1:"a"\n3:I[4]\n'
    assert compare_parts(make_answer(one), make_answer(other)) == []
    html = 'self.__next_f.push([1,"{}"])'
    rows = (r"1:[\"a\"]\n2:[]\n", r"2:[]\n1:[\"a\"]\n")
    assert compare_parts(*(make_answer(html.format(each)) for each in rows)) == []
    assert compare_parts(make_answer(one), make_answer(other.replace('"a"', '"c"'))) == ["body"]
    assert compare_parts(make_answer("b\na\n"), make_answer("a\nb\n")) == ["body"]


def test_an_answer_that_is_not_streamed_is_a_difference() -> None:
    assert compare_parts(make_answer("a", arrival=1.0), make_answer("a")) == ["streaming"]


def test_the_parts_of_a_streamed_page_are_a_difference_of_their_own() -> None:
    one, other = make_answer("a", arrival=1.0), make_answer("b", arrival=0.9)
    assert compare_parts(one, other) == ["streamed body"]


def test_the_query_of_the_request_that_rendered_a_page_is_left_out() -> None:
    """A prefetch renders a stale page again, and Next.js keeps its query in the payload of the page."""
    payload = r'0:{"P":null,"c":["","page%s"],"q":"%s","i":false}'
    texts = [payload % each for each in (("", ""), ("?_rsc=ab", ""), ("?a=1&_rsc=ab", "?a=1"))]
    for text in texts[1:]:
        assert compare_parts(make_answer(texts[0]), make_answer(text)) == []
    own = payload % ("?a=1", "?a=1")
    assert compare_parts(make_answer(texts[0]), make_answer(own)) == ["body"]


def test_the_list_of_allowed_differences_is_short_and_has_reasons() -> None:
    assert len(ALLOWED) < 15
    assert len({allowed.name for allowed in ALLOWED}) == len(ALLOWED)
    assert all(len(allowed.reason) > 30 for allowed in ALLOWED)


ALLOWED_PAIRS = {
    "connection headers": (
        make_answer("a", ("connection", "keep-alive"), ("transfer-encoding", "chunked")),
        make_answer("a", ("content-length", "1")),
    ),
    "time of the answer": (make_answer("a", ("date", "1")), make_answer("a", ("date", "2"), ("age", "1"))),
    "headers of CloudFront and S3": (
        make_answer(),
        make_answer(b"", ("via", "1.1 cloudfront"), ("x-amz-version-id", "1"), ("server", "CloudFront")),
    ),
    "compression": (
        make_answer(gzip.compress(b"text"), ("vary", "rsc, Accept-Encoding"), ("content-encoding", "gzip")),
        make_answer(b"text", ("vary", "rsc")),
    ),
    "security headers": (make_answer(), make_answer(b"", ("x-content-type-options", "nosniff"))),
    "form of header values": (
        make_answer(b"", ("x-own", "1"), ("x-own", "2"), ("content-type", "text/css; charset=UTF-8")),
        make_answer(b"", ("x-own", "1,2"), ("content-type", "text/css; charset=utf-8")),
    ),
    "private answers": (
        make_answer(b"", ("cache-control", "no-store")),
        make_answer(b"", ("cache-control", "private, no-store")),
    ),
    "entity tags of files": (
        make_answer(b"", ("etag", 'W/"2a-19aa"'), ("last-modified", "Mon")),
        make_answer(b"", ("etag", '"48fc0ae9"'), ("last-modified", "Tue")),
    ),
    "times for shared caches": (
        make_answer(b"", ("cache-control", "s-maxage=60, stale-while-revalidate=300")),
        make_answer(b"", ("cache-control", "public, max-age=0, must-revalidate")),
    ),
    "failures of next start": (
        make_answer("Internal Server Error", ("content-type", "text/plain"), status=500),
        make_answer("<Error/>", status=405),
    ),
    "spellings of file names": (
        make_answer(status=404, target="/my%20files/a%28b%29.txt"),
        make_answer("a file", status=200),
    ),
    "unchanged files": (
        make_answer(status=304),
        make_answer(b"", ("content-type", "image/png"), status=304),
    ),
    "cache status of images": (
        make_answer(b"", ("content-type", "image/png"), ("x-nextjs-cache", "HIT")),
        make_answer(b"", ("content-type", "image/png"), ("x-nextjs-cache", "MISS")),
    ),
    "errors without a body": (make_answer(status=404), make_answer(b" ", status=404)),
}


@pytest.mark.parametrize("name", [allowed.name for allowed in ALLOWED])
def test_each_allowed_difference_is_removed(name: str) -> None:
    assert compare_parts(*ALLOWED_PAIRS[name]) == []


def test_the_tag_of_an_unchanged_image_is_the_tag_of_its_file() -> None:
    """Next.js encodes the tag of the file as base64url: this one is `W/"2a-19aa"`."""
    image = make_answer(b"", ("etag", '"Vy8iMmEtMTlhYSI"'))
    assert compare_parts(image, make_answer(b"", ("etag", '"abc"'))) == []


def test_characters_outside_of_ascii_are_compared_in_their_encoded_form() -> None:
    sent = [("location", "/gr\xf6\xdfe?a=%20b"), ("content-disposition", 'inline; filename="\xf6.png"')]
    encoded = [
        ("location", "/gr%C3%B6%C3%9Fe?a=%20b"),
        ("content-disposition", "inline; filename=\"?.png\"; filename*=UTF-8''%C3%B6.png"),
    ]
    assert compare_parts(make_answer(b"", *sent), make_answer(b"", *encoded)) == []
    without_name = make_answer(b"", ("content-disposition", "\xf6"))
    assert compare_parts(without_name, make_answer(b"", ("content-disposition", "?"))) == [
        "header content-disposition"
    ]


def test_a_file_has_an_entity_tag_even_if_next_start_makes_none() -> None:
    file = [("accept-ranges", "bytes"), ("last-modified", "Mon")]
    tagged = make_answer("a", *file, ("etag", '"abc"'))
    assert compare_parts(make_answer("a", *file), tagged) == []
    assert compare_parts(make_answer("a", *file), make_answer(status=304)) == []
    assert compare_parts(make_answer("a"), make_answer("a", ("etag", '"abc"'))) == ["header etag"]


def test_the_content_of_an_answer_to_an_unsatisfiable_range_is_not_compared() -> None:
    assert compare_parts(make_answer("page", status=416), make_answer(status=416)) == []


def test_a_hashed_file_to_which_middleware_applies_is_private() -> None:
    one = make_answer(b"", ("cache-control", "public, max-age=31536000, immutable"))
    other = make_answer(b"", ("cache-control", "private, max-age=31536000, immutable"))
    assert compare_parts(one, other) == []


NOT_ALLOWED = {
    "another security header": (make_answer(), make_answer(b"", ("x-frame-options", "SAMEORIGIN"))),
    "another value of a security header": (
        make_answer(b"", ("referrer-policy", "no-referrer")),
        make_answer(b"", ("referrer-policy", "strict-origin-when-cross-origin")),
    ),
    "an entity tag of a page": (make_answer(b"", ("etag", '"1a2b"')), make_answer(b"", ("etag", '"3c4d"'))),
    "no entity tag": (make_answer(b"", ("etag", 'W/"2a-19aa"')), make_answer()),
    "Cache-Control of the site": (
        make_answer(b"", ("cache-control", "max-age=10")),
        make_answer(b"", ("cache-control", "public, max-age=0, must-revalidate")),
    ),
    "private Cache-Control of the site": (
        make_answer(b"", ("cache-control", "max-age=10")),
        make_answer(b"", ("cache-control", "private, max-age=10")),
    ),
    "a private page": (
        make_answer(b"", ("cache-control", "s-maxage=60")),
        make_answer(b"", ("cache-control", "private, no-store")),
    ),
    "a failure of a page": (
        make_answer("<html>", ("content-type", "text/html"), status=500),
        make_answer("<Error/>", status=404),
    ),
    "a public page": (
        make_answer(b"", ("cache-control", "public, max-age=10")),
        make_answer(b"", ("cache-control", "private, max-age=10")),
    ),
    "the type of a whole file": (make_answer(), make_answer(b"", ("content-type", "image/png"))),
    "the cache status of a page": (
        make_answer(b"", ("content-type", "text/html"), ("x-nextjs-cache", "HIT")),
        make_answer(b"", ("content-type", "text/html"), ("x-nextjs-cache", "MISS")),
    ),
    "an image without a cache status": (
        make_answer(b"", ("content-type", "image/png"), ("x-nextjs-cache", "HIT")),
        make_answer(b"", ("content-type", "image/png")),
    ),
    "a file that next start does not find": (
        make_answer(status=404, target="/my%20files/a(b).txt"),
        make_answer("a file", status=200),
    ),
    "an error for another spelling": (
        make_answer("a page", status=200, target="/a%28b%29"),
        make_answer(status=404),
    ),
    "a byte in a success": (make_answer(), make_answer(b" ")),
    "Vary": (make_answer(b"", ("vary", "rsc, Accept-Encoding")), make_answer()),
}


@pytest.mark.parametrize("name", NOT_ALLOWED)
def test_a_similar_difference_is_reported(name: str) -> None:
    assert compare_parts(*NOT_ALLOWED[name])


@pytest.mark.parametrize(
    ("target", "is_unknown"),
    [
        ("/plain.txt", False),
        ("/a%20b%24c.txt?v=1", False),
        ("/a$b.txt", False),
        ("/my%20files/a(b)!.txt", False),
        ("/a%20b$c.txt", True),
        ("/a%28b%29.txt", True),
        ("/%61.txt", True),
        ("/_next/image?url=%2Fa%20b.png&w=64&q=75", False),
        ("/_next/image?url=%2Fa%20%26%20b.png&w=64&q=75", True),
        ("/docs/_next/image/?url=%2Fa%2520b.png&w=64&q=75", False),
        ("/_next/image", False),
    ],
)
def test_next_finds_a_file_by_two_spellings(target: str, *, is_unknown: bool) -> None:
    assert is_unknown_to_next(target) is is_unknown
