"""SVG files: their size, and the refusal of active and external content (I2)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.images.errors import RefusedFileError
from runtime.images.service.svg import _Reader, read_svg_size

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '


def make_svg(inside: str = "", attributes: str = 'width="10" height="20"') -> bytes:
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
def test_the_size_is_that_of_the_root_element(attributes: str, size: tuple[int, int]) -> None:
    assert read_svg_size(make_svg('<rect width="999" height="999"/>', attributes)) == size


@pytest.mark.parametrize(
    "attributes", ["", 'width="100%"', 'viewBox="0 0 0 0"', 'viewBox="0 0 10"', 'width="1e9" height="x"']
)
def test_an_svg_without_a_size_is_refused(attributes: str) -> None:
    with pytest.raises(RefusedFileError, match="give it width and height, or a viewBox"):
        read_svg_size(make_svg(attributes=attributes))


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
        ('<image href="https://evil.example/pixel.png"/>', "external reference (href)"),
        ('<image xlink:href="//evil.example/pixel.png"/>', "external reference (href)"),
        ('<use href="other.svg#a"/>', "external reference (href)"),
        ('<g xml:base="https://evil.example/a.svg"><use href="#a"/></g>', "external reference (base)"),
        ('<a href="#a" ping="https://evil.example/"/>', "external reference (ping)"),
        ('<image href="data:image/svg+xml;base64,AAAA"/>', "external reference (href)"),
        ('<image href="data:text/html,x"/>', "external reference (href)"),
        ('<rect fill="url(https://evil.example/a.svg#b)"/>', "external reference (fill)"),
        ('<rect style="fill: url( &quot;//evil.example/&quot; )"/>', "a style with an external reference"),
        ('<rect fill="u\\72l(//evil.example/)"/>', "external reference (fill)"),
        ("<style>rect { cursor: image-set('a.png' 1x) }</style>", "a style with an external reference"),
        ("<style>@import 'https://evil.example/a.css';</style>", "a style with an external reference"),
        ("<style>rect { fill: u\\72l(//evil.example) }</style>", "a style with an external reference"),
        ("<style><![CDATA[@im]]><![CDATA[port 'a.css';]]></style>", "a style with an external reference"),
    ],
)
def test_the_error_names_the_active_or_external_content_of_an_svg(inside: str, named: str) -> None:
    with pytest.raises(RefusedFileError) as refused:
        read_svg_size(make_svg(inside))
    assert named in refused.value.reason


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml-stylesheet href="https://evil.example/a.css"?>' + make_svg(),
        b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + make_svg("&#38;b;"),
        b'<!DOCTYPE svg [<!ENTITY file SYSTEM "file:///etc/passwd">]>' + make_svg(),
    ],
)
def test_an_svg_with_style_sheets_or_declarations_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedFileError, match="scripts and external content are not allowed"):
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
def test_usual_image_content_is_accepted(inside: str) -> None:
    assert read_svg_size(make_svg(inside)) == (10, 20)


@pytest.mark.parametrize(
    "prefix",
    [b"", b"\xef\xbb\xbf", b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x">'],
)
def test_content_before_the_root_element_is_skipped(prefix: bytes) -> None:
    assert read_svg_size(prefix + make_svg()) == (10, 20)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg",
        b"<svg></svg>",
        b"<html><svg/></html>",
        make_svg()[:-3],
        b"<?xml encoding='utf-7'?>",
        b"\0<svg>",
    ],
)
def test_a_malformed_svg_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedFileError, match="the file is no"):
        read_svg_size(data)


@pytest.mark.parametrize("inside", ["<rect fill='{}'/>", "<style>{}</style>"])
def test_a_url_after_much_white_space_is_checked_at_once(inside: str) -> None:
    """A regular expression with backtracking would take hours for this white space."""
    with pytest.raises(RefusedFileError, match="an external reference"):
        read_svg_size(make_svg(inside.format("url(" + " " * 1_000_000 + "x")))


def test_a_style_with_many_lines_is_read_in_few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader joins the parts of a style. Each join copies all earlier parts, so small parts are slow."""
    parts: list[str] = []
    monkeypatch.setattr(_Reader, "handle_text", lambda _, text: parts.append(text))
    assert read_svg_size(make_svg("<style>" + "a\n" * 100_000 + "</style>")) == (10, 20)
    assert len(parts) < 100


@settings(max_examples=100)
@given(data=st.binary(max_size=200), at=st.integers(0, 150))
def test_any_bytes_give_a_size_or_a_refusal_reason(data: bytes, at: int) -> None:
    whole = bytearray(make_svg("<rect style='fill: red'/>"))
    whole[at : at + len(data)] = data
    try:
        assert min(read_svg_size(bytes(whole))) >= 1
    except RefusedFileError as refused:
        assert refused.reason  # noqa: PT017 - one of the two correct results
