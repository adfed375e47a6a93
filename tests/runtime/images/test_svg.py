"""SVG files: a picture's size, and nothing else in it (issue 6, line 2)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.images.errors import RefusedFileError
from runtime.images.service.svg import _Reader, read_svg_size

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '


def svg(inside: str = "", attributes: str = 'width="10" height="20"') -> bytes:
    return f"{OPEN}{attributes}>{inside}</svg>".encode()


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="120" height="80"', (120, 80)),
        ('width="120px" height="80.4px"', (120, 80)),
        ('width="1in" height="2.54cm"', (96, 96)),
        ('width="0.2" height="0.2"', (1, 1)),
        ('viewBox="0 0 300 200"', (300, 200)),
        ('viewBox="-10,-10,300,200"', (300, 200)),
        ('width="100%" height="100%" viewBox="0 0 300 200"', (300, 200)),
        ('width="600" viewBox="0 0 300 200"', (600, 400)),
        ('height="100" viewBox="0 0 300 200"', (150, 100)),
        ('stroke-width="9" data-width="7" width="3" height="4"', (3, 4)),
    ],
)
def test_the_size_is_the_outermost_elements(attributes: str, size: tuple[int, int]) -> None:
    assert read_svg_size(svg('<rect width="999" height="999"/>', attributes)) == size


@pytest.mark.parametrize(
    "attributes", ["", 'width="100%"', 'viewBox="0 0 0 0"', 'viewBox="0 0 10"', 'width="1e9" height="x"']
)
def test_an_svg_without_a_size_is_refused(attributes: str) -> None:
    with pytest.raises(RefusedFileError, match="give it width and height, or a viewBox"):
        read_svg_size(svg(attributes=attributes))


@pytest.mark.parametrize(
    ("inside", "named"),
    [
        ("<script>alert(1)</script>", "a <script> element"),
        ("<SCRIPT>alert(1)</SCRIPT>", "a <script> element"),
        ('<s:script xmlns:s="http://www.w3.org/2000/svg">1</s:script>', "a <script> element"),
        ('<rect onload="alert(1)"/>', "an event handler (onload)"),
        ('<rect ONCLICK="alert(1)"/>', "an event handler (onclick)"),
        ("<foreignObject><p/></foreignObject>", "a <foreignobject> element"),
        ('<p xmlns="http://www.w3.org/1999/xhtml"/>', "a <p> element"),
        ('<iframe src="https://evil.example"/>', "a <iframe> element"),
        ('<a xlink:href="javascript:alert(1)"><rect/></a>', "a javascript: address"),
        ('<a href=" java&#10;script:alert(1)"><rect/></a>', "a javascript: address"),
        ('<set attributeName="href" to="x"/>', "an animation of href"),
        ('<animate attributeName="xlink:href" values="#a"/>', "an animation of href"),
        ('<animate attributeName="onclick" to="x"/>', "an animation of onclick"),
        ('<image href="https://evil.example/pixel.png"/>', "outside of it (href)"),
        ('<image xlink:href="//evil.example/pixel.png"/>', "outside of it (href)"),
        ('<use href="other.svg#a"/>', "outside of it (href)"),
        ('<g xml:base="https://evil.example/a.svg"><use href="#a"/></g>', "outside of it (base)"),
        ('<a href="#a" ping="https://evil.example/"/>', "outside of it (ping)"),
        ('<image href="data:image/svg+xml;base64,AAAA"/>', "outside of it (href)"),
        ('<image href="data:text/html,x"/>', "outside of it (href)"),
        ('<rect fill="url(https://evil.example/a.svg#b)"/>', "outside of it (fill)"),
        ('<rect style="fill: url( &quot;//evil.example/&quot; )"/>', "a style with a reference"),
        ('<rect fill="u\\72l(//evil.example/)"/>', "outside of it (fill)"),
        ("<style>rect { cursor: image-set('a.png' 1x) }</style>", "a style with a reference"),
        ("<style>@import 'https://evil.example/a.css';</style>", "a style with a reference"),
        ("<style>rect { fill: u\\72l(//evil.example) }</style>", "a style with a reference"),
        ("<style><![CDATA[@im]]><![CDATA[port 'a.css';]]></style>", "a style with a reference"),
    ],
)
def test_an_svg_that_could_run_or_fetch_something_is_refused_by_name(inside: str, named: str) -> None:
    with pytest.raises(RefusedFileError) as refused:
        read_svg_size(svg(inside))
    assert named in refused.value.reason


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml-stylesheet href="https://evil.example/a.css"?>' + svg(),
        b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + svg("&#38;b;"),
        b'<!DOCTYPE svg [<!ENTITY file SYSTEM "file:///etc/passwd">]>' + svg(),
    ],
)
def test_an_svg_with_more_than_elements_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedFileError, match="only pictures that stand for themselves are taken"):
        read_svg_size(data)


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="data:image/png;base64,AAAA"/>',
        '<use href="#a"/><use xlink:href="#a"/>',
        "<style>@media (width &gt; 1px) { rect { fill: url(#a) } }</style>",
        "<style>rect { cursor: url( 'data:image/png;base64,A') }</style>",
        "<text>on the javascript side</text>",
        '<animate attributeName="opacity" values="0;1" dur="1s"/>',
        "<metadata><x xmlns='https://example.com/ns'>anything</x></metadata>",
        "<!-- <script> -->",
    ],
)
def test_what_pictures_are_made_of_is_taken(inside: str) -> None:
    assert read_svg_size(svg(inside)) == (10, 20)


@pytest.mark.parametrize(
    "prefix",
    [b"", b"\xef\xbb\xbf", b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x">'],
)
def test_what_may_stand_before_it_is_read_over(prefix: bytes) -> None:
    assert read_svg_size(prefix + svg()) == (10, 20)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg",
        b"<svg></svg>",
        b"<html><svg/></html>",
        svg()[:-3],
        b"<?xml encoding='utf-7'?>",
        b"\0<svg>",
    ],
)
def test_what_is_no_well_formed_svg_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedFileError, match="the file is no"):
        read_svg_size(data)


@pytest.mark.parametrize("inside", ["<rect fill='{}'/>", "<style>{}</style>"])
def test_an_address_behind_a_lot_of_white_space_is_answered_at_once(inside: str) -> None:
    """Who tries each way to divide the white space is busy for hours."""
    with pytest.raises(RefusedFileError, match="something outside of it"):
        read_svg_size(svg(inside.format("url(" + " " * 1_000_000 + "x")))


def test_a_style_of_very_many_lines_is_put_together_from_few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part copies all before it: one for each line took minutes."""
    parts: list[str] = []
    monkeypatch.setattr(_Reader, "text", lambda _, text: parts.append(text))
    assert read_svg_size(svg("<style>" + "a\n" * 100_000 + "</style>")) == (10, 20)
    assert len(parts) < 100


@settings(max_examples=100)
@given(data=st.binary(max_size=200), at=st.integers(0, 150))
def test_whatever_the_bytes_the_answer_is_a_size_or_a_reason(data: bytes, at: int) -> None:
    whole = bytearray(svg("<rect style='fill: red'/>"))
    whole[at : at + len(data)] = data
    try:
        assert min(read_svg_size(bytes(whole))) >= 1
    except RefusedFileError as refused:
        assert refused.reason  # noqa: PT017 - one of two right ends
