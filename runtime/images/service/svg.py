"""SVG files: their size, and the check that they contain only an image.

The distribution's content security policy already blocks scripts in images. A file that is saved and opened
elsewhere has no such protection. So an SVG with a script or a reference to another server is refused.
"""

import re
from collections.abc import Mapping
from typing import Final, NoReturn
from xml.parsers import expat

from attrs import define

from runtime.images.errors import RefusedFileError

_SVG: Final = "http://www.w3.org/2000/svg"
_XHTML: Final = "http://www.w3.org/1999/xhtml"
_SEPARATOR: Final = " "  # expat puts it between the namespace and the local name, which contains no space
_ACTIVE_ELEMENTS: Final = frozenset(
    {"script", "foreignobject", "handler", "listener", "iframe", "embed", "object", "audio", "video"}
)
_ANIMATION_ELEMENTS: Final = frozenset(
    {"set", "animate", "animatecolor", "animatemotion", "animatetransform"}
)
# `base` is in this set, because `xml:base` can make a local reference such as `#a` point to another document.
_ADDRESS_ATTRIBUTES: Final = frozenset({"base", "href", "ping", "src", "srcset"})
_EMBEDDED_IMAGE: Final = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp|avif)[;,]", re.IGNORECASE)
_CSS_EXTERNAL_REFERENCE: Final = re.compile(
    # Possessive quantifiers do not backtrack, so long white space is read only once.
    r"(?:image-set|src)\(|url\((?!\s*+[\"']?+\s*+(?:#|data:image/(?:png|jpeg|jpg|gif|webp|avif)[;,]))",
    re.IGNORECASE,
)
_LENGTH: Final = re.compile(
    r"\s*\+?([0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(px|pt|pc|mm|cm|in|q)?\s*", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")
_PIXELS: Final[Mapping[str, float]] = {
    "px": 1,
    "pt": 96 / 72,
    "pc": 16,
    "mm": 96 / 25.4,
    "cm": 96 / 2.54,
    "in": 96,
    "q": 96 / 101.6,
}


def read_svg_size(data: bytes) -> tuple[int, int]:
    """Return an SVG's width and height in CSS pixels, at least 1 each.

    Raises:
        RefusedFileError: The file is not an SVG, has no size, or has scripts or external references.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    # With this setting, expat merges adjacent texts. For a million lines, expat then calls `handle_text`
    # hundreds of times instead of two million times.
    parser.buffer_text = True
    parser.StartElementHandler = reader.start_element
    parser.EndElementHandler = reader.end_element
    parser.CharacterDataHandler = reader.handle_text
    parser.ProcessingInstructionHandler = reader.handle_instruction
    parser.StartDoctypeDeclHandler = reader.handle_doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise RefusedFileError("the file is not a well-formed SVG") from None
    return _compute_size(reader.root)


@define
class _Reader:
    root: Mapping[str, str] | None = None
    style_depth: int = 0
    style: str = ""

    def start_element(self, name: str, attributes: Mapping[str, str]) -> None:
        namespace, _, local = name.rpartition(_SEPARATOR)
        element = local.lower()
        if self.root is None:
            if (namespace, local) != (_SVG, "svg"):
                raise RefusedFileError("the file is not an SVG: its root element is not `svg`")
            self.root = attributes
        if element in _ACTIVE_ELEMENTS or namespace == _XHTML:
            _refuse_file(f"a <{element[:40]}> element")
        for attribute, value in attributes.items():
            _check_attribute(element, attribute, value)
        if element == "style" or self.style_depth:
            self.style_depth += 1

    def end_element(self, _name: str) -> None:
        if self.style_depth:
            self.style_depth -= 1
            if not self.style_depth:
                _check_style(self.style)
                self.style = ""

    def handle_text(self, text: str) -> None:
        if self.style_depth:
            self.style += text

    def handle_instruction(self, target: str, _data: str) -> None:
        if target.lower() == "xml-stylesheet":
            _refuse_file("a reference to a style sheet")

    def handle_doctype(self, _name: str, _system: str | None, _public: str | None, has_subset: int) -> None:
        if has_subset:
            _refuse_file("a document type with its own declarations")


def _check_attribute(element: str, attribute: str, value: str) -> None:
    namespace, _, local = attribute.rpartition(_SEPARATOR)
    name = local.lower()
    if name.startswith("on"):
        _refuse_file(f"an event handler ({name[:40]})")
    # Browsers ignore white space and control characters in the scheme of a URL.
    address = re.sub(r"[\x00-\x20\x7f-\xa0]", "", value)
    if "javascript:" in address.lower():
        _refuse_file("a javascript: address")
    if (
        name in _ADDRESS_ATTRIBUTES
        and address
        and not address.startswith("#")
        and not _EMBEDDED_IMAGE.match(address)
    ):
        _refuse_file(f"an external reference ({name})")
    if element in _ANIMATION_ELEMENTS and name == "attributename":
        animated = address.rpartition(":")[2].lower()
        if animated == "href" or animated.startswith("on"):
            _refuse_file(f"an animation of {animated[:40]}")
    if name == "style":
        _check_style(value)
    elif _CSS_EXTERNAL_REFERENCE.search(value) or (not namespace and "\\" in value and "(" in value):
        _refuse_file(f"an external reference ({name[:40]})")


def _check_style(style: str) -> None:
    # In CSS, a backslash escape can replace any letter of a word such as `url`. Images need no backslash, so
    # a style with a backslash is refused.
    if "\\" in style or "@import" in style.lower() or _CSS_EXTERNAL_REFERENCE.search(style):
        _refuse_file("a style with an external reference")


def _refuse_file(what: str) -> NoReturn:
    raise RefusedFileError(f"the SVG has {what}: scripts and external content are not allowed")


def _compute_size(root: Mapping[str, str] | None) -> tuple[int, int]:
    attributes = root or {}
    width, height = _to_pixels(attributes.get("width")), _to_pixels(attributes.get("height"))
    box = _NUMBER.findall(attributes.get("viewBox", ""))
    if len(box) == 4:  # noqa: PLR2004 - left, top, width, height
        inner_width, inner_height = float(box[2]), float(box[3])
        if inner_width > 0 and inner_height > 0:
            if width is None:
                width = inner_width if height is None else height * inner_width / inner_height
            if height is None:
                height = width * inner_height / inner_width
    if not width or not height:
        raise RefusedFileError("the SVG has no size: give it width and height, or a viewBox")
    return max(1, round(width)), max(1, round(height))


def _to_pixels(length: str | None) -> float | None:
    """Return an absolute length in CSS pixels; None for a relative length."""
    found = _LENGTH.fullmatch(length or "")
    return float(found[1]) * _PIXELS[(found[2] or "px").lower()] if found else None
