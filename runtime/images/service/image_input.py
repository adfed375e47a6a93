"""Input of the API about images and albums."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, cast

from attrs import field, frozen

from runtime.images.model import CONTENT_TYPES, MAX_SVG_BYTES, SVG
from runtime.shared.api.changes import UNCHANGED
from runtime.shared.api.inputs import Rule, read_input
from runtime.shared.api.shapes import Id, Shape
from runtime.shared.errors import FieldProblem, InvalidInputError

_MAX_TITLE_LENGTH: Final = 200
_MAX_DESCRIPTION_LENGTH: Final = 2_000
_MAX_ALBUM_NAME_LENGTH: Final = 100


def _find_content_type_problem(content_type: str) -> str | None:
    return None if content_type in CONTENT_TYPES else f"must be one of {', '.join(CONTENT_TYPES)}"


def _make_single_line_rule(max_length: int) -> Rule:
    def find_problem(text: str) -> str | None:
        if not 1 <= len(text) <= max_length or text != text.strip() or not text.isprintable():
            return f"must be 1 to {max_length} visible characters, without spaces around them"
        return None

    return Rule(find_problem)


def _find_description_problem(text: str) -> str | None:
    if not 1 <= len(text) <= _MAX_DESCRIPTION_LENGTH or "\0" in text:
        return f"must be 1 to {_MAX_DESCRIPTION_LENGTH} characters, without the NUL character"
    return None


_Title = Annotated[
    str, _make_single_line_rule(_MAX_TITLE_LENGTH), Shape({"minLength": 1, "maxLength": _MAX_TITLE_LENGTH})
]
_Description = Annotated[
    str, Rule(_find_description_problem), Shape({"minLength": 1, "maxLength": _MAX_DESCRIPTION_LENGTH})
]
_Name = Annotated[
    str,
    _make_single_line_rule(_MAX_ALBUM_NAME_LENGTH),
    Shape({"minLength": 1, "maxLength": _MAX_ALBUM_NAME_LENGTH}),
]


@frozen(kw_only=True)
class NewImage:
    """Body of `POST /images`.

    Attributes:
        size: Maximum size of the file in bytes.
    """

    content_type: Annotated[str, Rule(_find_content_type_problem), Shape({"enum": [*CONTENT_TYPES]})]
    size: Annotated[int, Shape({"minimum": 1})]
    title: _Title | None = None
    description: _Description | None = None
    album_id: Id | None = None


@frozen(kw_only=True)
class ImageChanges:
    """Body of `PATCH /images/{imageId}`. Absent fields stay; null removes a text or the album."""

    title: _Title | None = field(default=UNCHANGED)
    description: _Description | None = field(default=UNCHANGED)
    album_id: Id | None = field(default=UNCHANGED)


@frozen(kw_only=True)
class NewAlbum:
    """Body of `POST /albums`."""

    name: _Name
    description: _Description | None = None


@frozen(kw_only=True)
class AlbumChanges:
    """Body of `PATCH /albums/{albumId}`. Absent fields stay; null removes the description."""

    name: _Name = field(default=UNCHANGED)
    description: _Description | None = field(default=UNCHANGED)


def read_new_image(document: object, *, maximum: int) -> NewImage:
    """Return the new image of a `POST /images` body.

    Args:
        document: JSON of the body.
        maximum: Size of the largest upload in bytes.

    Raises:
        InvalidInputError: The body has invalid, missing or unknown fields. The error names all of them.
    """
    given: Mapping[str, Any] = cast("Mapping[str, Any]", document) if isinstance(document, dict) else {}
    problems: list[FieldProblem] = []
    largest = MAX_SVG_BYTES if given.get("contentType") == SVG and maximum > MAX_SVG_BYTES else maximum
    size = given.get("size")
    if type(size) is int and not 1 <= size <= largest:
        problems.append(FieldProblem(field="size", problem=f"must be 1 to {largest} bytes"))
    try:
        new = read_input(NewImage, document)
    except InvalidInputError as invalid:
        raise InvalidInputError(*invalid.problems, *problems) from None
    if problems:
        raise InvalidInputError(*problems)
    return new
