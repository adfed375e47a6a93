"""Seed of a site's tag table: the tags of each prerendered page of a build.

OpenNext writes one JSON array with a row for each page and tag, and repeats many rows. The file of a large
site has tens of megabytes, so it is read row by row.
"""

import codecs
import json
from collections.abc import Iterator
from typing import IO

from attrs import frozen

from runtime.deploy.releases.build_output.manifest import Build

_CHUNK_BYTES = 64 * 1024
_MAX_ROW_LENGTH = 64 * 1024
_MAX_TAG_BYTES = 2048
_MAX_PATH_BYTES = 1024
_MAX_NUMBER_LENGTH = 16
_BLANKS = " \t\r\n"


class TagSeedError(Exception):
    """The seed is not in OpenNext's format."""


@frozen(kw_only=True)
class TagRow:
    """One row of the tag table, with the names that the running server looks up.

    Attributes:
        revalidated_at: Milliseconds since 1970. The seed's value 1 means never.
    """

    tag: str
    path: str
    revalidated_at: int


def read_tag_rows(stream: IO[bytes], build: Build) -> Iterator[TagRow]:
    """Yield the seed's rows in order, with repetitions.

    The seed's names contain the build id. But a site with a `deploymentId` looks up its tags by the
    `deploymentId` (OpenNext 4.1.12). So this function changes the names. Otherwise `revalidateTag` would find
    no rows and change nothing.

    Raises:
        TagSeedError: The seed is not an array of rows, or the table cannot store a row's values.
    """
    for number, document in enumerate(_read_elements(stream)):
        match document:
            case {"tag": {"S": str(tag)}, "path": {"S": str(path)}, "revalidatedAt": {"N": str(at)}}:
                row = TagRow(
                    tag=build.to_cache_name(tag),
                    path=build.to_cache_name(path),
                    revalidated_at=_parse_number(at, number),
                )
            case _:
                raise TagSeedError(f"row {number} is not a tag row")
        _check_key(row.tag, _MAX_TAG_BYTES, f"the tag of row {number}")
        _check_key(row.path, _MAX_PATH_BYTES, f"the path of row {number}")
        yield row


def _check_key(text: str, max_bytes: int, name: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # JSON can contain half of a surrogate pair
        raise TagSeedError(f"{name} is not Unicode text") from None
    if not 0 < size <= max_bytes:
        raise TagSeedError(f"{name} has {size} bytes: 1 to {max_bytes} are allowed")


def _parse_number(text: str, row: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_NUMBER_LENGTH):
        raise TagSeedError(f"revalidatedAt of row {row} is not a whole number")
    return int(text)


def _read_elements(stream: IO[bytes]) -> Iterator[object]:
    text = _JsonReader(stream)
    if text.read_character() != "[":
        raise TagSeedError("it is not a JSON array")
    if text.peek_character() == "]":
        text.read_character()
    else:
        yield text.read_element()
        while (separator := text.read_character()) == ",":
            yield text.read_element()
        if separator != "]":
            raise TagSeedError("it is not a JSON array of rows")
    if text.read_character():
        raise TagSeedError("it has text after its JSON array")


class _JsonReader:
    """A reader of a JSON text. It keeps about one chunk of the text in memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._reader = codecs.getreader("utf-8")(stream)
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0

    def read_character(self) -> str:
        """Return the next character that is not blank, and move past it. At the end, return an empty text."""
        character = self.peek_character()
        self._at += len(character)
        return character

    def peek_character(self) -> str:
        """Return the same as `read_character`, but do not move past the character."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANKS:
                    return self._text[self._at]
                self._at += 1
            if not self._fill():
                return ""

    def read_element(self) -> object:
        self.peek_character()
        while True:
            try:
                value, self._at = self._decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                # Either the chunk ends inside this row, or the JSON is wrong. Read more to find out which. A
                # valid row is short.
                if len(self._text) - self._at > _MAX_ROW_LENGTH or not self._fill():
                    raise TagSeedError("it is not JSON, or a row of it is too long") from None
            else:
                return value

    def _fill(self) -> bool:
        try:
            chunk = self._reader.read(_CHUNK_BYTES)
        except UnicodeDecodeError:
            raise TagSeedError("it is not UTF-8") from None
        self._text = self._text[self._at :] + chunk
        self._at = 0
        return bool(chunk)
